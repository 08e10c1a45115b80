"""Columns of a table as features: quantiles of numbers, codes of categories.

What is learned of the training rows is a list of plain values, one entry a column, so that rows
that come later are treated alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.protocol.errors import UserError
from tasks.tables import columns

if TYPE_CHECKING:
    import pandas as pd
from benchmark.protocol.arrays import Floats

Learned = dict[str, Any]

QUANTILES = 200
LEVELS = 250  # of a column, the most frequent ones; histograms of trees have room for 255
HALF = 0.5  # stands for a missing number, beside an indicator
NEAR = 1e-7  # of a number: text has fewer digits, and what comes back still has to be equal


def learn(known: pd.DataFrame, rare: int, most_codes: int = LEVELS) -> list[Learned]:
    """Of the training rows: quantiles of numbers, levels with at least `rare` rows.

    Args:
        most_codes: whole numbers of a column that has no more different ones are codes too.
    """
    return [_learn(str(name), known[name], rare, most_codes) for name in known]


def encode(learned: list[Learned], raw: pd.DataFrame) -> NDArray[np.float32]:
    """All numbers, 0 to 1, then all codes; see `categorical`."""
    blocks = [block(column, raw[column["name"]]) for column in learned]
    parts = [numbers for numbers, _ in blocks] + [codes for _, codes in blocks]
    return np.column_stack(parts).astype(np.float32)


def categorical(learned: list[Learned]) -> tuple[int, ...]:
    """Columns of the encoded rows that hold codes."""
    widths = np.array([_widths(column) for column in learned])
    numbers, codes = widths.sum(axis=0)
    return tuple(range(int(numbers), int(numbers + codes)))


def block(column: Learned, values: pd.Series) -> tuple[Floats, Floats]:
    """The numbers and the codes of one column, (rows, ...) each."""
    numbers, levels = _taken_apart(column["format"], values)
    scaled = [_scaled(part, of) for part, of in zip(numbers, column["quantiles"], strict=True)]
    if column["missing"]:
        scaled.append(np.isnan(numbers[0]).astype(np.float64))
    codes = [_codes(part, of) for part, of in zip(levels, column["levels"], strict=False)]
    empty = np.empty((len(values), 0))
    return np.column_stack([empty, *scaled]), np.column_stack([empty, *codes])


def _learn(name: str, values: pd.Series, rare: int, most_codes: int) -> Learned:
    form = NUMBER if values.dtype == np.float64 else columns.date_format(values)
    numbers, levels = _taken_apart(form, values)
    if form == NUMBER and not _are_codes(values, most_codes):
        levels = []
    return {
        "name": name,
        "format": form,
        "quantiles": [_quantiles(part) for part in numbers],
        "missing": bool(numbers and np.isnan(numbers[0]).any()),
        "levels": [_levels(part, rare) for part in levels],
    }


NUMBER = "number"


def _taken_apart(form: str, values: pd.Series) -> tuple[list[Floats], list[pd.Series]]:
    """What is scaled, and what has levels.

    Whole numbers may be codes, so they are both. Of a date: when it was; month, day of the week
    and hour.
    """
    import pandas as pd

    if form == NUMBER:
        found = _numbers(values)
        return [found.to_numpy()], [found]
    if form:
        moments = columns.dates(columns.text(values), form)
        days = (moments - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)
        calendar = [moments.dt.month, moments.dt.day_of_week, moments.dt.hour]
        return [days.to_numpy(np.float64)], [part.astype("float64") for part in calendar]
    return [], [columns.text(values)]


def _numbers(values: pd.Series) -> pd.Series:
    """Float64. Raises UserError for text that is neither a number nor says that there is none."""
    import pandas as pd

    if not pd.api.types.is_numeric_dtype(values):
        values = columns.text(values)
    found = pd.to_numeric(values, errors="coerce").astype("float64")
    strange = values[values.notna() & found.isna()]
    if len(strange):
        raise UserError(f"column {values.name!r} holds {strange.iloc[0]!r}, which is no number")
    return found.where(np.isfinite(found))


def _are_codes(values: pd.Series, most: int) -> bool:
    """Whether there are so few different whole numbers that each may mean something of its own."""
    return columns.is_whole(values) and 2 < values.nunique() <= most


def _quantiles(values: Floats) -> list[float]:
    there = values[~np.isnan(values)]
    count = min(QUANTILES, len(there))
    return np.quantile(there, np.linspace(0, 1, count)).tolist() if count else []


def _scaled(values: Floats, quantiles: list[float]) -> Floats:
    """The share of training rows that is lower; of equal ones half. As QuantileTransformer's."""
    if not quantiles:
        return np.full(len(values), HALF)
    points = np.array(quantiles)
    shares = np.linspace(0, 1, len(points)) if len(points) > 1 else np.array([HALF])
    reach = NEAR * np.abs(values)
    lower = np.interp(values - reach, points, shares)
    upper = -np.interp(-values - reach, -points[::-1], -shares[::-1])
    return np.where(np.isnan(values), HALF, (lower + upper) / 2)


def _levels(values: pd.Series, rare: int) -> list[Any]:
    """Of the training rows; missing is one of them, written as None."""
    counts = values.value_counts(dropna=False).head(LEVELS)
    return [None if level != level else level for level in counts.index[counts >= rare]]


def _codes(values: pd.Series, levels: list[Any]) -> Floats:
    """1, 2, ... in the order of `levels`; 0 for what is none of them."""
    code = {level: number for number, level in enumerate(levels, start=1)}
    missing = code.pop(None, 0)
    found = values.map(code).astype("float64").fillna(0).to_numpy()
    return np.where(values.isna(), missing, found)


def _widths(column: Learned) -> tuple[int, int]:
    return len(column["quantiles"]) + column["missing"], len(column["levels"])
