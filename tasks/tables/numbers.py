"""Numbers as people write them: 1,234.56 or 1.234,56, 12.3 EUR, $5, 1 234, 1e5."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from tasks.tables import columns

if TYPE_CHECKING:
    import pandas as pd


WITH_UNIT = 0.9  # of the numbers
SAFE_DIGITS = 15  # of a whole number, which float64 holds exactly

COMMA_DECIMALS = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+)?(,\d+)?([eE][+-]?\d+)?")
COMMA_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})*(\.\d+)?")
EITHER = re.compile(r"[+-]?\d{1,3}[.,]\d{3}")  # whose mark may be of thousands or of decimals
# spaces, also narrow ones, and apostrophes
SPACED = r"^([+-]?[1-9]\d{0,2}(?:[ \u00a0\u202f'\u2019]\d{3})+(?:[.,]\d+)?)$"
# a currency before a number; a currency, a percent sign or a unit of up to five letters after it
UNIT = (
    r"^(?P<before>[$€£¥₹]|[A-Z]{3}(?=[ \u00a0]))?\s*(?P<number>[+-]?(?:\d.*\d|\d)|[+-]?[.,]\d+)"
    r"\s*(?P<after>[$€£¥₹%‰]|(?<=[ \u00a0])[^\W\d_]{1,5}(?:/[^\W\d_]{1,3})?|[^\W\d_]{2,5})?$"
)


@dataclass(frozen=True)
class Parsed:
    """Numbers, and what was done to read them."""

    values: pd.Series  # float64, missing where there is no finite number
    strange: pd.Series  # the values that are no finite numbers, as they were
    notes: tuple[str, ...] = ()  # "the unit EUR is left out"


def plain(values: pd.Series) -> pd.Series | None:
    """Return the numbers of a column that holds nothing else, as most do; else None."""
    import pandas as pd

    floats = pd.to_numeric(values, errors="coerce").astype("float64")
    found = floats.to_numpy()
    others = np.isnan(found)
    if others.any() and columns.text(values[others]).notna().any():
        return None
    return None if (np.abs(found) >= 10.0**SAFE_DIGITS).any() else floats


def parse(values: pd.Series, semicolons: bool) -> Parsed | None:
    """Parse text as numbers, or return None where float64 would make different ones equal.

    Args:
        values: without spaces around them, or numbers already.
        semicolons: whether they separate the fields of the file, so that 1,234 has decimals.
    """
    import pandas as pd

    floats = pd.to_numeric(values, errors="coerce").astype("float64")
    present, notes = values.notna(), []
    if not pd.api.types.is_numeric_dtype(values) and (present & floats.isna()).any():
        bare, unit = _without_unit(values)
        floats, mixed = _in_any_style(_without_spaces(bare), semicolons)
        notes = [f"the unit {unit} is left out"] if unit else []
        notes += [mixed] if mixed else []
    finite = floats.where(np.isfinite(floats))
    if _loses_digits(values, finite):
        return None
    return Parsed(finite, values[present & finite.isna()], tuple(notes))


def _loses_digits(values: pd.Series, floats: pd.Series) -> bool:
    """Return whether different whole numbers of many digits are one number in float64."""
    import pandas as pd

    if pd.api.types.is_float_dtype(values):
        return False
    long = floats.abs() >= 10.0**SAFE_DIGITS
    if not long.any():
        return False
    written = values[long].astype("str").str.lstrip("+0")
    whole = written.str.fullmatch(r"-?\d+")
    return bool(written[whole].nunique() > floats[long][whole].nunique())


def _without_unit(values: pd.Series) -> tuple[pd.Series, str]:
    """Leave out a currency or unit; return both.

    All values that have one must have the same, and nearly all numbers must have it if it is
    written in letters: 5more is no number.
    """
    parts = values.str.extract(UNIT)
    found = parts["before"].fillna(parts["after"])
    names = found.dropna().unique()
    if len(names) != 1:
        return values, ""
    unit = str(names[0])
    if unit.isalpha() and found.notna().sum() < WITH_UNIT * parts["number"].notna().sum():
        return values, ""
    return parts["number"].where(found.notna(), values), unit


def _without_spaces(values: pd.Series) -> pd.Series:
    """Leave out spaces and apostrophes between thousands: 1 234.56."""
    spaced = values.str.fullmatch(SPACED)
    return values.where(
        ~spaced.fillna(False), values.str.replace(r"[ \u00a0\u202f'\u2019]", "", regex=True)
    )


def _in_any_style(values: pd.Series, semicolons: bool) -> tuple[pd.Series, str]:
    """Read all values in the style that fits most; if none fits all, each in one that fits it.

    Returns:
        Numbers, and a note if styles are mixed.
    """
    import pandas as pd

    texts = [values, *_without_commas(values, semicolons)]
    styles = [pd.to_numeric(style, errors="coerce").astype("float64") for style in texts]
    styles.sort(key=lambda numbers: -int(numbers.notna().sum()))  # stable: the likelier first
    best = styles[0]
    plain = pd.to_numeric(values, errors="coerce").astype("float64")
    mixed = reduce(pd.Series.combine_first, styles, plain)  # a single point is one of decimals
    gained = int(mixed.notna().sum() - best.notna().sum())
    if not gained:
        return best, ""
    unclear = values[values.str.fullmatch(EITHER).fillna(False)]
    doubt = f"; {len(unclear):,} could be either, such as {unclear.iloc[0]}" if len(unclear) else ""
    return mixed, f"decimal points and commas are mixed and read value by value{doubt}"


def _without_commas(values: pd.Series, semicolons: bool) -> list[pd.Series]:
    """Read commas as those of thousands and as those of decimals, the likelier first."""
    thousands = values.where(values.str.fullmatch(COMMA_THOUSANDS)).str.replace(",", "")
    decimals = values.where(values.str.fullmatch(COMMA_DECIMALS))
    decimals = decimals.str.replace(".", "").str.replace(",", ".")
    return [decimals, thousands] if semicolons else [thousands, decimals]
