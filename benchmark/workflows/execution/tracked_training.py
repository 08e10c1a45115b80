"""One training and the cells that share it, from data to tracked runs.

The process that trains logs the runs. It asks the store whether a cell is done before it
starts it, as another worker may have done so before it died.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from benchmark.protocol import grammar
from benchmark.protocol.errors import UserError, without_passwords
from benchmark.protocol.grid import Cell, Training
from benchmark.tracking import cells, history
from benchmark.tracking.retry import StoreUnavailableError
from benchmark.tracking.store import Store
from benchmark.tracking.system_metrics import Sample, samples
from benchmark.training.loop import DivergedError
from benchmark.training.predictions import Fit
from benchmark.training.score import score
from benchmark.workflows.execution.time_limit import limit
from benchmark.workflows.execution.worker import TRAINING_LOCK, Report, prepare, train

MAX_REASON_LENGTH = 300  # characters
# trainings of a process that are logged while it trains others: short ones would pile up, hold
# their predictions, and wait for one another at the store
LOGGED_ASIDE = threading.Semaphore(1)
EXPECTED = (UserError, DivergedError)  # their message says what there is to know


@dataclass(frozen=True)
class Outcome:
    """What became of a cell."""

    training: str  # identity
    cell: Cell
    status: Literal["finished", "failed", "unlogged"]
    metrics: dict[str, float]
    reason: str  # of a failure, or why it is not in the store; one line
    seconds: float  # of training; 0 where an earlier fit was used
    result: cells.CellResult | None = None  # what the store did not take
    trace: str = ""  # of an unexpected error


def run_training(
    training: Training,
    store: Store,
    report: Report,
    seconds: float | None = None,
    worker: object = 0,
    on_trained: Callable[[], None] = lambda: None,
) -> list[Outcome]:
    """Run one training and its cells; return the outcome of each cell that was not done yet.

    Args:
        report: called with the steps done, while it trains.
        seconds: time limit of the training.
        worker: name of the worker.
        on_trained: called when the device is free again, unless the caller is to wait for the
            log as well.
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

        def fail_all() -> None:
            reason = f"timeout: its training took longer than {seconds:g} s"
            for run_id in runs.values():
                history.fail(store, run_id, reason + history.attempt_text(attempt))

        prepare(worker)
        with TRAINING_LOCK, limit(seconds, fail_all), samples() as sampled:
            earlier = history.earlier_fit(store, training) if past.done else None
            fit = earlier or train(training, report)
    except StoreUnavailableError as error:
        return [_unlogged(training, cell, error) for cell in training.cells]
    except (Exception, SystemExit) as error:
        return _end_all(training, store, runs, error)
    spent = 0.0 if earlier else fit.seconds["training"]
    # a training that may kill its worker again must not kill another with it
    with _aside(on_trained) if attempt == 1 else nullcontext():
        return [
            _log_cell(training, cell, store, run_id, fit, sampled, spent)
            for cell, run_id in runs.items()
        ]


@contextmanager
def _aside(on_trained: Callable[[], None]) -> Iterator[None]:
    """Free the device before the block, unless another training is being logged aside."""
    if not LOGGED_ASIDE.acquire(blocking=False):
        yield
        return
    try:
        on_trained()
        yield
    finally:
        LOGGED_ASIDE.release()


def lost_training(training: Training, store: Store, reason: str) -> list[Outcome]:
    """Return the outcomes of a training whose worker never answered."""
    done = history.training_history(store, training).done
    return [_failed(training, cell, reason) for cell in training.cells if cell.identity not in done]


def _log_cell(
    training: Training,
    cell: Cell,
    store: Store,
    run_id: str,
    fit: Fit,
    sampled: Sequence[Sample],
    seconds: float,
) -> Outcome:
    """Score a cell from the fit of its training and complete its run."""
    try:
        scored = score(grammar.read(cell.strategy).strategy, fit)
        ended = int(time.time() * 1000)
        result = cells.CellResult(run_id, ended, fit, scored, list(sampled))
        cells.complete(store, result)
    except StoreUnavailableError as error:
        return replace(_unlogged(training, cell, error), result=result)
    except (Exception, SystemExit) as error:
        return _end(training, cell, store, run_id, error)
    return Outcome(training.identity, cell, "finished", scored.metrics, "", seconds)


def _end_all(
    training: Training, store: Store, runs: Mapping[Cell, str], error: BaseException
) -> list[Outcome]:
    """Fail the runs that were started; all cells fail if none was."""
    if not runs:
        return [_failed_by(training, cell, error) for cell in training.cells]
    return [_end(training, cell, store, run_id, error) for cell, run_id in runs.items()]


def _end(
    training: Training, cell: Cell, store: Store, run_id: str, error: BaseException
) -> Outcome:
    """Fail the run of a cell."""
    try:
        history.fail(store, run_id, reason_of(error))
    except StoreUnavailableError as lost:
        return _unlogged(training, cell, lost)
    return _failed_by(training, cell, error)


def _failed(training: Training, cell: Cell, reason: str) -> Outcome:
    return Outcome(training.identity, cell, "failed", {}, reason, 0.0)


def _unlogged(training: Training, cell: Cell, error: StoreUnavailableError) -> Outcome:
    return Outcome(training.identity, cell, "unlogged", {}, str(error), 0.0)


def _failed_by(training: Training, cell: Cell, error: BaseException) -> Outcome:
    """Return the outcome of an error, with its traceback unless its one line says all."""
    outcome = _failed(training, cell, reason_of(error))
    if isinstance(error, EXPECTED):
        return outcome
    return replace(outcome, trace=without_passwords("".join(traceback.format_exception(error))))


def reason_of(error: BaseException) -> str:
    """Describe an error in one line; an unexpected one with its place in the code."""
    if isinstance(error, EXPECTED):
        return without_passwords(str(error))
    message = " ".join(str(error).split())[:MAX_REASON_LENGTH]
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return without_passwords(f"{type(error).__name__}: {message}{place}")
