"""Array types, and read-only arrays in dataclasses."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

Curve = list[tuple[int, float]]
"""Points of a curve: (optimizer step, value)."""


def read_only(value: Any) -> None:
    """Make the arrays in the fields of a dataclass read-only.

    Several strategies receive the same arrays: one that changed them in place would change
    the results of the others.
    """
    for array in vars(value).values():
        if isinstance(array, np.ndarray):
            array.setflags(write=False)
