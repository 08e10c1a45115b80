"""Text of columns: missing values, dates, and how names are listed in messages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


# what people and programs write for a missing value
MISSING = {"", "?", "-", "--", ".", "na", "n/a", "nan", "-nan", "null", "none", "nil", "missing"}
MISSING |= {"<na>", "#n/a", "#na", "#null!", "#div/0!", "1.#qnan"}  # of databases and spreadsheets
MOST = 0.5  # of the values of a column of dates must be dates; the others count as missing
DAYS = ("%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d", "%d-%m-%Y", "%d-%b-%Y")
DAYS += ("%d %b %Y", "%b %d, %Y", "%b %d %Y")
TIMES = ("", " %H:%M", " %H:%M:%S")
FORMATS = ("ISO8601", *(day + time for time in TIMES for day in DAYS))
SAMPLE = 1000  # values from which the format of dates is detected
SHOWN = 12  # names or values in a message
DATE = re.compile(r".*\d[-/. ]\w+[-/., ].*\d.*")


def text(values: pd.Series) -> pd.Series:
    """Return values as text without spaces around them; missing where no value is meant."""
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(values):
        values = values.dt.strftime("%Y-%m-%dT%H:%M:%S")
    numbers, distinct = pd.factorize(values)  # text often comes again and again
    taken = pd.array([_meant(value) for value in distinct], dtype="str").take(
        numbers, allow_fill=True
    )
    return pd.Series(taken, index=values.index, name=values.name)


def _meant(value: object) -> str | None:
    """Return a value as text, None where no value is meant."""
    written = str(value).strip()
    return None if written.lower() in MISSING else written


def date_format(values: pd.Series) -> str:
    """Return the format of text that is dates, for `dates`; "" if it is not."""
    sample = values.dropna().head(SAMPLE)
    has_digits = sample.str.contains(r"\d").mean() >= MOST if len(sample) else False
    if not has_digits or sample.str.fullmatch(DATE).mean() < MOST:
        return ""
    best = max(FORMATS, key=lambda form: dates(sample, form).notna().mean())
    return best if dates(sample, best).notna().mean() >= MOST else ""


def dates(values: pd.Series, form: str) -> pd.Series:
    """Parse points in time; NaT where that fails."""
    import pandas as pd

    return pd.to_datetime(values, format=form, errors="coerce", utc=True)


def is_whole(values: pd.Series) -> bool:
    """Return whether all numbers are whole."""
    numbers = values.to_numpy(np.float64)
    return bool((np.isnan(numbers) | (numbers % 1 == 0)).all())


def first_few(values: Sequence[object]) -> str:
    """Join names or values for a message: "a, b and 7 more"."""
    shown = ", ".join(str(value) for value in [*values][:SHOWN])
    return shown + (f" and {len(values) - SHOWN} more" if len(values) > SHOWN else "")
