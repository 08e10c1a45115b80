"""The rows of a table that comes in blocks, or as many of them as are wanted, at random."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Table:
    """The columns of a file, or of some of its rows drawn at random."""

    frame: pd.DataFrame  # of a CSV text, "" where there is nothing; of Parquet with its types
    notes: tuple[str, ...]  # what a person should know of how it was read
    semicolons: bool = False  # separate the fields, so a comma may separate decimals


def sampled(
    blocks: Iterable[Any],
    frame_of: Callable[[Any, Bools], pd.DataFrame],
    most: int,
    notes: tuple[str, ...],
    semicolons: bool = False,
) -> Table:
    """The rows of all blocks, in order; of more than `most` those that draw the lowest numbers.

    Args:
        frame_of: makes columns of those rows of a block that are chosen.
    """
    import pandas as pd

    rng = np.random.default_rng(0)
    kept: list[pd.DataFrame] = []
    drawn: list[NDArray[np.float64]] = []
    count = held = 0
    bar = 1.0  # from here on no row can be among the lowest
    for block in blocks:
        numbers = rng.random(len(block))
        below = numbers < bar
        kept.append(frame_of(block, below))
        drawn.append(numbers[below])
        count, held = count + len(block), held + int(below.sum())
        if held > 2 * most:
            kept, drawn = _lowest(kept, drawn, most)
            bar, held = float(drawn[0].max()), most
    if count > most:
        kept, _ = _lowest(kept, drawn, most)
        notes = (*notes, f"{count:,} rows: {most:,} of them drawn at random (rows={most})")
    frame = pd.concat(kept, ignore_index=True) if kept else pd.DataFrame()
    return Table(frame, notes, semicolons)


def _lowest(
    kept: Sequence[pd.DataFrame], drawn: Sequence[NDArray[np.float64]], most: int
) -> tuple[list[pd.DataFrame], list[NDArray[np.float64]]]:
    import pandas as pd

    numbers = np.concatenate(drawn)
    chosen = np.sort(np.argpartition(numbers, most - 1)[:most])
    return [pd.concat(kept, ignore_index=True).iloc[chosen]], [numbers[chosen]]
