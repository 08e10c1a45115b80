"""One invocation of `run`, from a request to the leaderboard."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from benchmark import execute, leaderboard, plan, registry
from benchmark.errors import UserError
from benchmark.plan import Conditions, Training
from benchmark.progress import display
from benchmark.registry import Remedy
from benchmark.report import markdown, terminal
from benchmark.task import Data
from benchmark.tracking import cells, invocation
from benchmark.tracking import store as tracking
from benchmark.tracking.store import Store


@dataclass(frozen=True)
class Request:
    """What the person asked for, read and checked as far as it goes without the data."""

    task: str
    settings: Any
    path: str  # of the real data; "" is the stand-in
    remedies: tuple[Remedy, ...]
    every: bool  # leave out what does not suit the task, and say so
    seeds: int
    steps: int | None
    workers: int
    scheduler: str
    tracking: str


def run(request: Request) -> int:
    """Runs what is not done yet, prints the leaderboard and returns the exit status.

    Everything that a person can get wrong is checked before the first run is created.
    """
    console = terminal.console(stderr=True)
    uri = tracking.resolve(request.tracking)
    if request.scheduler and not uri.startswith(("http://", "https://")):
        raise UserError(
            "--scheduler needs a tracking server that all workers reach: --tracking http://..."
        )
    conditions, remedies = _conditions(request, console)
    store = tracking.open_store(uri, request.task)
    trainings, planned = _unfinished(conditions, remedies, request.seeds, store)
    left = sum(len(training.cells) for training in trainings)
    console.print(
        f"{planned} cells planned, {planned - left} done before, {len(trainings)} trainings to go"
    )
    texts = [remedy.text for remedy in remedies]
    store = invocation.begin(store, conditions, {"strategies": texts, "seeds": request.seeds})
    failed = _execute(trainings, store, request, console)
    _conclude(store, conditions, failed, console)
    return 1 if failed else 0


def _conditions(request: Request, console: Console) -> tuple[Conditions, list[Remedy]]:
    """Loads and checks the data, and what is asked of it."""
    task = registry.task(request.task)
    data = execute.load(request.task, request.settings, request.path)
    _announce(data, console)
    budget = task.budget(request.settings, data.source)
    if request.steps is not None:
        budget = dataclasses.replace(budget, steps=request.steps)
    remedies = list(request.remedies)
    if request.every:
        remedies = plan.those_suitable(task, data.classes, remedies)
        left_out = [remedy.label for remedy in request.remedies if remedy not in remedies]
        if left_out:
            console.print(f"left out, as they do not suit this task: {', '.join(left_out)}")
    plan.suitable(task, data.classes, remedies)
    task.split(data, request.settings, 0)
    return plan.conditions(request.task, request.settings, request.path, data, budget), remedies


def _announce(data: Data, console: Console) -> None:
    if data.source == "synthetic":
        console.rule("[bold yellow]SYNTHETIC STAND-IN DATA", style="yellow")
        console.print(
            "No real data was named or found: these results say nothing about the real task.\n"
            "Name it with --data (or -P data=...), or download it with `fetch`.",
        )
        console.rule(style="yellow")
    counts = ", ".join(
        f"{(data.labels == label).sum():,} {name}" for label, name in enumerate(data.classes)
    )
    console.print(f"data: {data.origin}: {counts}")


def _unfinished(
    conditions: Conditions, remedies: list[Remedy], seeds: int, store: Store
) -> tuple[list[Training], int]:
    """The trainings with only their unfinished cells, and the number of all cells."""
    done = cells.finished(store, conditions)
    unfinished, planned = [], 0
    for training in plan.trainings(conditions, remedies, range(seeds)):
        planned += len(training.cells)
        left = tuple(cell for cell in training.cells if cell.identity not in done)
        if left:
            unfinished.append(dataclasses.replace(training, cells=left))
    return unfinished, planned


def _execute(trainings: list[Training], store: Store, request: Request, console: Console) -> int:
    """Runs the trainings and returns the number of failed cells."""
    workers = min(request.workers, len(trainings))
    failed = 0
    try:
        with display(console, trainings) as shown:
            for outcomes in execute.execute(
                trainings, store, workers, request.scheduler, shown.report
            ):
                shown.ended(outcomes)
                failed += sum(outcome.status == "failed" for outcome in outcomes)
    except KeyboardInterrupt:
        invocation.end_leftovers(store, "KILLED", "stopped by hand")
        invocation.end(store, "KILLED", {}, "Stopped by hand.")
        console.print("stopped: the same command goes on where this one ended")
        raise SystemExit(130) from None
    invocation.end_leftovers(store, "FAILED", "its worker was lost")
    return failed


def _conclude(store: Store, conditions: Conditions, failed: int, console: Console) -> None:
    """Leaderboard to the terminal, the invocation's run and the experiment's description."""
    tables = leaderboard.tables(store.uri, [conditions.task])
    [table] = [table for table in tables if table.conditions == conditions.identity]
    text = markdown.section(table)
    files = {"leaderboard.md": text, "leaderboard.csv": table.runs.to_csv(index=False)}
    invocation.end(store, "FAILED" if failed else "FINISHED", files, text)
    terminal.show(terminal.console(), table)
    terminal.where_next(console, store)
    if failed:
        console.print(f"[red]{failed} cells failed[/]: the same command tries them again")
