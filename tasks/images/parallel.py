"""Work on many files or images, spread over all cores."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from benchmark.protocol import processes, progress
from benchmark.protocol.arrays import Array

CHUNK = 16  # files handed to a thread at once
PER_PROCESS = 500  # images at least; fewer take less time than the start of a process

Input = TypeVar("Input")
Output = TypeVar("Output")


def in_threads(
    work: Callable[[Input], Output], items: Sequence[Input], title: str
) -> Iterable[Output]:
    """Apply `work` to each item on all cores and yield the results in order.

    A progress bar on stderr is shown if there are many items.
    """
    # an image takes half a millisecond: handing images over singly would cost a tenth of that
    chunks = [items[start : start + CHUNK] for start in range(0, len(items), CHUNK)]
    with progress.bar(title, len(items)) as advance, ThreadPoolExecutor(os.cpu_count()) as pool:
        for results in pool.map(lambda chunk: [work(item) for item in chunk], chunks):
            advance(len(results))
            yield from results


def in_processes(
    work: Callable[[Array], Array], pieces: Sequence[Array], rows: int, title: str
) -> Iterator[Array]:
    """Apply `work` to each piece in a process per core and yield the results in order.

    For work in TensorFlow, of which a process uses one thread.

    Args:
        work: must be picklable; gives a row per row.
        rows: in all pieces.

    Raises:
        UserError: if a process dies.
    """
    with progress.bar(title, rows) as advance:
        for result in processes.in_processes(work, pieces, rows // PER_PROCESS, title):
            advance(len(result))
            yield result
