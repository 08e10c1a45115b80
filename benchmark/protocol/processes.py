"""Independent pieces of work, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from typing import Protocol, TypeVar

from benchmark.protocol.errors import UserError

Input = TypeVar("Input")
Output = TypeVar("Output")


class Apply(Protocol):
    """A function like `in_processes`."""

    def __call__(
        self, work: Callable[[Input], Output], pieces: Iterable[Input], most: int, title: str
    ) -> Iterator[Output]: ...


def in_processes(
    work: Callable[[Input], Output], pieces: Iterable[Input], most: int, title: str
) -> Iterator[Output]:
    """Apply `work` to each piece in a process per core and yield the results in order.

    A process that may have no children does it itself.

    Args:
        work: must be picklable, as pieces and results.
        most: processes that are worth their start.
        title: of the work, for errors.

    Raises:
        UserError: if a process dies.
    """
    if _worth(most):
        with kept_processes(most) as apply:
            yield from apply(work, pieces, most, title)
    else:
        yield from map(work, pieces)


@contextmanager
def kept_processes(most: int | None = None) -> Iterator[Apply]:
    """Yield a function like `in_processes` whose processes stay for its next call."""
    cores = os.cpu_count() or 1
    count = min(cores, most or cores)
    spawn = multiprocessing.get_context("spawn")  # threads and TensorFlow do not survive a fork
    pool = ProcessPoolExecutor(count, spawn, _end_with_parent)  # starts them when work comes
    try:
        yield partial(_apply, pool)
    finally:
        pool.shutdown(cancel_futures=True)


def _worth(most: int) -> bool:
    """Return whether work is shared: worth two processes, by one that may have children."""
    shared = min(os.cpu_count() or 1, most) >= 2
    return shared and not multiprocessing.current_process().daemon


def _apply(
    pool: ProcessPoolExecutor,
    work: Callable[[Input], Output],
    pieces: Iterable[Input],
    most: int,
    title: str,
) -> Iterator[Output]:
    if not _worth(most):
        yield from map(work, pieces)
        return
    try:
        yield from pool.map(work, pieces)
    except BrokenProcessPool:
        raise UserError(f"{title}: a process died; is the memory too small?") from None


def _end_with_parent() -> None:
    """End this process when the one that started it does, even if that is killed."""
    parent = multiprocessing.parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
