"""What the columns of a table hold: numbers, however written, dates, or categories."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


# what people and programs write where there is nothing
MISSING = {"", "?", "-", "--", ".", "na", "n/a", "nan", "-nan", "null", "none", "nil", "missing"}
MISSING |= {"<na>", "#n/a", "#na", "#null!", "#div/0!", "1.#qnan"}  # of databases and spreadsheets
MOST = 0.95  # of the values have to be of a kind; the others are then taken for missing
DAYS = ("%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d", "%d-%m-%Y", "%d-%b-%Y")
DAYS += ("%d %b %Y", "%b %d, %Y", "%b %d %Y")
TIMES = ("", " %H:%M", " %H:%M:%S")
FORMATS = ("ISO8601", *(day + time for time in TIMES for day in DAYS))
LOOK = 1000  # values from which the format of dates is found out
DATE = re.compile(r".*\d[-/. ]\w+[-/., ].*\d.*")

COMMA_DECIMALS = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+)?(,\d+)?([eE][+-]?\d+)?")
COMMA_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})*(\.\d+)?")


def text(values: pd.Series) -> pd.Series:
    """As text without spaces around it; nothing where nothing is meant."""
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(values):
        written = values.dt.strftime("%Y-%m-%dT%H:%M:%S")
    else:
        written = values.astype("str").str.strip()
    return written.mask(written.str.lower().isin(MISSING))


def numbers(values: pd.Series, semicolons: bool) -> tuple[pd.Series, list[str]] | None:
    """Float64, and the values that are no finite numbers; None if too many are not.

    Args:
        values: as `text` gives them, or numbers already.
        semicolons: separate the file's fields, so that 1,234 has decimals.
    """
    import pandas as pd

    if pd.api.types.is_bool_dtype(values):
        return None
    if pd.api.types.is_numeric_dtype(values):
        found = values.astype("float64")
        return found.where(np.isfinite(found)), []
    there = values.notna()
    bare = values.str.replace(r"^[$€£]\s*|\s*[%€$£]$", "", regex=True)
    styles = [bare, *_commas(bare, semicolons)]
    parsed = [pd.to_numeric(style, errors="coerce").astype("float64") for style in styles]
    found = max(parsed, key=lambda column: int(column.notna().sum()))  # the first of equals
    found = found.where(np.isfinite(found))
    strange = values[there & found.isna()]
    if len(strange) > (1 - MOST) * there.sum() or not there.any():
        return None
    return found, strange.tolist()


def _commas(values: pd.Series, semicolons: bool) -> list[pd.Series]:
    """Without the commas of thousands, and with a point for that of decimals."""
    thousands = values.where(values.str.fullmatch(COMMA_THOUSANDS)).str.replace(",", "")
    decimals = values.where(values.str.fullmatch(COMMA_DECIMALS))
    decimals = decimals.str.replace(".", "").str.replace(",", ".")
    return [decimals, thousands] if semicolons else [thousands, decimals]


def date_format(values: pd.Series) -> str:
    """The format in which text is dates, for `dates`; "" if it is none."""
    sample = values.dropna().head(LOOK)
    if not len(sample) or sample.str.fullmatch(DATE).mean() < MOST:
        return ""
    found = max(FORMATS, key=lambda form: dates(sample, form).notna().mean())
    return found if dates(sample, found).notna().mean() >= MOST else ""


def dates(values: pd.Series, form: str) -> pd.Series:
    """Points in time; NaT for what is none."""
    import pandas as pd

    return pd.to_datetime(values, format=form, errors="coerce", utc=True)


def is_whole(values: pd.Series) -> bool:
    """Whether all numbers are whole ones."""
    return bool((values.dropna() % 1 == 0).all())
