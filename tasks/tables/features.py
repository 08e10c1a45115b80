"""Features of a table: quantiles of numbers, codes of categories.

What is learned from the training rows is a list of plain values, one entry per column, so that
later rows are encoded alike.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.protocol.arrays import Floats
from benchmark.protocol.errors import UserError
from tasks.tables import columns

if TYPE_CHECKING:
    import pandas as pd


Learned = dict[str, Any]
"""What is learned of one column: name, format, quantiles, moments, missing, levels"""

NUMBER = "number"  # the format of a column of numbers; that of dates is as in `columns`, or ""

QUANTILES = 200
WIDE = 200  # columns, beyond which whole numbers get no codes: networks would not fit
LEVELS = 250  # most levels per column, the most frequent; trees' histograms hold 255
HALF = 0.5  # stands for a missing number, beside an indicator
NEAR = 1e-7  # relative tolerance: numbers that lost digits as text must still be equal


@dataclass(frozen=True)
class Coding:
    """How a model takes columns.

    Attributes:
        rare: levels with fewer training rows are one level.
        codes: a column of whole numbers with at most so many distinct ones gets codes too.
        standardised: numbers are given as such too, beside their quantiles.
        categories: columns of text that hold no dates.
        gaps: missing numbers stay missing (nan); else they are `HALF`, beside an indicator.
    """

    rare: int
    codes: int = LEVELS
    standardised: bool = False
    categories: frozenset[str] = frozenset()
    gaps: bool = False


def learn(rows: pd.DataFrame, coding: Coding) -> list[Learned]:
    """Learn from training rows: quantiles of numbers, levels of categories."""
    if rows.shape[1] > WIDE:
        coding = replace(coding, codes=0)
    return [_learn(str(name), rows[name], coding) for name in rows]


def encode(learned: list[Learned], raw: pd.DataFrame) -> NDArray[np.float32]:
    """Encode rows: all numbers, 0 to 1, then all codes; see `categorical`."""
    blocks = [block(column, raw[column["name"]]) for column in learned]
    parts = [numbers for numbers, _ in blocks] + [codes for _, codes in blocks]
    return np.column_stack(parts).astype(np.float32)


def categorical(learned: list[Learned]) -> tuple[int, ...]:
    """Return the columns of the encoded rows that hold codes."""
    widths = np.array([_widths(column) for column in learned])
    numbers, codes = widths.sum(axis=0)
    return tuple(range(int(numbers), int(numbers + codes)))


def block(column: Learned, values: pd.Series) -> tuple[Floats, Floats]:
    """Encode one column: its numbers and its codes, (rows, ...) each."""
    numbers, levels = _parts(column["format"], values)
    scaled = [
        _scaled(part, quantiles)
        for part, quantiles in zip(numbers, column["quantiles"], strict=True)
    ]
    scaled += [
        _standardised(part, moments)
        for part, moments in zip(numbers, column["moments"], strict=False)
    ]
    if column.get("gaps"):
        scaled = [
            np.where(np.isnan(part), np.nan, values)
            for part, values in zip(numbers, scaled, strict=True)
        ]
    elif column["missing"]:
        scaled.append(np.isnan(numbers[0]).astype(np.float64))
    codes = [_codes(part, known) for part, known in zip(levels, column["levels"], strict=False)]
    empty = np.empty((len(values), 0))
    return np.column_stack([empty, *scaled]), np.column_stack([empty, *codes])


def _learn(name: str, values: pd.Series, coding: Coding) -> Learned:
    is_number, is_text = values.dtype == np.float64, name in coding.categories
    form = NUMBER if is_number else "" if is_text else columns.date_format(values)
    numbers, levels = _parts(form, values)
    if form == NUMBER and not _are_codes(values, coding.codes):
        levels = []
    return {
        "name": name,
        "format": form,
        "quantiles": [_quantiles(part) for part in numbers],
        "moments": [_moments(part) for part in numbers if coding.standardised],
        "missing": bool(numbers and np.isnan(numbers[0]).any()),
        "gaps": coding.gaps,
        "levels": [_levels(part, coding.rare) for part in levels],
    }


def _parts(form: str, values: pd.Series) -> tuple[list[Floats], list[pd.Series]]:
    """Return the parts of a column that are scaled, and those that have levels.

    Whole numbers may be codes, so they are both. A date is scaled as days since 1970; its month,
    day of the week and hour have levels.
    """
    import pandas as pd

    if form == NUMBER:
        numbers = _numbers(values)
        return [numbers.to_numpy()], [numbers]
    if form:
        moments = columns.dates(columns.text(values), form)
        days = (moments - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)
        calendar = [moments.dt.month, moments.dt.day_of_week, moments.dt.hour]
        return [days.to_numpy(np.float64)], [part.astype("float64") for part in calendar]
    return [], [columns.text(values)]


def _numbers(values: pd.Series) -> pd.Series:
    """Return float64; UserError for text that is neither a number nor a missing value."""
    import pandas as pd

    if values.dtype == np.float64:
        numbers = values.to_numpy()
        return values if np.isfinite(numbers).all() else values.where(np.isfinite(numbers))
    if not pd.api.types.is_numeric_dtype(values):
        values = columns.text(values)
    numbers = pd.to_numeric(values, errors="coerce").astype("float64")
    strange = values[values.notna() & numbers.isna()]
    if len(strange):
        raise UserError(f"column {values.name!r} holds {strange.iloc[0]!r}, which is no number")
    return numbers.where(np.isfinite(numbers))


def _are_codes(values: pd.Series, most: int) -> bool:
    """Return whether there are so few distinct whole numbers that each may be a category."""
    return most > 0 and columns.is_whole(values) and 2 < values.nunique() <= most


def _quantiles(values: Floats) -> list[float]:
    """Return evenly spaced quantiles of the values that are not missing."""
    present = np.sort(values[~np.isnan(values)])
    count = min(QUANTILES, len(present))
    if not count:
        return []
    # as np.quantile to the last digit, which takes up to thirty times as long for so many
    places = np.linspace(0, 1, count) * (len(present) - 1)
    below = places.astype(np.int64)
    low, high = present[below], present[np.minimum(below + 1, len(present) - 1)]
    share = places - below
    nearer_low = share < HALF
    steps = (high - low) * np.where(nearer_low, share, 1 - share)
    return np.where(nearer_low, low + steps, high - steps).tolist()


def _scaled(values: Floats, quantiles: list[float]) -> Floats:
    """Return the share of training rows below each value, counting half of the equal ones.

    It is interpolated as in scikit-learn's QuantileTransformer.
    """
    if not quantiles:
        return np.full(len(values), HALF)
    points = np.array(quantiles)
    shares = np.linspace(0, 1, len(points)) if len(points) > 1 else np.array([HALF])
    reach = NEAR * np.abs(values)
    lower = np.interp(values - reach, points, shares)
    upper = -np.interp(-values - reach, -points[::-1], -shares[::-1])
    return np.where(np.isnan(values), HALF, (lower + upper) / 2)


def _moments(values: Floats) -> list[float]:
    """Return mean, standard deviation, lowest and highest of the values that are not missing."""
    present = values[~np.isnan(values)]
    if not len(present):
        return [0.0, 1.0, 0.0, 0.0]
    moments = present.mean(), present.std() or 1, present.min(), present.max()
    return [float(moment) for moment in moments]


def _standardised(values: Floats, moments: list[float]) -> Floats:
    """Return standard deviations from the mean, within the range of training; 0 if missing."""
    mean, deviation, low, high = moments
    return np.nan_to_num((np.clip(values, low, high) - mean) / deviation)


def _levels(values: pd.Series, rare: int) -> list[Any]:
    """Return the levels with at least `rare` rows; missing is one of them, written as None."""
    counts = values.value_counts(dropna=False).head(LEVELS)
    return [None if level != level else level for level in counts.index[counts >= rare]]


def _codes(values: pd.Series, levels: list[Any]) -> Floats:
    """Return codes 1, 2, ... in the order of `levels`; 0 for values that are none of them."""
    code = {level: number for number, level in enumerate(levels, start=1)}
    missing = code.pop(None, 0)
    codes = values.map(code).astype("float64").fillna(0).to_numpy()
    return np.where(values.isna(), missing, codes)


def _widths(column: Learned) -> tuple[int, int]:
    """Return the numbers of encoded columns: of numbers, of codes."""
    indicators = column["missing"] and not column.get("gaps")
    numbers = len(column["quantiles"]) + len(column["moments"]) + indicators
    return numbers, len(column["levels"])
