"""What each column of a table is used as, and what it holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from benchmark.protocol.task import Column, Data

if TYPE_CHECKING:
    import pandas as pd


HEADINGS = ("column", "used as", "missing", "distinct", "values", "remarks")
SHOWN = 60  # columns
LEVELS = 3  # of a category, the most frequent
LONGEST = 24  # characters of a value


def rows(data: Data) -> Iterator[tuple[str, ...]]:
    """Yield a line of the report for each column, in the order of the table."""
    for column in data.columns[:SHOWN]:
        known = column.name in data.rows
        filled = _filled(column, data.rows[column.name]) if known else ("", "", "")
        yield column.name, column.kind, *filled, column.why


def sentences(data: Data) -> Iterator[str]:
    """Say how many columns are used as what, and how to change that."""
    if not data.columns:
        return
    kinds = [column.kind for column in data.columns]
    counts = [f"{kind} {kinds.count(kind):,}" for kind in dict.fromkeys(kinds)]
    yield f"columns: {', '.join(counts)}; numbers=, categories= and drop= in the settings change it"
    if len(kinds) > SHOWN:
        yield f"{len(kinds) - SHOWN:,} more columns are not shown"


def _filled(column: Column, values: pd.Series) -> tuple[str, str, str]:
    """Return the share of missing values, the number of distinct ones, and some of them."""
    share = values.isna().mean()
    missing = f"{share:.1%}" if share >= 0.001 else f"{values.isna().sum():,}" if share else ""
    return missing, f"{values.nunique():,}", _some(column, values.dropna())


def _some(column: Column, values: pd.Series) -> str:
    """Return the range of numbers with their median, or the most frequent of other values."""
    if values.dtype == np.float64:
        low, middle, high = np.quantile(values, (0, 0.5, 1))
        return f"{low:,.6g} to {high:,.6g}, median {middle:,.6g}"
    shares = values.value_counts(normalize=True).head(LEVELS)
    if column.kind == "date":
        return f"{values.iloc[0]}, ..."
    return ", ".join(f"{str(name)[:LONGEST]} {share:.0%}" for name, share in shares.items())
