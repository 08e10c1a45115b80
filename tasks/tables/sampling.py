"""A table in memory, or as many rows of a longer one, drawn at random as its blocks are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.protocol import progress
from benchmark.protocol.arrays import Bools, Floats

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class RawTable:
    """The columns of a file, or of some of its rows drawn at random."""

    frame: pd.DataFrame  # from CSV text, "" where nothing is; from Parquet with its types
    notes: tuple[str, ...]  # for the user: how it was read
    semicolons: bool = False  # whether they separate fields: a comma may then separate decimals


def sample(
    blocks: Iterable[Any],
    frame_of: Callable[[Any, Bools], pd.DataFrame],
    most: int,
    notes: tuple[str, ...],
    semicolons: bool = False,
) -> RawTable:
    """Join the rows of all blocks, in order; draw `most` of them at random if there are more.

    Each row draws a random number, and the rows with the lowest are kept.

    Args:
        frame_of: (block, which of its rows are kept) -> their columns.
    """
    import pandas as pd

    rng = np.random.default_rng(0)
    kept: list[pd.DataFrame] = []
    drawn: list[Floats] = []
    count = held = 0
    limit = 1.0  # a row that draws more cannot be among the lowest
    with progress.bar("Reading rows", None) as advance:
        for block in blocks:
            numbers = rng.random(len(block))
            below = numbers < limit
            kept.append(frame_of(block, below))
            drawn.append(numbers[below])
            count, held = count + len(block), held + int(below.sum())
            if held > 2 * most:
                kept, drawn = _lowest(kept, drawn, most)
                limit, held = float(drawn[0].max()), most
            advance(len(block))
    if count > most:
        kept, _ = _lowest(kept, drawn, most)
        notes = (*notes, f"{count:,} rows: {most:,} of them drawn at random (rows={most})")
    frame = pd.concat(kept, ignore_index=True) if kept else pd.DataFrame()
    return RawTable(frame, notes, semicolons)


def _lowest(
    kept: Sequence[pd.DataFrame], drawn: Sequence[Floats], most: int
) -> tuple[list[pd.DataFrame], list[Floats]]:
    """Keep the `most` rows with the lowest numbers, in order."""
    import pandas as pd

    numbers = np.concatenate(drawn)
    chosen = np.sort(np.argpartition(numbers, most - 1)[:most])
    return [pd.concat(kept, ignore_index=True).iloc[chosen]], [numbers[chosen]]
