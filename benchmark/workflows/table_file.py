"""A table in memory as a file, which workers and later commands read as any other."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.protocol.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

FOLDER = Path("data") / "tables"
TARGET = "target"  # name of classes that have none
LONGEST_NAME = 40  # characters of the target's in the name of the file
SUGGESTION = "pass a DataFrame, or a two-dimensional array and the class of each row"


@dataclass(frozen=True)
class TableFile:
    """Where a table was written; the target is the name of its column, "" if not known."""

    path: Path
    target: str


def write_table(x: Any, y: Any = None) -> TableFile:
    """Write a table as Parquet into `data/tables`; equal content gives the same file.

    Args:
        x: a DataFrame, or an array (rows, features).
        y: the class of each row, (rows,); or the name of the column of `x` that holds it; or
            None, where a column is called target, label or class.

    Raises:
        UserError: if it is no table, or cannot be written.
    """
    frame, target = _with_target(_as_frame(x), y)
    try:
        content: bytes = frame.to_parquet(index=False)
    except (ValueError, TypeError) as error:  # pyarrow's errors are among them
        raise UserError(f"the table cannot be written as Parquet: {error}") from None
    name = re.sub(r"\W+", "-", target)[:LONGEST_NAME].strip("-") or "table"
    path = FOLDER / f"{name}-{hashlib.sha256(content).hexdigest()[:8]}.parquet"
    if not path.exists():
        try:
            FOLDER.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            part.write_bytes(content)
            part.replace(path)
        except OSError as error:
            raise UserError(f"cannot write {path}: {error.strerror}") from None
    return TableFile(path, target)


def _as_frame(x: Any) -> pd.DataFrame:
    import pandas as pd

    if isinstance(x, pd.DataFrame):
        frame = x.reset_index(drop=True)
        frame.columns = frame.columns.map(str)
        return frame
    values = np.asarray(x)
    if values.ndim != 2 or values.dtype == object:
        raise UserError(f"{type(x).__name__} is no table: {SUGGESTION}")
    return pd.DataFrame(values, columns=[f"x{number}" for number in range(values.shape[1])])


def _with_target(frame: pd.DataFrame, y: Any) -> tuple[pd.DataFrame, str]:
    """Return the table with its target, and the target's name."""
    if y is None:
        return frame, ""
    if isinstance(y, str):
        if y not in frame:
            raise UserError(f"the table has no column {y!r}: {SUGGESTION}")
        return frame, y
    classes = np.asarray(y)
    if classes.shape != (len(frame),):
        raise UserError(
            f"y has the shape {classes.shape} where the table has {len(frame):,} rows: it holds "
            "the class of each row"
        )
    name = str(getattr(y, "name", None) or TARGET)
    if name in frame:
        raise UserError(f"y is called {name!r}, as a column of the table is: rename one of them")
    return frame.assign(**{name: classes}), name
