"""Trainings become tracked runs, in this process or on the workers of a Dask cluster.

A worker imports TensorFlow once and runs many trainings. It logs its own runs and
asks the store whether a cell is done before it starts it.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from benchmark.protocol import grammar, registry
from benchmark.protocol.errors import UserError, without_passwords
from benchmark.protocol.grid import Cell, Conditions, Training
from benchmark.protocol.splits import restrict
from benchmark.protocol.task import Data, Splits
from benchmark.tracking import cells, history, system_metrics
from benchmark.tracking.retry import StoreUnavailableError
from benchmark.tracking.store import Store, preload
from benchmark.training import device
from benchmark.training import fit as fitting
from benchmark.training import predictions as fit_files
from benchmark.training import score as scoring
from benchmark.training.loop import DivergedError
from benchmark.training.network import TrainingJob
from benchmark.workflows.execution.time_limit import limit

if TYPE_CHECKING:
    from distributed import Client


# workers of a cluster elsewhere may have several threads; a process trains one network at a time
TRAINING_LOCK = threading.Lock()

LONGEST_REASON = 300  # characters

Report = Callable[[str, str, int], None]  # (training's identity, its name, steps done)


@dataclass(frozen=True)
class Outcome:
    """What became of a cell."""

    training: str  # identity
    cell: Cell
    status: Literal["finished", "failed", "unlogged"]
    metrics: dict[str, float]
    reason: str  # of a failure, or why it is not in the store; one line
    seconds: float  # of training; 0 where an earlier fit served
    result: cells.CellResult | None = None  # that the store did not take


@lru_cache(maxsize=1)
def load(task: str, settings: Any, path: str) -> Data:
    """The data of a task, read once a process; `path` "" is the stand-in."""
    kind = registry.task(task)
    return kind.load(settings, Path(path)) if path else kind.synthetic(settings)


@lru_cache(maxsize=1)
def _split(conditions: Conditions, seed: int) -> Splits:
    """The splits of a seed, which all its strategies share."""
    data = load(conditions.task, conditions.settings, conditions.data)
    if not data.digest.startswith(conditions.content):
        raise UserError(f"{data.origin} changed while the benchmark ran: start it again")
    splits = registry.task(conditions.task).split(data, conditions.settings, seed)
    return restrict(splits, data, conditions.portion)


def warm_up(client: Client | None, conditions: Conditions) -> None:
    """Lets every worker import and load what it needs; does not wait for it."""
    if client is None:
        return
    from distributed import fire_and_forget

    for worker in client.scheduler_info(n_workers=-1)["workers"]:
        fire_and_forget(client.submit(_warm_up, conditions, workers=[worker], pure=False))


def _warm_up(conditions: Conditions) -> None:
    from distributed import get_worker

    prepare(get_worker().name)
    preload()
    _split(conditions, 0)


def execute(
    client: Client | None,
    trainings: Sequence[Training],
    store: Store,
    report: Report,
    seconds: float | None = None,
) -> Iterator[list[Outcome]]:
    """Runs all trainings and yields the outcomes of each as it ends.

    Args:
        client: of a Dask cluster; None is this process.
        report: is told of steps while they are trained.
        seconds: that a training may take.
    """
    if client is None:
        for training in trainings:
            yield work(training, store, report, seconds)
        return
    from distributed import as_completed

    client.subscribe_topic(_topic(store), lambda event: report(*event[1]))
    futures = {
        client.submit(_work_on_dask, training, store, seconds, pure=False): training
        for training in trainings
    }
    for future in as_completed(list(futures)):
        # forgotten, so that it is not repeated if the worker that holds it dies later
        training = futures.pop(future)
        if future.exception() is None:
            yield future.result()
        else:
            yield _lost(training, store, future.exception())


def _topic(store: Store) -> str:
    """Where workers tell their steps; invocations may share a cluster."""
    return f"skewbench-{store.invocation}"


def _work_on_dask(training: Training, store: Store, seconds: float | None) -> list[Outcome]:
    """`work` on a worker, which begins the next training while this one is logged."""
    from distributed import get_worker, secede

    worker = get_worker()

    def report(*event: object) -> None:
        worker.log_event(_topic(store), event)

    return work(training, store, report, seconds, worker.name, secede)


def prepare(worker: object) -> None:
    """Makes a Dask worker ready to train. Those of a local cluster are named 0, 1, ..."""
    device.prepare(worker if isinstance(worker, int) else 0)


def _lost(training: Training, store: Store, error: Exception) -> list[Outcome]:
    """The outcomes of a training whose worker never answered."""
    from distributed import KilledWorker

    reason = (
        "its worker died, again and again" if isinstance(error, KilledWorker) else reason_of(error)
    )
    done = history.training_history(store, training).done
    return [_failed(training, cell, reason) for cell in training.cells if cell.identity not in done]


def work(
    training: Training,
    store: Store,
    report: Report,
    seconds: float | None = None,
    worker: object = 0,
    trained: Callable[[], None] = lambda: None,
) -> list[Outcome]:
    """One training and the cells that share it, from data to tracked runs.

    A cell is done, or tried too often, if another worker did so before it died.

    Args:
        seconds: that it may take.
        worker: name of the worker.
        trained: is called when the device is free again.
    """
    runs: dict[Cell, str] = {}
    try:
        past = history.training_history(store, training)
        left = [cell for cell in training.cells if cell.identity not in past.done]
        if past.attempts == history.ATTEMPTS:
            return [_failed(training, cell, past.reason) for cell in left]
        attempt = past.attempts + 1
        for cell in left:
            runs[cell] = cells.start(store, training, cell, attempt)
        if not runs:
            return []

        def too_late() -> None:
            said = f"timeout: its training took longer than {seconds:g} s"
            for run_id in runs.values():
                history.fail(store, run_id, said + history.attempt_text(attempt))

        prepare(worker)
        with TRAINING_LOCK, limit(seconds, too_late), system_metrics.samples() as samples:
            earlier = history.earlier_fit(store, training)
            fit = earlier or train(training, report)
        if attempt == 1:  # one that may kill its worker again is to kill no other with it
            trained()
    except StoreUnavailableError as error:
        return [_unlogged(training, cell, error) for cell in training.cells]
    except (Exception, SystemExit) as error:
        return [_end(training, cell, store, run_id, error) for cell, run_id in runs.items()] or [
            _failed(training, cell, reason_of(error)) for cell in training.cells
        ]
    spent = 0.0 if earlier else fit.seconds["training"]
    return [
        _decide(training, cell, store, run_id, fit, samples, spent) for cell, run_id in runs.items()
    ]


def train(training: Training, report: Report) -> fit_files.Fit:
    """A training, from data to predictions."""
    conditions = training.conditions
    started = time.perf_counter()
    splits = _split(conditions, training.seed)
    waited = time.perf_counter() - started
    fit = fitting.fit(
        TrainingJob(
            registry.task(conditions.task),
            conditions.settings,
            splits,
            len(conditions.classes),
            grammar.read(training.strategy).strategy,
            conditions.budget,
            training.seed,
        ),
        lambda steps: report(training.identity, str(training), steps),
    )
    return replace(fit, seconds={**fit.seconds, "data": fit.seconds["data"] + waited})


def _decide(
    training: Training,
    cell: Cell,
    store: Store,
    run_id: str,
    fit: fit_files.Fit,
    samples: list[Any],
    seconds: float,
) -> Outcome:
    try:
        score = scoring.score(grammar.read(cell.strategy).strategy, fit)
        result = cells.CellResult(run_id, int(time.time() * 1000), fit, score, samples)
        cells.complete(store, result)
    except StoreUnavailableError as error:
        return replace(_unlogged(training, cell, error), result=result)
    except (Exception, SystemExit) as error:
        return _end(training, cell, store, run_id, error)
    return Outcome(training.identity, cell, "finished", score.metrics, "", seconds)


def _end(
    training: Training, cell: Cell, store: Store, run_id: str, error: BaseException
) -> Outcome:
    """Fails the run of a cell."""
    try:
        history.fail(store, run_id, reason_of(error))
    except StoreUnavailableError as lost:
        return _unlogged(training, cell, lost)
    return _failed(training, cell, reason_of(error))


def _failed(training: Training, cell: Cell, reason: str) -> Outcome:
    return Outcome(training.identity, cell, "failed", {}, reason, 0.0)


def _unlogged(training: Training, cell: Cell, error: StoreUnavailableError) -> Outcome:
    return Outcome(training.identity, cell, "unlogged", {}, str(error), 0.0)


def reason_of(error: BaseException) -> str:
    """One line for what is expected to happen, with the place in the code for a bug."""
    if isinstance(error, (UserError, DivergedError)):
        return without_passwords(str(error))
    said = " ".join(str(error).split())[:LONGEST_REASON]
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return without_passwords(f"{type(error).__name__}: {said}{where}")
