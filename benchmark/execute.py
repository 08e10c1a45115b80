"""Where trainings run: this process, Dask workers on this machine, or a Dask cluster elsewhere.

A worker imports TensorFlow once and runs many trainings. It logs its own runs and
asks the store whether a cell is done before it starts it.
"""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from benchmark import device, fits, registry, run
from benchmark.errors import UserError
from benchmark.plan import Cell, Conditions, Training
from benchmark.task import Data
from benchmark.tracking import cells as tracked
from benchmark.tracking import system
from benchmark.tracking.store import Store
from benchmark.train import DivergedError

if TYPE_CHECKING:
    from distributed import Client

WORKER_MEMORY = 1.5e9  # bytes, with TensorFlow loaded and data of moderate size

Report = Callable[[str, str, int], None]  # (training's identity, its name, steps done)


@dataclass(frozen=True)
class Outcome:
    """What became of a cell."""

    training: str  # identity
    cell: Cell
    status: Literal["finished", "failed"]
    metrics: dict[str, float]
    reason: str  # of a failure, one line
    seconds: float  # of training; 0 where an earlier fit served


@lru_cache(maxsize=1)
def load(task: str, settings: Any, path: str) -> Data:
    """The data of a task, read once a process; `path` "" is the stand-in."""
    kind = registry.task(task)
    return kind.load(settings, Path(path)) if path else kind.stand_in(settings)


def default_workers() -> int:
    """One a core, if the memory suffices; one where there is a GPU, which they would share."""
    import psutil
    from dask.system import CPU_COUNT

    if _has_gpu():
        return 1
    return max(1, min(CPU_COUNT, int(psutil.virtual_memory().total // WORKER_MEMORY)))


def _has_gpu() -> bool:
    import pynvml

    try:
        pynvml.nvmlInit()
        return bool(pynvml.nvmlDeviceGetCount())
    except pynvml.NVMLError:  # no driver
        return False


@contextmanager
def engine(workers: int, scheduler: str) -> Iterator[Client | None]:
    """A client of the Dask cluster to run on; None is this process.

    Args:
        workers: processes on this machine; 0 is this process.
        scheduler: address of a cluster to use instead; "" is none.

    Raises:
        UserError: if there is no cluster at that address.
    """
    if workers == 0 and not scheduler:
        yield None
        return
    from distributed import Client, LocalCluster

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # outcomes tell of failures
    if scheduler:
        try:
            client = Client(scheduler, timeout=10)
        except (OSError, ValueError) as error:
            raise UserError(f"no Dask scheduler answers at {scheduler} ({error})") from None
        with client:
            yield client
        return
    local = LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address=None,
        memory_limit=0,  # a worker that is killed for its size would only be started again
    )
    with local, Client(local) as client:
        yield client


def execute(
    client: Client | None, trainings: Sequence[Training], store: Store, report: Report
) -> Iterator[list[Outcome]]:
    """Runs all trainings and yields the outcomes of each as it ends.

    Args:
        client: of a Dask cluster; None is this process.
        report: is told of steps while they are trained.
    """
    if client is None:
        for training in trainings:
            device.prepare()
            yield work(training, store, report)
        return
    from distributed import as_completed

    client.subscribe_topic(_topic(store), lambda event: report(*event[1]))
    futures = {
        client.submit(_work_on_dask, training, store, pure=False): training
        for training in trainings
    }
    for future in as_completed(futures):
        if future.exception() is None:
            yield future.result()
        else:
            yield _lost(futures[future], store, future.exception())


def _topic(store: Store) -> str:
    """Where workers tell their steps; invocations may share a cluster."""
    return f"skewbench-{store.invocation}"


def _work_on_dask(training: Training, store: Store) -> list[Outcome]:
    from distributed import get_worker

    device.prepare()
    return work(training, store, lambda *event: get_worker().log_event(_topic(store), event))


def _lost(training: Training, store: Store, error: Exception) -> list[Outcome]:
    """The outcomes of a training whose worker never answered."""
    from distributed import KilledWorker

    reason = (
        "its worker died, again and again" if isinstance(error, KilledWorker) else _reason(error)
    )
    cells = [cell for cell in training.cells if not tracked.is_done(store, cell)]
    return [_failed(training, cell, reason) for cell in cells]


def work(training: Training, store: Store, report: Report) -> list[Outcome]:
    """One training and the cells that share it, from data to tracked runs."""
    runs: dict[Cell, str] = {}
    try:
        for cell in training.cells:
            if not tracked.is_done(store, cell):  # by another worker, before this one died
                runs[cell] = tracked.start(store, training, cell)
        if not runs:
            return []
        with system.samples() as samples:
            earlier = tracked.earlier_fit(store, training)
            fit = earlier or _fit(training, report)
    except Exception as error:
        reason = _reason(error)
        for run_id in runs.values():
            tracked.fail(store, run_id, reason)
        return [_failed(training, cell, reason) for cell in training.cells]
    seconds = 0.0 if earlier else fit.seconds
    return [
        _decide(training, cell, store, run_id, fit, samples, seconds)
        for cell, run_id in runs.items()
    ]


def _fit(training: Training, report: Report) -> fits.Fit:
    conditions = training.conditions
    data = _checked(conditions)
    return run.fit(
        registry.task(conditions.task),
        conditions.settings,
        data,
        registry.read(training.strategy).strategy,
        conditions.budget,
        training.seed,
        lambda steps: report(training.identity, str(training), steps),
    )


def _checked(conditions: Conditions) -> Data:
    data = load(conditions.task, conditions.settings, conditions.data)
    if not data.digest.startswith(conditions.content):
        raise UserError(f"{data.origin} changed while the benchmark ran: start it again")
    return data


def _decide(
    training: Training,
    cell: Cell,
    store: Store,
    run_id: str,
    fit: fits.Fit,
    samples: list[Any],
    seconds: float,
) -> Outcome:
    try:
        score = run.score(registry.read(cell.strategy).strategy, fit)
        tracked.complete(store, run_id, fit, score, samples)
    except Exception as error:
        tracked.fail(store, run_id, _reason(error))
        return _failed(training, cell, _reason(error))
    return Outcome(training.identity, cell, "finished", score.metrics, "", seconds)


def _failed(training: Training, cell: Cell, reason: str) -> Outcome:
    return Outcome(training.identity, cell, "failed", {}, reason, 0.0)


def _reason(error: Exception) -> str:
    """One line for what is expected to happen, with the place in the code for a bug."""
    if isinstance(error, (UserError, DivergedError)):
        return str(error)
    first = (str(error).splitlines() or [""])[0]
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {first}{where}"
