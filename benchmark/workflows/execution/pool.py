"""Keeps the workers of a Dask cluster busy with jobs that they claim themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from distributed import Client, Future

Result = TypeVar("Result")
Claim = Callable[[object], "Result | None"]  # (worker's name) -> a result; None if no job is left


def keep_busy(
    client: Client,
    claim: Claim[Result],
    waiting: Callable[[], int | None],
    pause: Callable[[], None],
) -> Iterator[Result]:
    """Yield the results of `claim`, called on the workers while jobs are left.

    Args:
        claim: claims a job and does it; must be picklable.
        waiting: the number of jobs that nobody has claimed; None when all jobs are done, also
            those of other processes.
        pause: called between two polls of the workers.

    Raises:
        Exception: what `claim` raised. The death of a worker raises nothing: its job is claimed
            again.
    """
    from distributed import KilledWorker

    futures: list[Future[Result | None]] = []
    capacity = sum(client.nthreads().values())
    while futures or waiting() is not None:
        for _ in range(min(waiting() or 0, capacity - len(futures))):
            futures.append(client.submit(_on_worker, claim, pure=False))
        pause()
        for future in [future for future in futures if future.done()]:
            futures.remove(future)
            error = future.exception()
            if error is None:
                if (result := future.result()) is not None:
                    yield result
            elif not isinstance(error, KilledWorker):
                raise error


def _on_worker(claim: Claim[Result]) -> Result | None:
    from distributed import get_worker

    return claim(get_worker().name)
