"""Work on many files or images, spread over all cores."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from benchmark.protocol import progress
from benchmark.protocol.arrays import Array
from benchmark.protocol.errors import UserError

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

    For work in TensorFlow, of which a process uses one thread. A few images, or a process that may
    have no children, do it themselves.

    Args:
        work: must be picklable; gives a row per row.
        rows: in all pieces.

    Raises:
        UserError: if a process dies.
    """
    count = min(os.cpu_count() or 1, rows // PER_PROCESS)
    with progress.bar(title, rows) as advance:
        alone = count < 2 or multiprocessing.current_process().daemon
        for result in map(work, pieces) if alone else _pooled(work, pieces, count, title):
            advance(len(result))
            yield result


def _pooled(
    work: Callable[[Array], Array], pieces: Sequence[Array], count: int, title: str
) -> Iterator[Array]:
    spawn = multiprocessing.get_context("spawn")  # TensorFlow hangs in a fork
    pool = ProcessPoolExecutor(count, spawn, _end_with_parent)
    try:
        yield from pool.map(work, pieces)
    except BrokenProcessPool:
        raise UserError(f"{title}: a process died; is the memory too small?") from None
    finally:
        pool.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """End this process when the one that started it does, even if that is killed."""
    parent = multiprocessing.parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
