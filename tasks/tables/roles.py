"""Roles of columns: target, group, time, weight, features, and those left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from benchmark.protocol import progress, splits
from benchmark.protocol.arguments import suggest
from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.errors import UserError
from benchmark.protocol.task import Column
from tasks.tables import columns, numbers
from tasks.tables.columns import first_few
from tasks.tables.kinds import AN_ID, NO_VALUE, ONE_VALUE, Wanted, recognise
from tasks.tables.target import TargetSettings, as_text, encode_labels

if TYPE_CHECKING:
    import pandas as pd

    from tasks.tables.sampling import RawTable


TARGETS = ("target", "label", "class", "y", "outcome", "response")  # usual names of a target
KINDS: dict[str, Wanted] = {"numbers": "number", "categories": "category"}
SPLITS = {"train": splits.TRAIN, "training": splits.TRAIN, "test": splits.TEST}
SPLITS |= dict.fromkeys(["validation", "valid", "val", "dev"], splits.VALIDATION)


class RoleSettings(TargetSettings, Protocol):
    """The settings that name columns; "" names none."""

    target: str
    group: str
    time: str
    split: str
    weight: str
    drop: str
    numbers: str
    categories: str


@dataclass(frozen=True)
class Roles:
    """The columns of a table by their roles, for the rows whose class is known."""

    features: pd.DataFrame  # float64 or text
    labels: Ints
    classes: tuple[str, ...]
    group: pd.Series | None
    times: Floats | None
    places: Ints | None
    weights: Floats | None
    aside: pd.DataFrame  # the other columns, float64 or text
    columns: tuple[Column, ...]  # all of the table
    notes: tuple[str, ...]


def assign(table: RawTable, settings: RoleSettings, origin: str) -> Roles:
    """Assign a role to each column.

    Args:
        origin: of the table, for messages.

    Raises:
        UserError: for columns that do not exist and values that cannot be used.
    """
    frame, semicolons = table.frame, table.semicolons
    notes = list(table.notes)
    named = _named(frame, settings, origin)
    target = _target(frame, settings.target, {*named}, origin, notes)
    labels, classes = encode_labels(as_text(frame[target]), target, settings, origin, notes)
    labelled = labels >= 0
    if not labelled.all():
        frame, labels = frame[labelled].reset_index(drop=True), labels[labelled]
    wanted: dict[str, Wanted] = {name: KINDS[role] for name, role in named.items() if role in KINDS}
    used = {target, *named} - {*wanted}
    others = frame[[name for name in frame.columns if name not in used]]
    features, kinds = _features(others, wanted, semicolons, notes)
    if not len(features.columns):
        raise UserError(f"{origin}: no column is left to predict {target!r} from")
    roles = {target: "target"} | named
    known = {column.name: column for column in kinds}
    return Roles(
        features=features,
        labels=labels,
        classes=classes,
        group=columns.text(frame[settings.group]) if settings.group else None,
        times=_times(frame, settings.time, semicolons, origin) if settings.time else None,
        places=_places(frame, settings.split, origin) if settings.split else None,
        weights=_weights(frame, settings.weight, semicolons, origin) if settings.weight else None,
        aside=_aside(frame.drop(columns=[target, *features.columns]), used, semicolons),
        columns=tuple(
            known.get(name) or Column(name, roles[name]) for name in map(str, frame.columns)
        ),
        notes=tuple(notes),
    )


def _named(frame: pd.DataFrame, settings: RoleSettings, origin: str) -> dict[str, str]:
    """Return column -> the setting that names it.

    Raises:
        UserError: for columns that do not exist, or that are features or the target and more.
    """
    named: dict[str, str] = {}
    for role, name in _names(settings):
        _require(frame, name, origin)
        if {role, named.get(name, role)} & {"target", *KINDS} and named.get(name, role) != role:
            raise UserError(f"{origin}: column {name!r} is named by {named[name]}= and by {role}=")
        named.setdefault(name, role)
    return named


def _names(settings: RoleSettings) -> Iterator[tuple[str, str]]:
    """Yield the settings that name columns, and each name."""
    for role in ("target", "group", "time", "split", "weight"):
        if getattr(settings, role):
            yield role, getattr(settings, role)
    for role in ("drop", *KINDS):
        for name in getattr(settings, role).split(","):
            if name.strip():
                yield role, name.strip()


def _require(frame: pd.DataFrame, name: str, origin: str) -> None:
    """Raise UserError if there is no such column."""
    if name not in frame.columns:
        raise UserError(f"{origin} has no column {name!r}: {suggest(name, frame.columns)}")


def _target(
    frame: pd.DataFrame, given: str, dropped: set[str], origin: str, notes: list[str]
) -> str:
    """Return the column to predict: the given one, else the only one with a usual name."""
    if given:
        _require(frame, given, origin)
        return given
    usual = [name for name in frame.columns if name.lower() in TARGETS and name not in dropped]
    if len(usual) != 1:
        raise UserError(
            f'{origin}: which column is to be predicted? Name it: --settings "target=..."; '
            f"columns: {first_few([str(name) for name in frame.columns])}"
        )
    notes.append(f"target={usual[0]}, by its name")
    return str(usual[0])


def _features(
    frame: pd.DataFrame, wanted: dict[str, Wanted], semicolons: bool, notes: list[str]
) -> tuple[pd.DataFrame, list[Column]]:
    """Return the columns to learn from, numbers as float64 and all others as text, and all kinds.

    Columns without information and ids are left out, with a note.
    """
    import pandas as pd

    found = []
    with progress.bar("Reading columns", frame.shape[1]) as advance:
        for name, values in frame.items():
            found.append(recognise(str(name), values, semicolons, wanted.get(str(name), "")))
            advance(1)
    features = {kind.column.name: kind.values for kind in found if kind.values is not None}
    notes += [note for kind in found for note in kind.notes]
    for reason in (NO_VALUE, ONE_VALUE, AN_ID):
        names = [
            kind.column.name for kind in found if kind.values is None and kind.column.why == reason
        ]
        if names:
            notes.append(f"left out, {reason}: {first_few(names)}")
    return pd.DataFrame(features, index=frame.index), [kind.column for kind in found]


def _aside(frame: pd.DataFrame, used: set[str], semicolons: bool) -> pd.DataFrame:
    """Return columns that nothing is learned from, numbers as float64 and all others as text.

    Args:
        used: those that a setting names; the others were left out, and stay text.
    """
    import pandas as pd

    found: dict[str, pd.Series] = {}
    for name, raw in frame.items():
        values = recognise(str(name), raw, semicolons, "").values if name in used else None
        found[str(name)] = columns.text(raw) if values is None else values
    return pd.DataFrame(found, index=frame.index)


def _times(frame: pd.DataFrame, name: str, semicolons: bool, origin: str) -> Floats:
    """Return points in time as numbers; UserError for values that are none."""
    values = columns.text(frame[name])
    form = columns.date_format(values)
    if form:
        moments = columns.dates(values, form)
        times = moments.astype("int64").astype("float64").mask(moments.isna())
    else:
        parsed = numbers.parse(values, semicolons)
        if parsed is None or 2 * parsed.values.notna().sum() < len(values):
            raise UserError(f"{origin}: time column {name!r} holds neither dates nor numbers")
        times = parsed.values
    _require_all(times, frame[name], f"{origin}: time column {name!r}", "no point in time")
    return times.to_numpy(np.float64)


def _places(frame: pd.DataFrame, name: str, origin: str) -> Ints:
    """Return the split of each row, as the table has it; UserError for other words."""
    written = columns.text(frame[name])
    places = written.str.lower().map(SPLITS).astype("float64")
    where = f"{origin}: split column {name!r}"
    _require_all(places, frame[name], where, "neither train, validation nor test")
    for part in (splits.TRAIN, splits.TEST):
        if not (places == part).any():
            raise UserError(f"{where} has no row of {splits.PLACES[part]}")
    return places.to_numpy(np.int64)


def _weights(frame: pd.DataFrame, name: str, semicolons: bool, origin: str) -> Floats:
    """Return weights; UserError unless all are above 0."""
    parsed = numbers.parse(columns.text(frame[name]), semicolons)
    where = f"{origin}: weight column {name!r}"
    if parsed is None or parsed.values.isna().all():
        raise UserError(f"{where} holds no numbers")
    _require_all(parsed.values.where(parsed.values > 0), frame[name], where, "no number above 0")
    return parsed.values.to_numpy(np.float64)


def _require_all(parsed: pd.Series, written: pd.Series, where: str, problem: str) -> None:
    """Raise UserError naming the first row whose parsed value is missing."""
    if parsed.isna().any():
        rows = np.flatnonzero(parsed.isna())
        first = f"row {rows[0] + 1}: {written.iloc[rows[0]]!r}"
        raise UserError(
            f"{where} has {problem} in {first}; fill it in or remove such rows, "
            f"{len(rows):,} in all"
        )
