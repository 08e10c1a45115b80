"""One invocation of `run`, from a request to the leaderboard."""

from __future__ import annotations

import dataclasses
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from benchmark import leaderboard, plan, registry
from benchmark.cluster import engine
from benchmark.errors import UserError
from benchmark.execute import execute, load, warm
from benchmark.leaderboard import Table
from benchmark.plan import Plan, Training
from benchmark.progress import display
from benchmark.registry import Remedy
from benchmark.report import files as reports
from benchmark.report import markdown, terminal
from benchmark.task import Data
from benchmark.tracking import cells, invocation
from benchmark.tracking import store as tracking
from benchmark.tracking.store import Store

if TYPE_CHECKING:
    from distributed import Client


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


@dataclass(frozen=True)
class Result:
    """What became of a request."""

    store: Store
    table: Table
    failed: int  # cells


def run(request: Request) -> int:
    """Runs what is not done yet, prints the leaderboard and returns the exit status."""
    console = terminal.console(stderr=True)
    result = measure(request, console)
    terminal.show(terminal.console(), result.table)
    terminal.where_next(console, result.store)
    if result.failed:
        console.print(f"[red]{result.failed} cells failed[/]: the same command tries them again")
    return 1 if result.failed else 0


def measure(request: Request, console: Console) -> Result:
    """Runs what is not done yet and logs the leaderboard.

    Everything that a person can get wrong is checked before the first run is created.
    """
    uri = tracking.resolve(request.tracking)
    if request.scheduler and not uri.startswith(("http://", "https://")):
        raise UserError(
            "--scheduler needs a tracking server that all workers reach: --tracking http://..."
        )
    data = load(request.task, request.settings, request.path)
    _announce(data, console)
    asked = _plan(request, data, console)
    most = len(asked.strategies) * asked.seeds
    with engine(min(request.workers, most), request.scheduler) as client:
        warm(client, asked.conditions)  # meanwhile, what is left to check
        registry.task(request.task).split(data, request.settings, 0)
        store = tracking.open_store(uri, request.task)
        trainings = _unfinished(asked, store, console)
        store = invocation.begin(store, asked)
        with _ended(store, console):
            failed = _execute(client, trainings, store, console)
            table = leaderboard.table(uri, asked.conditions)
            invocation.describe(store, markdown.section(table), reports.texts([table]))
            if trainings:  # else the page of an earlier invocation is the same, and takes seconds
                with console.status("drawing the report"):
                    page = reports.report(uri, [table])
                invocation.attach(store, {"report.html": page})
        invocation.end(store, "FAILED" if failed else "FINISHED")
    return Result(store, table, failed)


def _plan(request: Request, data: Data, console: Console) -> Plan:
    """Checks what is asked of the data."""
    task = registry.task(request.task)
    if len(data.classes) != 2:
        raise UserError(f"{data.origin} has {len(data.classes)} classes: only two can be measured")
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
    conditions = plan.conditions(request.task, request.settings, request.path, data, budget)
    return plan.plan(conditions, remedies, request.seeds)


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
    console.print(escape(f"data: {data.origin}: {counts}"))


def _unfinished(asked: Plan, store: Store, console: Console) -> list[Training]:
    """The trainings that are left, with only their unfinished cells, longest first."""
    finished = cells.finished(store, asked.conditions)
    done = {one.cell for one in finished}
    remedies = [registry.read(text) for text, _, _ in asked.strategies]
    unfinished = []
    for training in plan.trainings(asked.conditions, remedies, range(asked.seeds)):
        left = tuple(cell for cell in training.cells if cell.identity not in done)
        if left:
            unfinished.append(dataclasses.replace(training, cells=left))
    planned = len(remedies) * asked.seeds
    open_cells = sum(len(training.cells) for training in unfinished)
    console.print(
        f"cells planned: {planned}, done before: {planned - open_cells}, "
        f"trainings to go: {len(unfinished)}"
    )
    seconds = {one.training_part: one.seconds.get("training", 0.0) for one in finished}
    return plan.longest_first(unfinished, seconds)


def _execute(
    client: Client | None, trainings: list[Training], store: Store, console: Console
) -> int:
    """Runs the trainings and returns the number of failed cells."""
    failed = 0
    with display(console, trainings) as shown:
        for outcomes in execute(client, trainings, store, shown.report):
            shown.ended(outcomes)
            failed += sum(outcome.status == "failed" for outcome in outcomes)
    invocation.end_leftovers(store, "FAILED", "its worker was lost")
    return failed


@contextmanager
def _ended(store: Store, console: Console) -> Iterator[None]:
    """Sees to it that no run stays RUNNING, whatever ends the block.

    SIGTERM, which ``mlflow run`` and schedulers send, counts as Ctrl-C.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        for number in before:
            signal.signal(number, signal.SIG_IGN)  # tidying up is short
        invocation.end_leftovers(store, "KILLED", "stopped by hand")
        invocation.end(store, "KILLED")
        console.print("stopped: the same command goes on where this one ended")
        raise SystemExit(130) from None
    except BaseException:
        invocation.end_leftovers(store, "FAILED", "the benchmark broke off")
        invocation.end(store, "FAILED")
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
