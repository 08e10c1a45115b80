"""Values that are frozen down to the arrays that they hold.

Several strategies are handed the same arrays: one that changed them in place would
change the results of the others.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def lock(value: Any) -> None:
    """Makes the arrays in the fields of a dataclass read-only."""
    for array in vars(value).values():
        if isinstance(array, np.ndarray):
            array.setflags(write=False)
