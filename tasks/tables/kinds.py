"""What each column is: numbers, categories or dates, or left out, and why."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from benchmark.protocol.task import Column
from tasks.tables import columns, numbers
from tasks.tables.columns import first_few

if TYPE_CHECKING:
    import pandas as pd


ID = re.compile(r"(^|[\W_])(id|uuid|guid|key|index|nr|no)$|[a-z](Id|ID|Nr)$|^unnamed_1$", re.ASCII)
DISTINCT = 0.95  # share of distinct values from which a column of text is an id
REPEATED = 0.2  # likewise of a column with the name of an id, which may identify groups
FEW = 50  # rows; in fewer rows, values may all be distinct by chance

NEARLY_ALL = 0.95  # of the values are numbers: the others are mistakes
SOME = 0.2  # of the values are numbers, and there are many: the others may be words for missing
MANY = 20  # distinct numbers, which a code hardly has
FEW_WORDS, PER_WORD = 5, 10  # at most so many distinct words, or one per so many distinct numbers

Wanted = Literal["number", "category", ""]
NO_VALUE, ONE_VALUE, AN_ID = "no value", "one value only", "an id"


@dataclass(frozen=True)
class Kind:
    """A column as it is used."""

    column: Column
    values: pd.Series | None  # float64 or text; None if it is left out
    notes: tuple[str, ...] = ()


def recognise(name: str, raw: pd.Series, semicolons: bool, wanted: Wanted) -> Kind:
    """Decide what a column is.

    Args:
        semicolons: whether they separate the fields of the file.
        wanted: what the user says that it is; "" if nothing. Then it is not left out as an id.
    """
    import pandas as pd

    found = None if wanted == "category" or raw.dtype == bool else numbers.plain(raw)
    if found is not None and found.notna().any():
        return _kind(Column(name, "number"), found, "", wanted, ())
    plain = pd.api.types.is_numeric_dtype(raw) and raw.dtype != bool and wanted != "category"
    written = raw if plain else columns.text(raw)
    kind, values, why, notes = "category", written, "", []
    if wanted == "number" or (not wanted and raw.dtype != bool and _has_digits(written)):
        parsed = numbers.parse(written, semicolons)
        if parsed is None:
            written = values = columns.text(raw)
            notes = ["numbers of so many digits that some would become equal are read as text"]
        elif wanted or _are_numbers(written, parsed):
            kind, values, notes = (
                "number",
                parsed.values,
                [*parsed.notes, *_missing(parsed.strange)],
            )
        elif len(parsed.strange) < written.notna().sum() / 2:
            share = 1 - len(parsed.strange) / written.notna().sum()
            notes = [f"{share:.0%} numbers, read as categories: numbers={name} changes that"]
    form = columns.date_format(values) if kind == "category" and not wanted else ""
    if form:
        kind, why = "date", f"written as {_in_words(form)}"
        notes = _missing(values[values.notna() & columns.dates(values, form).isna()], "dates")
    told = tuple(f"column {name!r}: {note}" for note in notes)
    column = Column(name, kind, "; ".join(filter(None, [why, *notes])))
    return _kind(column, values, form, wanted, told)


def _kind(
    column: Column, values: pd.Series, form: str, wanted: Wanted, notes: tuple[str, ...]
) -> Kind:
    """Return the column as it is, or left out if it is useless."""
    distinct = values.nunique()
    reason = _useless(column.name, values, distinct, form, wanted)
    if not reason:
        return Kind(column, values, notes)
    if reason == AN_ID and distinct < DISTINCT * values.notna().sum():
        same = f"several rows have the same {column.name!r}: "
        notes = (*notes, f"{same}group={column.name} keeps them in one split")
    return Kind(Column(column.name, "left out", reason), None, notes if reason == AN_ID else ())


def _has_digits(values: pd.Series) -> bool:
    """Return whether enough values have a digit to be numbers, which is quickly seen."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(values):
        return True
    return bool(values.str.contains(r"\d").sum() >= SOME * values.notna().sum())


def _are_numbers(values: pd.Series, parsed: numbers.Parsed) -> bool:
    """Return whether a column is numbers, with mistakes or words for missing among them."""
    share = 1 - len(parsed.strange) / max(1, values.notna().sum())
    distinct, words = parsed.values.nunique(), parsed.strange.nunique()
    if share >= NEARLY_ALL or not words:
        return values.notna().any()
    return share >= SOME and distinct > MANY and words <= max(FEW_WORDS, distinct / PER_WORD)


def _missing(strange: pd.Series, kind: str = "finite numbers") -> list[str]:
    """Note values that count as missing."""
    if not len(strange):
        return []
    shown = first_few(strange.value_counts().index)
    return [f"{len(strange):,} values that are no {kind} count as missing: {shown}"]


def _in_words(form: str) -> str:
    letters = {"%Y": "YYYY", "%m": "MM", "%d": "DD", "%b": "Mon", "%H": "hh", "%M": "mm"}
    letters |= {"%S": "ss", "ISO8601": "YYYY-MM-DD"}
    for code, word in letters.items():
        form = form.replace(code, word)
    return form


def _useless(name: str, values: pd.Series, distinct: int, form: str, wanted: Wanted) -> str:
    """Return why a column is left out; "" if it is not."""
    if distinct == 0:
        return NO_VALUE
    if distinct == 1 and values.notna().all():
        return ONE_VALUE
    return AN_ID if not wanted and not form and _is_id(name, values, distinct) else ""


def _is_id(name: str, column: pd.Series, distinct: int) -> bool:
    """Return whether a column identifies rows or groups of rows rather than describing them."""
    values = column.dropna()
    named = bool(ID.search(name))
    if len(column) < FEW or distinct < REPEATED * len(values):
        return False
    if column.dtype != np.float64:
        return named or distinct >= DISTINCT * len(values)
    if not columns.is_whole(column):
        return False
    dense = distinct == len(column) and values.max() - values.min() < 2 * len(column)
    return named or dense
