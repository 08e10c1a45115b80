"""A table as a data set: groups, splits by time or share, and warnings about its columns."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from typing import Protocol

import numpy as np

from benchmark.protocol import dealing, splits, windows
from benchmark.protocol.arrays import Ints
from benchmark.protocol.errors import UserError
from benchmark.protocol.task import Data, Source
from tasks.tables import features, leakage
from tasks.tables.roles import Roles, RoleSettings, assign
from tasks.tables.sampling import RawTable

COINCIDENCES = 10  # possible rows per row, below which equal rows count as different cases


class Settings(RoleSettings, Protocol):
    """The settings that a table is read by."""

    validation: float  # share of the rows
    test: float  # share of the rows
    rare: int  # levels with fewer training rows are one level
    folds: int  # test every row in turn, or move on in time; 0: random splits


def from_table(table: RawTable, settings: Settings, source: Source, origin: str) -> Data:
    """Assign roles to the columns of a table, and group its rows.

    Raises:
        UserError: for columns, values or classes that cannot be used.
    """
    roles = assign(table, settings, origin)
    groups, group_notes = _groups(roles)
    notes = [*roles.notes, *group_notes]
    moving = settings.folds > 0 and roles.times is not None
    places = None if moving else _places(roles, groups, settings, origin, notes)
    if settings.folds and places is not None:
        raise UserError(f"{origin}: split= chooses the rows of test: leave folds= out")
    if places is None:
        notes += _large_groups(roles.labels, groups, settings)
    if roles.weights is not None:
        notes.append(f"{settings.weight!r} weighs rows in training; measures count each row once")
    data = Data(
        rows=roles.features,
        labels=roles.labels,
        groups=groups,
        classes=roles.classes,
        digest=_digest(roles, groups, places, _ranks(roles) if moving else None),
        source=source,
        origin=origin,
        weights=roles.weights,
        places=places,
        times=_ranks(roles) if moving else None,
        notes=tuple(notes),
        columns=roles.columns,
        aside=roles.aside,
    )
    return _with_leaks(data, settings)


def _places(
    roles: Roles, groups: Ints, settings: Settings, origin: str, notes: list[str]
) -> Ints | None:
    """Return the split of each row where time or a column of the table decides it."""
    if roles.times is not None and roles.places is not None:
        raise UserError(f"{origin}: time= and split= both choose the rows of test: name one")
    if roles.times is not None:
        given = windows.by_time(roles.times, settings.validation, settings.test)
    elif roles.places is not None:
        given = roles.places
    else:
        return None
    places = windows.without_straddlers(given, groups)
    left_out = (places != given).sum()
    if left_out:
        notes.append(f"{left_out:,} rows are left out: their group is in a later split")
    notes.append(splits.SAME_TEST)
    return places


def _ranks(roles: Roles) -> Ints:
    """Number the points in time in their order, (rows,)."""
    return np.unique(roles.times, return_inverse=True)[1].astype(np.int64)


def _large_groups(labels: Ints, groups: Ints, settings: Settings) -> list[str]:
    """Note groups that would decide the measures of a split."""
    _, sizes = np.unique(groups, return_counts=True)
    most = dealing.largest((settings.validation, settings.test), len(labels))
    large = sizes[sizes > most]
    if not len(large):
        return []
    kind = f"equal rows or of one {settings.group}" if settings.group else "equal rows"
    return [
        f"groups of {kind} that are more than a fifth of a test split: {len(large):,}, the largest "
        f"of {large.max():,} rows; each is kept whole and put where there is most room, training "
        "above all, and every split still has its share of each class"
    ]


def split_rows(data: Data, settings: Settings, seed: int) -> tuple[Ints, Ints, Ints]:
    """Return the rows of train, validation and test; UserError if a class is too small."""
    try:
        if settings.folds:
            return splits.by_turns(data, settings.validation, settings.test, seed, settings.folds)
        return splits.by_groups(data, settings.validation, settings.test, seed)
    except UserError as error:
        if len(data.classes) == 2:
            raise
        raise UserError(f"{error}; smallest=10 leaves out classes of fewer than 10 rows") from None


def _groups(roles: Roles) -> tuple[Ints, list[str]]:
    """Group rows with the same features or of the same group; return groups and notes."""
    import pandas as pd

    count = len(roles.labels)
    row_numbers = np.arange(count)
    content = pd.util.hash_pandas_object(roles.features, index=False)
    twins = np.unique(content, return_inverse=True)[1]
    notes = []
    if twins.max() + 1 < count:
        possible = math.prod(max(1, roles.features[name].nunique()) for name in roles.features)
        if possible < COINCIDENCES * count:
            notes.append(
                f"rows have only {possible:,} ways to differ: equal rows count as different cases"
            )
            twins = row_numbers
    if roles.group is None:
        return twins.astype(np.int64), notes
    group = pd.factorize(roles.group)[0]
    # a row without a group is a group by itself
    group = np.where(group < 0, group.max() + 1 + row_numbers, group)
    return splits.join_groups(twins, group), notes


def _digest(roles: Roles, groups: Ints, places: Ints | None, times: Ints | None) -> str:
    """Hash all that can change a result."""
    import pandas as pd

    content = hashlib.sha256("\n".join([*roles.features, *roles.classes]).encode())
    content.update(pd.util.hash_pandas_object(roles.features, index=False).to_numpy().tobytes())
    for values in (roles.labels, groups, places, roles.weights, times):
        content.update(b"" if values is None else values.tobytes())
    return content.hexdigest()


def _with_leaks(data: Data, settings: Settings) -> Data:
    """Warn of columns that predict the class alone, in the training rows of the first seed."""
    train, _, _ = split_rows(data, settings, 0)
    train = np.random.default_rng(0).permutation(train)
    rows = data.rows.iloc[train]
    learned = features.learn(rows, features.Coding(settings.rare))
    aucs = dict(leakage.leaks(rows, data.labels[train], learned))
    found = {
        name: f"alone predicts the class (ROC AUC {auc:.4f}): if it is not known before the class "
        f"is, leave it out with drop={name}"
        for name, auc in aucs.items()
        if auc > leakage.ALMOST_CERTAIN
    }
    warnings = [f"column {name!r} {warning}" for name, warning in found.items()]
    told = [
        replace(
            it,
            why=found.get(it.name, it.why),
            auc=aucs.get(it.name, 0.0),
            leaks=it.name in found,
        )
        for it in data.columns
    ]
    return replace(data, notes=(*data.notes, *warnings), columns=tuple(told))
