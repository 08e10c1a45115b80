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
from benchmark.tracking import history
from benchmark.tracking import store as tracking
from benchmark.training import device
from benchmark.training.loop import Clock
from benchmark.workflows.execution import worker
from benchmark.workflows.execution.progress import Display, display

MEANING = {
    "start": "import TensorFlow and MLflow, make an empty store",
    "data": "read and check the data, split, resample",
    "compilation": "build the network, trace and compile it",
    "training": "optimizer steps",
    "evaluation": "looks at validation, final predictions",
    "logging": "scores, figures, metrics and files into the store",
}


@dataclass(frozen=True)
class Profile:
    """Seconds by stage of the first run in a process, and of a second one with another seed."""

    device: str
    budget: Budget
    first: dict[str, float]
    second: dict[str, float]


def profile(
    task_name: str, settings: Any, path: str, spec: StrategySpec, steps: int | None
) -> Profile:
    """Trains `strategy` with seeds 0 and 1 in this process, tracked in a store that is thrown away.

    Raises:
        UserError: if a run fails.
    """
    clock = Clock()
    clock.turn("start")
    device.prepare()
    with tempfile.TemporaryDirectory() as folder:
        store = tracking.open_store(f"sqlite:///{folder}/mlflow.db", task_name)
        clock.turn("data")
        task = registry.task(task_name)
        data = worker.load(task_name, settings, path)
        grid.require_suitable(task, settings, data.classes, [spec])
        budget = task.budget(settings, data.source)
        budget = dataclasses.replace(budget, steps=steps or budget.steps)
        conditions = grid.make_conditions(task_name, settings, path, data, budget)
        clock.turn("")
        trainings = list(grid.plan_trainings(conditions, [spec], [0, 1]))
        with display(terminal.console(stderr=True), trainings) as shown:
            first, second = (_run(training, store, shown) for training in trainings)
    before = clock.read()
    first = {name: before.get(name, 0.0) + first.get(name, 0.0) for name in MEANING}
    return Profile(device.name(task.kind), budget, first, second)


def _run(training: grid.Training, store: tracking.Store, shown: Display) -> dict[str, float]:
    clock = Clock()
    clock.turn("logging")
    [outcome] = worker.work(training, store, shown.report)
    clock.turn("")
    shown.ended([outcome])
    if outcome.status == "failed":
        raise UserError(f"the run failed: {outcome.reason}")
    done = next(
        one
        for one in history.finished_cells(store, training.conditions)
        if one.seed == training.seed
    )
    return {**done.seconds, "logging": clock.read()["logging"] - sum(done.seconds.values())}


def table(name: str, profiled: Profile) -> Grid:
    """One row a stage, for the terminal."""
    grid = Grid(
        title=f"{name}: {profiled.budget}",
        caption=f"{profiled.device}; with several workers, logging overlaps the next training",
        show_footer=True,
    )
    first, second = sum(profiled.first.values()), sum(profiled.second.values())
    grid.add_column("stage", "all")
    grid.add_column("what happens in it")
    grid.add_column("first run", f"{first:.2f} s", justify="right")
    grid.add_column("", "100 %", justify="right")
    grid.add_column("next run", f"{second:.2f} s", justify="right")
    grid.add_column("", "100 %", justify="right")
    for stage, meaning in MEANING.items():
        one, two = profiled.first[stage], profiled.second.get(stage, 0.0)
        grid.add_row(
            stage,
            meaning,
            f"{one:.2f} s",
            f"{one / first:.0%}",
            f"{two:.2f} s",
            f"{two / second:.0%}",
        )
    return grid
