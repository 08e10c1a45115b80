"""Trainings, and trials of a search, as jobs of a crew: workers of a cluster elsewhere."""

from __future__ import annotations

import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from rich.console import Console
from rich.markup import escape

from benchmark.protocol.grid import Training
from benchmark.tracking.store import Store
from benchmark.workflows.execution import sealed, stopping
from benchmark.workflows.execution.crew import Crew
from benchmark.workflows.execution.preflight import Requirements
from benchmark.workflows.execution.shipping import ship
from benchmark.workflows.execution.tracked_training import (
    Outcome,
    lost_training,
    reason_of,
    run_training,
)
from benchmark.workflows.execution.worker import Report

REPORT_SECONDS = 2.0  # between two reports of a training: each costs the scheduler 0.6 ms

Result = TypeVar("Result")
Claim = Callable[[object], "Result | None"]  # (GPU) -> a result; None if no job is left


@contextmanager
def open_crew(
    scheduler: str, ship_code: bool, required: Requirements, wanted: int, console: Console
) -> Iterator[Crew]:
    """Open the crew of a cluster and wait for its first worker; each worker is named.

    Args:
        scheduler: its address.
        ship_code: send this checkout to workers that have none.
        wanted: jobs that it will get.

    Raises:
        UserError: if no scheduler answers, or none of its workers can be used.
    """

    def say(line: str) -> None:
        console.print(escape(line), highlight=False, soft_wrap=True)

    say(f"examining the workers of {scheduler}")
    shipped = partial(ship, name=f"skewbench-{uuid.uuid4().hex}")
    opened = Crew(scheduler, required, say, shipped if ship_code else lambda _: None)
    try:
        opened.assemble(wanted)
        yield opened
    finally:
        opened.close()


def run_trainings(
    crew: Crew,
    trainings: Sequence[Training],
    store: Store,
    report: Report,
    seconds: float | None,
) -> Iterator[list[Outcome]]:
    """Run all trainings and yield the outcomes of each, see `dispatch.run_trainings`."""
    for training, result in crew.work(_Trainings(trainings, store, seconds), store, report):
        if isinstance(result, BaseException):
            yield lost_training(training, store, reason_of(result))
        else:
            yield result


class _Trainings:
    """Trainings in the order given, but a worker goes on with the seed whose splits it has."""

    def __init__(self, trainings: Sequence[Training], store: Store, seconds: float | None) -> None:
        self._waiting: dict[int, deque[Training]] = {}  # by seed
        for training in trainings:
            self._waiting.setdefault(training.seed, deque()).append(training)
        self._handed_out: Counter[int] = Counter()  # by seed
        self._store, self._seconds = store, seconds

    def left(self) -> int | None:
        return sum(map(len, self._waiting.values())) or None

    def take(self, loaded: Training | None) -> Training:
        if loaded is not None and loaded.seed in self._waiting:
            seed = loaded.seed
        else:  # one that the fewest others have
            seed = min(self._waiting, key=self._handed_out.__getitem__)
        chosen = self._waiting[seed].popleft()
        if not self._waiting[seed]:
            del self._waiting[seed]
        self._handed_out[seed] += 1
        return chosen

    def give_back(self, job: Training) -> None:
        self._waiting.setdefault(job.seed, deque()).appendleft(job)

    def call(self, job: Training) -> Callable[[int, str], list[Outcome]]:
        return partial(_run, job, self._store, self._seconds)


def _run(
    training: Training, store: Store, seconds: float | None, gpu: int, number: str
) -> list[Outcome]:
    """Run a training on a worker, which is given the next while this one is logged."""
    from distributed import get_worker, secede

    current, topic = get_worker(), sealed.topic_of(store)
    tell = seldom(lambda event: current.log_event(topic, ("steps", *event)))

    def report(*event: object) -> None:
        stopping.check(store.invocation)
        tell(event)

    def on_trained() -> None:
        current.log_event(topic, ("trained", number))
        secede()

    try:
        with stopping.stoppable(store.invocation):
            return run_training(training, store, report, seconds, gpu, on_trained)
    except stopping.StoppedError:
        return []


def seldom(tell: Callable[[Any], None]) -> Callable[[Any], None]:
    """Return what passes on the first of many events, and one every `REPORT_SECONDS`."""
    told = -REPORT_SECONDS

    def tell_now_and_then(event: Any) -> None:
        nonlocal told
        if (now := time.monotonic()) - told >= REPORT_SECONDS:
            told = now
            tell(event)

    return tell_now_and_then


def keep_busy(
    crew: Crew, claim: Claim[Result], store: Store, waiting: Callable[[], int | None]
) -> Iterator[Result]:
    """Yield the results of `claim`, called on the workers while jobs are left, see `pool`."""
    for _, result in crew.work(_Claims(claim, store, waiting), store):
        if isinstance(result, BaseException):
            raise result
        if result is not None:
            yield result


class _Claims:
    """Jobs that workers choose themselves."""

    def __init__(self, claim: Claim[Any], store: Store, waiting: Callable[[], int | None]) -> None:
        self._claim, self._store, self.left = claim, store, waiting

    def take(self, loaded: object) -> None:
        return None

    def give_back(self, job: None) -> None:
        """Whoever died has claimed it in the storage, which enqueues it again."""

    def call(self, job: None) -> Callable[[int, str], Any]:
        return partial(_claim, self._claim, self._store)


def _claim(claim: Claim[Result], store: Store, gpu: int, number: str) -> Result | None:
    try:
        with stopping.stoppable(store.invocation):
            return claim(gpu)
    except stopping.StoppedError:
        return None
