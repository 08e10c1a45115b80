"""The target of a table: its values as classes and labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from benchmark.protocol.arrays import Ints
from benchmark.protocol.errors import UserError
from tasks.tables import columns, numbers

if TYPE_CHECKING:
    import pandas as pd


MOST_CLASSES = 200


class TargetSettings(Protocol):
    """The settings that choose the classes."""

    positive: str  # value of the positive class; "" names none
    smallest: int  # rows; smaller classes are left out


def as_text(values: pd.Series) -> pd.Series:
    """Return the target as text, whole numbers without decimals: 1.0 is 1."""
    import pandas as pd

    if pd.api.types.is_bool_dtype(values):
        return columns.text(values)
    written = values if pd.api.types.is_numeric_dtype(values) else columns.text(values)
    parsed = numbers.parse(written, semicolons=False)
    if parsed is None or parsed.notes or len(parsed.strange):
        return columns.text(values)
    return parsed.values.map("{:.15g}".format, na_action="ignore").astype("str")


def encode_labels(
    values: pd.Series, target: str, settings: TargetSettings, origin: str, notes: list[str]
) -> tuple[Ints, tuple[str, ...]]:
    """Return the label of each row, -1 where it has none, and the classes.

    With two classes the second is positive: the one of the settings, else the rarer.

    Args:
        values: of the target, as `as_text` returns them.
        target: its name.
        notes: are added to.

    Raises:
        UserError: for fewer than two classes, or more than a classifier can tell apart.
    """
    where = f"{origin}: target {target!r}"
    missing = int(values.isna().sum())
    if missing:
        notes.append(f"{missing:,} rows without a value of {target!r} are left out")
    values = _one_spelling(values, target, settings, notes)
    counts = values.value_counts()
    positive = _positive(settings.positive, counts.index, where) if settings.positive else ""
    if positive and len(counts) > 2:
        values = values.where(values.isna() | (values == positive), f"not {positive}")
        counts = values.value_counts()
        notes.append(f"two classes: {positive!r} and every other value of {target!r}")
    small = counts[counts < settings.smallest]
    if len(small):
        notes.append(
            f"{small.sum():,} rows of {len(small)} classes with fewer than {settings.smallest} "
            f"rows are left out: {columns.first_few(small.index)}"
        )
        values, counts = values.mask(values.isin(small.index)), counts.drop(small.index)
    if len(counts) < 2:
        only = f"is {counts.index[0]!r} in every row" if len(counts) else "has no values"
        raise UserError(f"{where} {only}: two classes or more are needed")
    if len(counts) > min(MOST_CLASSES, len(values) / 2):
        raise UserError(
            f"{where} has {len(counts):,} different values in {len(values):,} rows: a number to "
            f"estimate or an id, not classes, or too few rows; at most {MOST_CLASSES} classes, of "
            "two rows or more, can be told apart"
        )
    if len(counts) > 2:
        classes = tuple(sorted(counts.index, key=_naturally))
    else:
        classes = tuple(sorted(counts.index, key=lambda value: (value == positive, -counts[value])))
        if not positive:
            notes.append(f"positive={classes[1]}, the rarer class")
    labels = values.map({name: label for label, name in enumerate(classes)})
    return labels.fillna(-1).to_numpy(np.int64), classes


def _one_spelling(
    values: pd.Series, target: str, settings: TargetSettings, notes: list[str]
) -> pd.Series:
    """Join values that differ in case alone, such as Yes and yes, where that leaves two classes.

    Of more classes, such as letters, they stay apart; a note says which it was.
    """
    counts = values.value_counts()  # the most frequent first
    first: dict[str, str] = {}
    spelt = {name: first.setdefault(_folded(name), name) for name in counts.index}
    others = [name for name, spelling in spelt.items() if name != spelling]
    if not others:
        return values
    together = len(first) == 2 or bool(settings.positive)
    told = [f"{name!r} ({counts[name]:,} rows) and {spelt[name]!r}" for name in others]
    verb = "are one class" if together else "are different classes"
    notes.append(f"values of {target!r} that differ in spelling {verb}: {columns.first_few(told)}")
    return values.map(spelt, na_action="ignore") if together else values


def _folded(value: str) -> tuple[float, str]:
    """Return what spellings of one value have in common: Yes and yes, 1.0 and 1."""
    return _naturally(value.casefold())


def _positive(given: str, values: Sequence[str], where: str) -> str:
    """Return the value that is meant: 1 matches 1.0, Yes matches yes."""
    for normal in (str, _folded):
        for value in values:
            if normal(value) == normal(given):
                return value
    raise UserError(
        f"{where} has no value {given!r}; its values are "
        f"{columns.first_few(sorted(values, key=_naturally))}"
    )


def _naturally(value: str) -> tuple[float, str]:
    """Return a sort key: numbers by their size, whatever their decimals, before text."""
    try:
        return float(value), ""
    except ValueError:
        return np.inf, value
