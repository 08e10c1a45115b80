"""The classes of a table: the values of its target, as labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from benchmark.protocol.arrays import Ints
from benchmark.protocol.errors import UserError
from tasks.tables import columns

if TYPE_CHECKING:
    import pandas as pd


MOST_CLASSES = 200
SHOWN = 12  # names or values in a message


class TargetSettings(Protocol):
    """The settings that say which classes are wanted."""

    @property
    def positive(self) -> str: ...
    @property
    def smallest(self) -> int: ...


def truth(values: pd.Series) -> pd.Series:
    """The target as text, whole numbers without decimals: 1.0 is 1."""
    import pandas as pd

    if pd.api.types.is_bool_dtype(values) or not pd.api.types.is_numeric_dtype(values):
        written = columns.text(values)
        found = pd.to_numeric(written, errors="coerce")
        if found.notna().sum() < written.notna().sum():
            return written
        values = found
    return values.astype("float64").map("{:.12g}".format, na_action="ignore").astype("str")


def labelled(
    truth: pd.Series, target: str, wanted: TargetSettings, origin: str, notes: list[str]
) -> tuple[Ints, tuple[str, ...]]:
    """The label of each row, -1 where it has none, and the classes."""
    where = f"{origin}: target {target!r}"
    counts = truth.value_counts()
    unknown = int(truth.isna().sum())
    if unknown:
        notes.append(f"{unknown:,} rows without a value of {target!r} are left out")
    positive = _positive(wanted.positive, counts.index, where) if wanted.positive else ""
    if positive and len(counts) > 2:
        truth = truth.where(truth.isna() | (truth == positive), f"not {positive}")
        counts = truth.value_counts()
        notes.append(f"two classes: {positive!r} and every other value of {target!r}")
    small = counts[counts < wanted.smallest]
    if len(small):
        notes.append(
            f"{small.sum():,} rows of {len(small)} classes with fewer than {wanted.smallest} rows "
            f"are left out: {some(small.index)}"
        )
        truth, counts = truth.mask(truth.isin(small.index)), counts.drop(small.index)
    if len(counts) < 2:
        only = f"is {counts.index[0]!r} in every row" if len(counts) else "has no values"
        raise UserError(f"{where} {only}: two classes or more are needed")
    if len(counts) > min(MOST_CLASSES, len(truth) / 2):
        raise UserError(
            f"{where} has {len(counts):,} different values: a number to estimate or an id, not "
            f"classes; at most {MOST_CLASSES} classes can be told apart"
        )
    if len(counts) > 2:
        classes = tuple(sorted(counts.index, key=_naturally))
    else:
        classes = tuple(sorted(counts.index, key=lambda value: (value == positive, -counts[value])))
        if not positive:
            notes.append(f"positive={classes[1]}, the rarer class")
    labels = truth.map({name: label for label, name in enumerate(classes)})
    return labels.fillna(-1).to_numpy(np.int64), classes


def _positive(given: str, values: Sequence[str], where: str) -> str:
    """The value that is meant: 1 is 1.0, Yes is yes."""
    for same in (str, str.lower, _naturally):
        for value in values:
            if same(value) == same(given):
                return value
    raise UserError(f"{where} has no value {given!r}: {some(sorted(values, key=_naturally))}")


def _naturally(value: str) -> tuple[float, str]:
    """Numbers by their size, whatever their decimals, before text."""
    try:
        return float(value), ""
    except ValueError:
        return np.inf, value


def some(values: Sequence[str]) -> str:
    shown = ", ".join(str(value) for value in [*values][:SHOWN])
    return shown + (f" and {len(values) - SHOWN} more" if len(values) > SHOWN else "")
