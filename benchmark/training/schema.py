"""Raw rows as a model was trained on them, whatever a reader made of them.

A CSV reader takes the text 01 for a number and true for a boolean, and whole numbers without a
gap for integers, which other rows of the same column are not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.protocol.errors import UserError

if TYPE_CHECKING:
    import pandas as pd


TYPES = {"i": "long", "u": "long", "f": "double", "b": "boolean", "M": "datetime"}  # MLflow's names


@dataclass(frozen=True)
class ColumnSchema:
    """What a column of a table was in training; JSON can hold it."""

    type: str  # MLflow's name of it
    plain: bool  # a reader makes the same of it
    texts: Mapping[str, str] = field(
        default_factory=dict
    )  # what a reader takes for others, by that


def schema_of(rows: pd.DataFrame) -> dict[str, ColumnSchema]:
    """By name, in the table's order."""
    return {str(name): _column(rows[name]) for name in rows}


def _column(values: pd.Series) -> ColumnSchema:
    kind, there = TYPES.get(values.dtype.kind, "string"), values.dropna()
    if kind == "double":
        return ColumnSchema(kind, plain=bool((there % 1 != 0).any()))
    if kind != "string":
        return ColumnSchema(kind, plain=True)
    texts: dict[str, str] = {}
    for text in map(str, there.unique()):
        taken = _taken_for(text)
        if taken is not None:
            texts.setdefault(taken, text)  # of 1 and 01, which nothing tells apart then, the first
    return ColumnSchema(kind, plain=not texts, texts=texts)


def _taken_for(text: str) -> str | None:
    """The number or boolean that a reader takes it for."""
    if text.lower() in ("true", "false"):
        return str(text.lower() == "true")
    try:
        number = float(text)
    except ValueError:
        return None
    return repr(number) if math.isfinite(number) else None


def restore(rows: pd.DataFrame, known: Mapping[str, ColumnSchema]) -> pd.DataFrame:
    """The known columns as they were in training.

    Raises:
        UserError: for a column that is not there, or a number that is none.
    """
    import pandas as pd

    missing = [name for name in known if name not in rows]
    if missing:
        raise UserError(f"column {missing[0]!r} is missing: the model needs {', '.join(known)}")
    return pd.DataFrame({name: _restore(rows[name], known[name]) for name in known})


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
            f"column {values.name!r} must hold numbers, or nothing where one is missing: {error}"
        ) from None


def _text(value: Any, texts: Mapping[str, str]) -> str:
    if isinstance(value, str):
        return value
    taken = str(bool(value)) if isinstance(value, bool | np.bool_) else repr(float(value))
    return texts.get(taken, str(value))
