"""`run --dry-run`: what would be run, about how long it would take, and nothing more."""

from __future__ import annotations

import logging
import math
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
from rich.console import Console

from benchmark.protocol import grammar, grid, registry
from benchmark.protocol.grid import Plan, Training
from benchmark.protocol.splits import restrict
from benchmark.protocol.strategy import NETWORK_SLOTS, changed
from benchmark.protocol.text import duration
from benchmark.results.report import terminal
from benchmark.results.report.console import phase
from benchmark.tracking.store import SQLITE, open_store
from benchmark.training import device
from benchmark.workflows.execution.worker import load
from benchmark.workflows.profile import timed_training
from benchmark.workflows.remaining import unfinished
from benchmark.workflows.run import RunRequest, announce, check_request, store_of

_log = logging.getLogger(__name__)

FIRST_STEPS = 50  # of the first of two trainings from which the time is estimated
SAMPLE_SECONDS = 15.0  # that the steps of the second one may take
# measured on two cores: from the start of the workers until they read the data, ...
OPENING_SECONDS = 12.0
CLOSING_SECONDS = 4.0  # ... from the last training to the end, ...
SECONDS_PER_RUN = 0.3  # ... and of it for each run, to read and compare
SHARED = 1.7  # ... and how much longer a training takes beside another


@dataclass(frozen=True)
class Sample:
    """Seconds of two short trainings in one process, by stage."""

    steps: tuple[int, int]
    first: dict[str, float]
    second: dict[str, float]

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
    def logging(self) -> float:
        """Seconds to score and log one run."""
        return self.second["logging"]

    @property
    def data(self) -> float:
        """Seconds that a worker needs to read and split the data."""
        return self.first.get("data", 0.0)

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
        f"plan: {len(plan.strategies)} strategies x {plan.most} seeds = {plan.cells} runs, "
        f"{len(left)} trainings to go of {budget}",
        highlight=False,
    )
    if plan.race:
        out.print(f"--until-decided: up to {request.seeds} seeds for those that go on")
    if left:
        started = time.time() - psutil.Process().create_time()  # a run spends as much
        sample = _sample(request, plan, console)
        seconds = started + estimate(left, sample, request.workers)
        out.print(f"estimate: about {duration(seconds)} with {_workers(request)}", highlight=False)
    out.print("nothing was run: leave --dry-run out")
    return 0


def estimate(trainings: Sequence[Training], sample: Sample, workers: int) -> float:
    """Estimate the seconds from the start of the workers of this machine to the end of a run."""
    steps = trainings[0].conditions.budget.steps
    runs = sum(len(training.cells) for training in trainings)
    at_once = max(1, min(workers, len(trainings)))
    each = sample.of_training(steps) * (SHARED if at_once > 1 else 1)
    rounds = math.ceil(len(trainings) / at_once)
    opening = OPENING_SECONDS + sample.data + min(rounds, _networks(trainings)) * sample.compilation
    closing = CLOSING_SECONDS + SECONDS_PER_RUN * runs
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


def _sample(request: RunRequest, plan: Plan, console: Console) -> Sample:
    """Train the first strategy of the plan twice, with few steps, in this process."""
    conditions, spec = plan.conditions, grammar.read(plan.strategies[0][0])
    most = conditions.budget.steps
    with phase(console, "loading TensorFlow"):
        device.prepare()
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"{SQLITE}{folder}/mlflow.db", request.task)
        less, measured = min(FIRST_STEPS, most), []
        more = less
        for seed in range(2):
            steps = more if seed else less
            short = replace(conditions, budget=replace(conditions.budget, steps=steps))
            short = replace(short, identity=f"{conditions.identity}-{seed}")
            [training] = grid.plan_trainings(short, [spec], [seed])
            with phase(console, f"training {steps:,} steps, to estimate the time"):
                measured.append(timed_training(training, store, lambda *_: None))
            per_step = measured[0].get("training", 0.0) / less
            more = min(most, max(less, int(SAMPLE_SECONDS / per_step))) if per_step else most
        sample = Sample((less, steps), measured[0], measured[1])
        _log.debug("%s", sample)
        return sample


def _workers(request: RunRequest) -> str:
    if request.scheduler:
        return "one worker; divide by those of the cluster"
    return f"{max(1, request.workers)} worker{'s' * (request.workers > 1)}"
