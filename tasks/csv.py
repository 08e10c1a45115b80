"""Any table of your own: CSV, TSV or Parquet, with a column that names the class of each row."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from benchmark.protocol import splits
from benchmark.protocol.arguments import Range
from benchmark.protocol.arrays import Ints
from benchmark.protocol.errors import UserError
from benchmark.protocol.task import Budget, Data, Estimator, Network, Source, Splits, Task
from tasks.synthetic import table
from tasks.tables import features, leakage, models, reader
from tasks.tables import roles as column_roles

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


COINCIDENCES = 10  # a row has so many places to be in, where two that are equal are one twice


@dataclass(frozen=True)
class Settings:
    """What can be said of the table. Names are of columns, as its header has them."""

    target: str = ""  # the column to predict; else one called target, label, class, ...
    positive: str = ""  # its value that counts as positive; else the rarer of two
    group: str = ""  # rows with the same value here share a split
    time: str = ""  # the newest rows are tested, those before them validate
    weight: str = ""  # what a row counts in training
    drop: str = ""  # columns to leave out, separated by commas
    model: Literal["mlp", "hgb", "logistic"] = "mlp"
    validation: Annotated[float, Range(0.01, 0.45)] = 0.15  # share of the rows
    test: Annotated[float, Range(0.01, 0.45)] = 0.15  # share of the rows
    rare: Annotated[int, Range(1)] = 10  # a level with fewer training rows is "other"
    smallest: Annotated[int, Range(0)] = 0  # rows of classes with fewer are left out
    rows: Annotated[int, Range(100)] = 500_000  # of a longer table, so many at random
    encoding: str = ""  # of the file, if it is neither UTF-8 nor Windows'


def load(settings: Settings, path: Path) -> Data:
    """The table at `path`, or the only one in that folder. UserError says what is wrong."""
    file = reader.find(path)
    table = reader.read(file, settings.encoding, settings.rows)
    return _data(table, settings, "real", str(file))


def synthetic(settings: Settings) -> Data:
    """Made-up customers, of whom one in ten leaves."""
    return _data(table.customers(), settings, "synthetic", "table stand-in")


def _data(table: reader.RawTable, settings: Settings, source: Source, origin: str) -> Data:
    roles = column_roles.assign(table, settings, origin)
    groups, said = _groups(roles)
    notes = [*roles.notes, *said]
    places = None
    if roles.times is not None:
        places = splits.by_time(roles.times, settings.validation, settings.test)
        left = splits.without_straddlers(places, groups)
        if (left != places).any():
            notes.append(
                f"{(left != places).sum():,} rows are left out: their group is in a later split"
            )
        places = left
        notes.append(splits.SAME_TEST)
    if roles.weights is not None:
        notes.append(f"{settings.weight!r} weighs rows in training; measures count each row once")
    data = Data(
        rows=roles.features,
        labels=roles.labels,
        groups=groups,
        classes=roles.classes,
        digest=_digest(roles, groups, places),
        source=source,
        origin=origin,
        weights=roles.weights,
        places=places,
    )
    return replace(data, notes=(*notes, *_leaks(data, settings)))


def _groups(roles: column_roles.Roles) -> tuple[Ints, list[str]]:
    """Rows that belong together: with the same features, or of the same group."""
    import pandas as pd
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = len(roles.labels)
    own = np.arange(count)
    content = pd.util.hash_pandas_object(roles.features, index=False)
    twins = np.unique(content, return_inverse=True)[1]
    notes = []
    places = np.prod([roles.features[name].nunique() for name in roles.features], dtype=float)
    if twins.max() + 1 < count and places < COINCIDENCES * count:
        notes.append(
            f"rows have only {places:,.0f} ways to differ: equal ones are taken for different cases"
        )
        twins = own
    if roles.group is None:
        return twins.astype(np.int64), notes
    group = pd.factorize(roles.group)[0]
    group = np.where(group < 0, group.max() + 1 + own, group)  # one without a name is its own
    links = coo_array(
        (np.ones(count, bool), (twins, twins.max() + 1 + group)),
        shape=(total := int(twins.max() + group.max()) + 2, total),
    )
    return connected_components(links, directed=False)[1][twins].astype(np.int64), notes


def _digest(roles: column_roles.Roles, groups: Ints, places: Ints | None) -> str:
    """Of all that can change a result."""
    import pandas as pd

    content = hashlib.sha256("\n".join([*roles.features, *roles.classes]).encode())
    content.update(pd.util.hash_pandas_object(roles.features, index=False).to_numpy().tobytes())
    for values in (roles.labels, groups, places, roles.weights):
        content.update(b"" if values is None else values.tobytes())
    return content.hexdigest()


def _leaks(data: Data, settings: Settings) -> list[str]:
    """Warnings, from the training rows of the first seed."""
    train, _, _ = _parts(data, settings, 0)
    train = np.random.default_rng(0).permutation(train)
    known = data.rows.iloc[train]
    learned = features.learn(known, settings.rare)
    return [
        f"column {name!r} alone tells the class (ROC AUC {auc:.4f}): if it is not known before the "
        f"class is, leave it out with drop={name}"
        for name, auc in leakage.leaks(known, data.labels[train], learned)
    ]


def _parts(data: Data, settings: Settings, seed: int) -> tuple[Ints, Ints, Ints]:
    try:
        return splits.by_groups(data, settings.validation, settings.test, seed)
    except UserError as error:
        if len(data.classes) == 2:
            raise
        raise UserError(f"{error}; smallest=10 leaves out classes of fewer than 10 rows") from None


def split(data: Data, settings: Settings, seed: int) -> Splits:
    """By share or time, groups together; statistics of the columns are of the training rows."""
    train, validation, test = _parts(data, settings, seed)
    # trees find single numbers by themselves: codes would only be more to learn by heart
    most_codes = 0 if settings.model == "hgb" else features.LEVELS
    learned = features.learn(data.rows.iloc[train], settings.rare, most_codes)
    return Splits(
        x=features.encode(learned, data.rows),
        y=data.labels,
        train=train,
        validation=validation,
        test=test,
        categorical=features.categorical(learned),
        weights=data.weights,
        learned=learned,
    )


def encode(settings: Settings, learned: Any, raw: pd.DataFrame) -> NDArray[np.float32]:
    """Numbers as their quantiles in training, 0 to 1, then categories as codes."""
    return features.encode(learned, raw)


def network(
    settings: Settings, splits: Splits, classes: int, budget: Budget
) -> Network | Estimator:
    """The settings' model, untrained."""
    return models.MODELS[settings.model](splits, classes, budget)


def budget(settings: Settings, source: Source) -> Budget:
    """The same for every table."""
    return models.BUDGETS[settings.model][source]


def fetch(path: Path) -> None:
    """It is yours."""
    raise UserError("the table is your own: name it with --data")


TASK = Task(
    summary='a table of your own (CSV, TSV, Parquet): settings="target=... positive=..."',
    kind="table",
    settings=Settings,
    load=load,
    synthetic=synthetic,
    split=split,
    encode=encode,
    network=network,
    budget=budget,
    fetch=fetch,
    is_network=lambda settings: settings.model == "mlp",
)
