"""`run --dry-run`: what would be run, about how long it would take, and nothing more."""

from __future__ import annotations

import logging
import math
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psutil
from rich.console import Console

from benchmark.protocol import grammar, grid, registry
from benchmark.protocol.errors import UserError
from benchmark.protocol.grid import Plan, Training
from benchmark.protocol.splits import restrict
from benchmark.protocol.strategy import NETWORK_SLOTS, changed
from benchmark.protocol.text import duration, seeds, strategies
from benchmark.results.report import terminal
from benchmark.results.report.console import phase
from benchmark.tracking.history import finished_cells
from benchmark.tracking.store import SQLITE, open_store
from benchmark.training import device
from benchmark.workflows.execution.cluster import engine
from benchmark.workflows.execution.dispatch import run_trainings, warm_up
from benchmark.workflows.execution.tracked_training import Outcome
from benchmark.workflows.execution.worker import load
from benchmark.workflows.remaining import unfinished
from benchmark.workflows.run import RunRequest, announce, check_request, in_words, store_of

_log = logging.getLogger(__name__)

FIRST_STEPS = 50  # of the first trainings from which the time is estimated
SAMPLE_SECONDS = 15.0  # that the steps of the second ones may take
# fitted on two cores, where estimates were 1 to 24 % above what runs took: the end of a run, ...
CLOSING_SECONDS = 4.0
SECONDS_PER_RUN = 0.1  # ... and of it for each run, to read and compare


@dataclass(frozen=True)
class Sample:
    """Seconds of short trainings, by stage: two on each worker of the run, all workers at once.

    Attributes:
        steps: of the first trainings and of the second ones.
        first, second: means over the workers.
        opening: from the start of the workers until they train.
        logging: to score and log one run.
    """

    steps: tuple[int, int]
    first: dict[str, float]
    second: dict[str, float]
    opening: float
    logging: float

    def of_training(self, steps: int) -> float:
        """Seconds of a training with so many steps, data and evaluation included, compiled before.

        There are as many calls of the device in a short training as in a long one, so their cost
        is told apart from that of the steps, unless both are of nearly as many.
        """
        less, more = self.steps
        short, long = self.first.get("training", 0.0), self.second.get("training", 0.0)
        apart = more >= 2 * less
        per_step = max(0.0, long - short) / (more - less) if apart else long / more
        fixed = sum(self.second.get(stage, 0.0) for stage in ("data", "evaluation"))
        return fixed + long + per_step * (steps - more)

    @property
    def compilation(self) -> float:
        """Seconds that a worker needs for each loss, and for each head of the network.

        With many steps more is compiled than with few.
        """
        return max(one.get("compilation", 0.0) for one in (self.first, self.second))


def show_plan(request: RunRequest) -> int:
    """Print the plan of a request and an estimate of its time; return the exit status.

    Nothing is written to the store.
    """
    console = terminal.console(stderr=True)
    uri = store_of(request)
    with phase(console, "reading the data"):
        data = load(request.task, request.settings, request.path)
    announce(data, console)
    plan = check_request(request, data, console)
    restrict(registry.task(request.task).split(data, request.settings, 0), data, request.portion)
    left = _left(uri, plan, console)
    out = terminal.console()
    budget = plan.conditions.budget
    out.print(
        f"plan: {strategies(len(plan.strategies))} x {seeds(plan.most)} = {plan.cells} runs, "
        f"{len(left)} trainings to go of {budget}",
        highlight=False,
    )
    if plan.race:
        out.print(f"--until-decided: up to {request.seeds} seeds for those that go on")
    if left:
        started = time.time() - psutil.Process().create_time()  # a run spends as much
        workers = min(request.workers, len(left))
        sample = _sample(plan, workers, console)
        seconds = started + estimate(left, sample, workers)
        out.print(f"estimate: about {duration(seconds)} with {_workers(request)}", highlight=False)
    out.print("nothing was run: leave --dry-run out")
    return 0


