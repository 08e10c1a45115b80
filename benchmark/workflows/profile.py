"""Where the time of one run goes: start, data, compilation, training, evaluation, logging."""

from __future__ import annotations

import dataclasses
import tempfile
from dataclasses import dataclass
from typing import Any

from rich.table import Table as Grid

from benchmark.protocol import grid, registry
from benchmark.protocol.errors import UserError
from benchmark.protocol.grammar import StrategySpec
from benchmark.protocol.task import Budget
from benchmark.results.report import terminal
from benchmark.tracking.history import finished_cells
from benchmark.tracking.store import Store, open_store
from benchmark.training import device
from benchmark.training.loop import Clock
from benchmark.workflows.execution.progress import display
from benchmark.workflows.execution.tracked_training import run_training
from benchmark.workflows.execution.worker import Report, load

MEANING = {
    "start": "import TensorFlow and MLflow, make an empty store",
    "data": "read and check the data, split, resample",
    "compilation": "build the network, trace and compile it",
    "training": "optimizer steps",
    "evaluation": "evaluations on validation, final predictions",
    "logging": "scores, figures, metrics and files into the store",
}


@dataclass(frozen=True)
class Profile:
    """Seconds by stage of the first run in a process, and of a second one with another seed."""

    device: str
    budget: Budget
    first: dict[str, float]
    second: dict[str, float]


def profile_run(
    task_name: str, settings: Any, path: str, spec: StrategySpec, steps: int | None
) -> Profile:
    """Train a strategy with seeds 0 and 1 in this process, tracked in a temporary store.

    Raises:
        UserError: if a run fails.
    """
    clock = Clock()
    clock.turn("start")
    device.prepare()
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{folder}/mlflow.db", task_name)
        clock.turn("data")
        task = registry.task(task_name)
        data = load(task_name, settings, path)
        grid.require_suitable(task, settings, data.classes, [spec])
        budget = task.budget(settings, data.source)
        budget = dataclasses.replace(budget, steps=steps or budget.steps)
        conditions = grid.make_conditions(task_name, settings, path, data, budget)
        clock.turn("")
        trainings = list(grid.plan_trainings(conditions, [spec], [0, 1]))
        with display(terminal.console(stderr=True), trainings) as shown:
            first, second = (
                timed_training(training, store, shown.report) for training in trainings
            )
    before = clock.read()
    first = {name: before.get(name, 0.0) + first.get(name, 0.0) for name in MEANING}
    return Profile(device.name(task.kind), budget, first, second)


def timed_training(training: grid.Training, store: Store, report: Report) -> dict[str, float]:
    """Run a training; return its seconds by stage. UserError if it fails."""
    clock = Clock()
    clock.turn("logging")
    [outcome] = run_training(training, store, report)
    clock.turn("")
    if outcome.status == "failed":
        raise UserError(f"the run failed: {outcome.reason}")
    cells = finished_cells(store, training.conditions)
    seconds = next(cell.seconds for cell in cells if cell.seed == training.seed)
    return {**seconds, "logging": clock.read()["logging"] - sum(seconds.values())}


def table(name: str, profiled: Profile) -> Grid:
    """Make the table for the terminal, one row per stage."""
    printed = Grid(
        title=f"{name}: {profiled.budget}",
        caption=f"{profiled.device}; with several workers, logging overlaps the next training",
        show_footer=True,
    )
    first_total, second_total = sum(profiled.first.values()), sum(profiled.second.values())
    printed.add_column("stage", "all")
    printed.add_column("what happens in it")
    printed.add_column("first run", f"{first_total:.2f} s", justify="right")
    printed.add_column("", "100 %", justify="right")
    printed.add_column("next run", f"{second_total:.2f} s", justify="right")
    printed.add_column("", "100 %", justify="right")
    for stage, meaning in MEANING.items():
        first, second = profiled.first[stage], profiled.second.get(stage, 0.0)
        printed.add_row(
            stage,
            meaning,
            f"{first:.2f} s",
            f"{first / first_total:.0%}",
            f"{second:.2f} s",
            f"{second / second_total:.0%}",
        )
    return printed
