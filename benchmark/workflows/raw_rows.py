"""Rows as a served model gets them: as they are before the task encodes them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.protocol.arrays import Ints
from benchmark.protocol.task import Data, Task
from benchmark.training import inference

if TYPE_CHECKING:
    import pandas as pd


def raw_rows(task: Task, data: Data, rows: Ints) -> pd.DataFrame:
    """Return rows as they are before the task encodes them; images as PNG files."""
    import pandas as pd

    if task.kind == "table":
        table_rows: pd.DataFrame = data.rows.iloc[rows].reset_index(drop=True)
        return table_rows
    return pd.DataFrame({inference.IMAGE: [_png(data.rows[row]) for row in rows]})


def _png(pixels: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