def estimate(trainings: Sequence[Training], sample: Sample, workers: int) -> float:
    """Estimate the seconds from the start of the workers of this machine to the end of a run."""
    steps = trainings[0].conditions.budget.steps
    runs = sum(len(training.cells) for training in trainings)
    at_once = max(1, min(workers, len(trainings)))
    rounds = math.ceil(len(trainings) / at_once)
    opening = sample.opening + min(rounds, _networks(trainings)) * sample.compilation
    closing = CLOSING_SECONDS + SECONDS_PER_RUN * runs
    each = sample.of_training(steps)
    return opening + rounds * each + sample.logging * runs / at_once + closing


def _networks(trainings: Sequence[Training]) -> int:
    """Count what is compiled apart: the plain network, and each with a loss or head of its own."""
    changing = {
        training.strategy
        for training in trainings
        if changed(grammar.read(training.strategy).strategy, NETWORK_SLOTS)
    }
    return 1 + len(changing)


def _left(uri: str, plan: Plan, console: Console) -> list[Training]:
    """Return the trainings that are left to run; a store that is not there has none."""
    if not uri.startswith(SQLITE) or Path(uri.removeprefix(SQLITE)).exists():
        return unfinished(plan, open_store(uri, plan.conditions.task), console)
    specs = [grammar.read(text) for text, _, _ in plan.strategies]
    return list(grid.plan_trainings(plan.conditions, specs, range(plan.most)))


def _sample(plan: Plan, workers: int, console: Console) -> Sample:
    """Train the first strategy of the plan, with few steps and then with more, on every worker.

    They train at once, as in a run, so that what they take from each other is measured too.
    """
    most = plan.conditions.budget.steps
    less = more = min(FIRST_STEPS, most)
    measured: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as opened:
        store = open_store(f"{SQLITE}{folder}/mlflow.db", plan.conditions.task)
        began = time.monotonic()
        with phase(console, in_words(workers)):
            if not workers:
                device.prepare()
            client = opened.enter_context(engine(workers))
        warm_up(client, plan.conditions)
        for number in range(2):
            steps = more if number else less
            trainings = _short_trainings(plan, steps, number, max(1, workers))
            began = time.monotonic() if number else began
            with phase(console, f"training {steps:,} steps, to estimate the time"):
                _require_finished(run_trainings(client, trainings, store, lambda *_: None))
            cells = finished_cells(store, trainings[0].conditions)
            means = {
                stage: float(np.mean([cell.seconds.get(stage, 0.0) for cell in cells]))
                for stage in cells[0].seconds
            }
            # what the slowest worker did not train is spent around its training
            longest = max(sum(cell.seconds.values()) for cell in cells)
            means["around"] = max(0.0, time.monotonic() - began - longest)
            measured.append(means)
            per_step = measured[0].get("training", 0.0) / less
            more = min(most, max(less, int(SAMPLE_SECONDS / per_step))) if per_step else most
    first, second = measured
    sample = Sample((less, steps), first, second, first.pop("around"), second.pop("around"))
    _log.debug("%s", sample)
    return sample


def _short_trainings(plan: Plan, steps: int, number: int, count: int) -> list[Training]:
    conditions, spec = plan.conditions, grammar.read(plan.strategies[0][0])
    short = replace(
        conditions,
        budget=replace(conditions.budget, steps=steps),
        identity=f"{conditions.identity}-{number}",
    )
    return list(grid.plan_trainings(short, [spec], range(number * count, (number + 1) * count)))


def _require_finished(ended: Iterable[Sequence[Outcome]]) -> None:
    """Wait for trainings; UserError if one fails."""
    for outcomes in ended:
        for outcome in outcomes:
            if outcome.status != "finished":
                raise UserError(f"the run failed: {outcome.reason}")


def _workers(request: RunRequest) -> str:
    if request.scheduler:
        return "one worker; divide by those of the cluster"
    return f"{max(1, request.workers)} worker{'s' * (request.workers > 1)}"
