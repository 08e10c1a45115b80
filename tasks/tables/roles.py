"""Which column is what: the target, the group, the time, the weight, and those left out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmark.protocol.arguments import suggest
from benchmark.protocol.arrays import Ints
from benchmark.protocol.errors import UserError
from tasks.tables import columns
from tasks.tables.target import labelled, some, truth

if TYPE_CHECKING:
    import pandas as pd

    from tasks.tables.reader import RawTable


USUAL = ("target", "label", "class", "y", "outcome", "response")  # names of a target
ID = re.compile(r"(^|[\W_])(id|uuid|guid|key|index|nr|no)$|[a-z](Id|ID|Nr)$|^unnamed_1$", re.ASCII)
DISTINCT = 0.95  # of the values: from here on a column of text tells rows apart, not classes
REPEATED = 0.2  # likewise of a column that is called an id: from here on it tells groups apart
FEW = 50  # rows; in fewer, values may all be distinct by chance


class Names(Protocol):
    """The settings that name columns; "" is none."""

    target: str
    positive: str
    group: str
    time: str
    weight: str
    drop: str
    smallest: int


@dataclass(frozen=True)
class Roles:
    """A table taken apart, for the rows whose class is known."""

    features: pd.DataFrame  # float64 or text
    labels: Ints
    classes: tuple[str, ...]
    group: pd.Series | None
    times: NDArray[np.float64] | None
    weights: NDArray[np.float64] | None
    notes: tuple[str, ...]


def assign(table: RawTable, names: Names, origin: str) -> Roles:
    """Takes a table apart. Raises UserError for columns and values that are not there."""
    frame = table.frame
    notes = list(table.notes)
    dropped = [name.strip() for name in names.drop.split(",") if name.strip()]
    for name in (*dropped, names.group, names.time, names.weight):
        if name:
            _require(frame, name, origin)
    target = _target(frame, names.target, {*dropped}, origin, notes)
    labels, classes = labelled(truth(frame[target]), target, names, origin, notes)
    known = labels >= 0
    if not known.all():
        frame, labels = frame[known].reset_index(drop=True), labels[known]
    special = {target, names.group, names.time, names.weight, *dropped}
    kept = frame[[name for name in frame.columns if name not in special]]
    features = _features(kept, table.semicolons, notes)
    if not len(features.columns):
        raise UserError(f"{origin}: no column is left to tell {target!r} from")
    return Roles(
        features=features,
        labels=labels,
        classes=classes,
        group=columns.text(frame[names.group]) if names.group else None,
        times=_times(frame, names.time, table.semicolons, origin) if names.time else None,
        weights=_weights(frame, names.weight, table.semicolons, origin) if names.weight else None,
        notes=tuple(notes),
    )


def _require(frame: pd.DataFrame, name: str, origin: str) -> None:
    if name not in frame.columns:
        raise UserError(f"{origin} has no column {name!r}: {suggest(name, frame.columns)}")


def _target(
    frame: pd.DataFrame, given: str, dropped: set[str], origin: str, notes: list[str]
) -> str:
    if given:
        _require(frame, given, origin)
        return given
    usual = [name for name in frame.columns if name.lower() in USUAL and name not in dropped]
    if len(usual) != 1:
        raise UserError(
            f'{origin}: which column is to be predicted? Name it: --settings "target=..."; '
            f"columns: {some([str(name) for name in frame.columns])}"
        )
    notes.append(f"target={usual[0]}, by its name")
    return str(usual[0])


def _features(frame: pd.DataFrame, semicolons: bool, notes: list[str]) -> pd.DataFrame:
    """The columns that may tell classes apart, numbers as float64 and all else as text."""
    import pandas as pd

    found: dict[str, pd.Series] = {}
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
                    f"{len(strange)} of them: {some(strange)}"
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
            found[str(name)] = column
    notes += [f"left out, {why}: {some(of)}" for why, of in left_out.items() if of]
    return pd.DataFrame(found, index=frame.index)


def _is_id(name: str, column: pd.Series, distinct: int) -> bool:
    """Whether it tells rows, or groups of rows, apart rather than classes."""
    there = column.dropna()
    called = bool(ID.search(name))
    if len(column) < FEW or distinct < REPEATED * len(there):
        return False
    if column.dtype != np.float64:
        return (called or distinct >= DISTINCT * len(there)) and not columns.date_format(column)
    if not columns.is_whole(column):
        return False
    dense = distinct == len(column) and there.max() - there.min() < 2 * len(column)
    return called or dense


def _times(frame: pd.DataFrame, name: str, semicolons: bool, origin: str) -> NDArray[np.float64]:
    values = columns.text(frame[name])
    form = columns.date_format(values)
    if form:
        moments = columns.dates(values, form)
        found = moments.astype("int64").astype("float64").mask(moments.isna())
    else:
        parsed = columns.numbers(values, semicolons)
        if parsed is None:
            raise UserError(f"{origin}: time column {name!r} holds neither dates nor numbers")
        found = parsed[0]
    _require_all(found, frame[name], f"{origin}: time column {name!r}", "no point in time")
    return found.to_numpy(np.float64)


def _weights(frame: pd.DataFrame, name: str, semicolons: bool, origin: str) -> NDArray[np.float64]:
    parsed = columns.numbers(columns.text(frame[name]), semicolons)
    where = f"{origin}: weight column {name!r}"
    if parsed is None:
        raise UserError(f"{where} holds no numbers")
    _require_all(parsed[0].where(parsed[0] > 0), frame[name], where, "no number above 0")
    return parsed[0].to_numpy(np.float64)


def _require_all(found: pd.Series, written: pd.Series, where: str, wanted: str) -> None:
    if found.isna().any():
        rows = np.flatnonzero(found.isna())
        first = f"row {rows[0] + 1}: {written.iloc[rows[0]]!r}"
        raise UserError(
            f"{where} has {wanted} in {first}; fill it in or remove such rows, {len(rows):,} in all"
        )
