"""Where trainings run: this process, Dask workers on this machine, or a Dask cluster elsewhere.

A worker imports TensorFlow once and runs many trainings. It logs its own runs and
asks the store whether a cell is done before it starts it.
"""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from benchmark import device, registry, run
from benchmark.errors import UserError
from benchmark.plan import Cell, Conditions, Training
from benchmark.task import Data
from benchmark.tracking import cells as tracked
from benchmark.tracking import system
from benchmark.tracking.store import Store
from benchmark.train import DivergedError

PROGRESS = "skewbench-progress"  # the topic on which Dask workers tell their steps

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


def execute(
    trainings: Sequence[Training], store: Store, workers: int, scheduler: str, report: Report
) -> Iterator[list[Outcome]]:
    """Runs all trainings and yields the outcomes of each as it ends.

    Args:
        workers: Dask workers on this machine; 0 is this process.
        scheduler: address of a Dask cluster to use instead; "" is none.
        report: is told of steps while they are trained.
    """
    if not trainings:
        return
    if workers == 0 and not scheduler:
        device.prepare()
        for training in trainings:
            yield work(training, store, report)
        return
    from distributed import Client, as_completed

    with _cluster(workers, scheduler) as address, Client(address) as client:
        client.subscribe_topic(PROGRESS, lambda event: report(*event[1]))
        futures = {
            client.submit(_work_on_dask, training, store, pure=False): training
            for training in trainings
        }
        for future in as_completed(futures):
            if future.exception() is None:
                yield future.result()
            else:  # the worker died, again and again
                reason = f"worker lost: {future.exception()}"
                yield [_failed(futures[future], cell, reason) for cell in futures[future].cells]


def _cluster(workers: int, scheduler: str) -> Any:
    from contextlib import nullcontext

    from distributed import LocalCluster

    if scheduler:
        return nullcontext(scheduler)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # outcomes tell of failures
    return LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address=None,
    )


def _work_on_dask(training: Training, store: Store) -> list[Outcome]:
    from distributed import get_worker

    device.prepare()
    return work(training, store, lambda *event: get_worker().log_event(PROGRESS, event))


def work(training: Training, store: Store, report: Report) -> list[Outcome]:
    """One training and the cells that share it, from data to tracked runs."""
    cells = [cell for cell in training.cells if not tracked.is_done(store, cell)]
    runs: dict[Cell, str] = {}
    try:
        runs |= {cell: tracked.start(store, training, cell) for cell in cells}
        with system.samples() as samples:
            earlier = tracked.earlier_fit(store, training)
            fit = earlier or _fit(training, report)
    except Exception as error:
        reason = _reason(error)
        for run_id in runs.values():
            tracked.fail(store, run_id, reason)
        return [_failed(training, cell, reason) for cell in cells]
    seconds = 0.0 if earlier else fit.seconds
    return [_decide(training, cell, store, runs[cell], fit, samples, seconds) for cell in cells]


def _fit(training: Training, report: Report) -> run.Fit:
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
    fit: run.Fit,
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
    frame = traceback.extract_tb(error.__traceback__)[-1]
    first = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {first} ({Path(frame.filename).name}:{frame.lineno})"
