"""Schema of raw rows: restores columns as they were in training, however they were read.

A CSV reader parses the text 01 as a number and true as a boolean, and whole numbers without a gap
as integers, although other rows of the same column are not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.protocol.arrays import Floats
from benchmark.protocol.errors import UserError

if TYPE_CHECKING:
    import pandas as pd


TYPES = {"i": "long", "u": "long", "f": "double", "b": "boolean", "M": "datetime"}  # MLflow's names


@dataclass(frozen=True)
class ColumnSchema:
    """A column of a table as it was in training; JSON can hold it."""

    type: str  # MLflow's name of the type
    plain: bool  # whether any reader returns the same
    # parsed value -> original text, where a CSV reader changes it: "1.0" -> "01"
    texts: Mapping[str, str] = field(default_factory=dict)


def schema_of(rows: pd.DataFrame) -> dict[str, ColumnSchema]:
    """Return name -> schema of the columns, in the table's order."""
    return {str(name): _column(rows[name]) for name in rows}


def _column(values: pd.Series) -> ColumnSchema:
    kind, present = TYPES.get(values.dtype.kind, "string"), values.dropna()
    if kind == "double":
        return ColumnSchema(kind, plain=bool((present % 1 != 0).any()))
    if kind != "string":
        return ColumnSchema(kind, plain=True)
    texts: dict[str, str] = {}
    for text in map(str, present.unique()):
        parsed = _parsed(text)
        if parsed is not None:
            texts.setdefault(parsed, text)  # 1 and 01 parse alike: the first wins
    return ColumnSchema(kind, plain=not texts, texts=texts)


def _parsed(text: str) -> str | None:
    """Return the number or boolean that a reader parses the text as, None for plain text."""
    if text.lower() in ("true", "false"):
        return str(text.lower() == "true")
    try:
        number = float(text)
    except ValueError:
        return None
    return repr(number) if math.isfinite(number) else None


def restore(rows: pd.DataFrame, schema: Mapping[str, ColumnSchema]) -> pd.DataFrame:
    """Return the columns of the schema as they were in training.

    Raises:
        UserError: for a missing column, or text in a column of numbers.
    """
    import pandas as pd

    missing = [name for name in schema if name not in rows]
    if missing:
        raise UserError(f"column {missing[0]!r} is missing: the model needs {', '.join(schema)}")
    return pd.DataFrame({name: _restore(rows[name], schema[name]) for name in schema})


def _restore(values: pd.Series, column: ColumnSchema) -> pd.Series:
    import pandas as pd

    if column.type == "string":
        return values.map(lambda value: _text(value, column.texts), na_action="ignore")
    if column.plain:
        return values
    try:
        return pd.to_numeric(values).astype(np.float64)
    except (ValueError, TypeError) as error:
        raise UserError(
            f"column {values.name!r} must hold numbers, or be empty where one is missing: {error}"
        ) from None


def _text(value: Any, texts: Mapping[str, str]) -> str:
    """Return the original text of a value that a reader may have parsed."""
    if isinstance(value, str):
        return value
    parsed = str(bool(value)) if isinstance(value, bool | np.bool_) else repr(float(value))
    return texts.get(parsed, str(value))


def amount_column(values: pd.Series) -> Floats:
    """Return a column of costs, (rows,); UserError for a value that is no amount."""
    import pandas as pd

    amounts = pd.to_numeric(values, errors="coerce").to_numpy(np.float64)
    wrong = np.flatnonzero(~(np.isfinite(amounts) & (amounts >= 0)))
    if len(wrong):
        raise UserError(
            f"column {values.name!r} is a cost: it must hold a number from 0 in every row, but row "
            f"{wrong[0] + 1} holds {values.iloc[wrong[0]]}; {len(wrong):,} such rows"
        )
    return amounts
