"""Roles of columns: target, group, time, weight, features, and those left out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from benchmark.protocol.arguments import suggest
from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.errors import UserError
from tasks.tables import columns
from tasks.tables.columns import first_few
from tasks.tables.target import TargetSettings, as_text, encode_labels

if TYPE_CHECKING:
    import pandas as pd

    from tasks.tables.sampling import RawTable


TARGETS = ("target", "label", "class", "y", "outcome", "response")  # usual names of a target
ID = re.compile(r"(^|[\W_])(id|uuid|guid|key|index|nr|no)$|[a-z](Id|ID|Nr)$|^unnamed_1$", re.ASCII)
DISTINCT = 0.95  # share of distinct values from which a column of text is an id
REPEATED = 0.2  # likewise of a column with the name of an id, which may identify groups
FEW = 50  # rows; in fewer rows, values may all be distinct by chance


class RoleSettings(TargetSettings, Protocol):
    """The settings that name columns; "" names none."""

    target: str
    group: str
    time: str
    weight: str
    drop: str


@dataclass(frozen=True)
class Roles:
    """The columns of a table by their roles, for the rows whose class is known."""

    features: pd.DataFrame  # float64 or text
    labels: Ints
    classes: tuple[str, ...]
    group: pd.Series | None
    times: Floats | None
    weights: Floats | None
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
    dropped = [name.strip() for name in settings.drop.split(",") if name.strip()]
    for name in (*dropped, settings.group, settings.time, settings.weight):
        if name:
            _require(frame, name, origin)
    target = _target(frame, settings.target, {*dropped}, origin, notes)
    labels, classes = encode_labels(as_text(frame[target]), target, settings, origin, notes)
    labelled = labels >= 0
    if not labelled.all():
        frame, labels = frame[labelled].reset_index(drop=True), labels[labelled]
    used = {target, settings.group, settings.time, settings.weight, *dropped}
    others = frame[[name for name in frame.columns if name not in used]]
    features = _features(others, semicolons, notes)
    if not len(features.columns):
        raise UserError(f"{origin}: no column is left to predict {target!r} from")
    return Roles(
        features=features,
        labels=labels,
        classes=classes,
        group=columns.text(frame[settings.group]) if settings.group else None,
        times=_times(frame, settings.time, semicolons, origin) if settings.time else None,
        weights=_weights(frame, settings.weight, semicolons, origin) if settings.weight else None,
        notes=tuple(notes),
    )


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


def _features(frame: pd.DataFrame, semicolons: bool, notes: list[str]) -> pd.DataFrame:
    """Return the columns to learn from, numbers as float64 and all others as text.

    Columns without information and ids are left out, with a note.
    """
    import pandas as pd

    features: dict[str, pd.Series] = {}
    left_out: dict[str, list[str]] = {"no value": [], "one value only": [], "an id": []}
    for name, values in frame.items():
        numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
        column = values if numeric else columns.text(values)
        parsed = columns.numbers(column, semicolons)
        if parsed:
            column, strange = parsed
            if strange:
                notes.append(
                    f"column {name!r}: values that are no numbers count as missing, "
                    f"{len(strange)} of them: {first_few(strange)}"
                )
        distinct = column.nunique()
        if distinct == 0:
            left_out["no value"].append(str(name))
        elif distinct == 1 and column.notna().all():
            left_out["one value only"].append(str(name))
        elif _is_id(str(name), column, distinct):
            left_out["an id"].append(str(name))
            if distinct < DISTINCT * column.notna().sum():
                notes.append(
                    f"several rows have the same {name!r}: group={name} keeps them in one split"
                )
        else:
            features[str(name)] = column
    notes += [
        f"left out, {reason}: {first_few(names)}" for reason, names in left_out.items() if names
    ]
    return pd.DataFrame(features, index=frame.index)


def _is_id(name: str, column: pd.Series, distinct: int) -> bool:
    """Return whether a column identifies rows or groups of rows rather than describing them."""
    values = column.dropna()
    named = bool(ID.search(name))
    if len(column) < FEW or distinct < REPEATED * len(values):
        return False
    if column.dtype != np.float64:
        return (named or distinct >= DISTINCT * len(values)) and not columns.date_format(column)
    if not columns.is_whole(column):
        return False
    dense = distinct == len(column) and values.max() - values.min() < 2 * len(column)
    return named or dense


def _times(frame: pd.DataFrame, name: str, semicolons: bool, origin: str) -> Floats:
    """Return points in time as numbers; UserError for values that are none."""
    values = columns.text(frame[name])
    form = columns.date_format(values)
    if form:
        moments = columns.dates(values, form)
        times = moments.astype("int64").astype("float64").mask(moments.isna())
    else:
        parsed = columns.numbers(values, semicolons)
        if parsed is None:
            raise UserError(f"{origin}: time column {name!r} holds neither dates nor numbers")
        times = parsed[0]
    _require_all(times, frame[name], f"{origin}: time column {name!r}", "no point in time")
    return times.to_numpy(np.float64)


def _weights(frame: pd.DataFrame, name: str, semicolons: bool, origin: str) -> Floats:
    """Return weights; UserError unless all are above 0."""
    parsed = columns.numbers(columns.text(frame[name]), semicolons)
    where = f"{origin}: weight column {name!r}"
    if parsed is None:
        raise UserError(f"{where} holds no numbers")
    _require_all(parsed[0].where(parsed[0] > 0), frame[name], where, "no number above 0")
    return parsed[0].to_numpy(np.float64)


def _require_all(parsed: pd.Series, written: pd.Series, where: str, problem: str) -> None:
    """Raise UserError naming the first row whose parsed value is missing."""
    if parsed.isna().any():
        rows = np.flatnonzero(parsed.isna())
        first = f"row {rows[0] + 1}: {written.iloc[rows[0]]!r}"
        raise UserError(
            f"{where} has {problem} in {first}; fill it in or remove such rows, "
            f"{len(rows):,} in all"
        )
