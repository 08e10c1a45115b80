"""One invocation of `run`, from a request to the leaderboard."""

from __future__ import annotations

import dataclasses
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape

from benchmark.protocol import grammar, grid, registry
from benchmark.protocol.errors import UserError
from benchmark.protocol.grammar import StrategySpec
from benchmark.protocol.grid import Plan, Training
from benchmark.protocol.splits import restrict
from benchmark.protocol.task import Data, Portion
from benchmark.results import leaderboard
from benchmark.results.analysis import Analysis, analyse
from benchmark.results.report import files as reports
from benchmark.results.report import markdown, terminal
from benchmark.tracking import history, invocation, lease
from benchmark.tracking import store as tracking
from benchmark.tracking.retry import StoreUnavailableError
from benchmark.tracking.store import Store
from benchmark.workflows.execution import outbox
from benchmark.workflows.execution.cluster import engine
from benchmark.workflows.execution.progress import display
from benchmark.workflows.execution.worker import Outcome, execute, load, warm_up

MOST_NAMED = 20  # classes; of more their number is told


@dataclass(frozen=True)
class RunRequest:
    """What the person asked for, read and checked as far as it goes without the data."""

    task: str
    settings: Any
    path: str  # of the real data; "" is the stand-in
    specs: tuple[StrategySpec, ...]
    every: bool  # leave out what does not suit the task, and say so
    seeds: int
    steps: int | None
    workers: int
    scheduler: str
    timeout: float | None  # seconds that a training may take
    tracking: str
    portion: Portion = "all"


@dataclass(frozen=True)
class RunResult:
    """What became of a request."""

    store: Store
    analysis: Analysis
    failed: int  # cells


def run(request: RunRequest) -> int:
    """Runs what is not done yet, prints the leaderboard and returns the exit status."""
    end_with_mlflow()
    console = terminal.console(stderr=True)
    result = measure(request, console)
    terminal.show(terminal.console(), result.analysis)
    terminal.where_next(console, result.store)
    if result.failed:
        console.print(f"[red]{result.failed} cells failed[/]: the same command tries them again")
    return 1 if result.failed else 0


def measure(request: RunRequest, console: Console) -> RunResult:
    """Runs what is not done yet and logs the leaderboard.

    Everything that a person can get wrong is checked before the first run is created.
    """
    uri = store_of(request)
    data = load(request.task, request.settings, request.path)
    announce(data, console)
    asked = check_request(request, data, console)
    splits = registry.task(request.task).split(data, request.settings, 0)
    restrict(splits, data, request.portion)
    store = _begin(tracking.open_store(uri, request.task), asked)
    with ending_all_runs(store, console), lease.sign_of_life(store):
        for said in outbox.send(store):
            console.print(said)
        cleared = lease.clear_the_dead(store)
        if cleared:
            console.print(f"runs left by a benchmark that was killed, ended now: {cleared}")
        trainings = _unfinished(asked, store, console)
        failed = _execute(request, trainings, store, console) if trainings else 0
        analysis = analyse(leaderboard.leaderboard(uri, asked.conditions))
        invocation.describe(store, markdown.section(analysis), reports.texts([analysis]))
        if trainings:  # else the page of an earlier invocation is the same, and takes seconds
            with console.status("drawing the report"):
                page = reports.report(uri, [analysis])
            invocation.attach(store, {"report.html": page})
        invocation.end(store, "FAILED" if failed else "FINISHED")
    return RunResult(store, analysis, failed)


def store_of(request: RunRequest) -> str:
    """Address of the store. UserError if the request cannot be carried out with it."""
    uri = tracking.resolve(request.tracking)
    if request.scheduler and not uri.startswith(("http://", "https://")):
        raise UserError(
            "--scheduler needs a tracking server that all workers reach: --tracking http://..."
        )
    if request.timeout and not (request.workers or request.scheduler):
        raise UserError(
            "--timeout ends the worker that takes too long: it needs --workers 1 or more"
        )
    return uri


def end_with_mlflow() -> None:
    """Under ``mlflow run``, which leaves its child alone when it is killed: ends with it."""
    if "MLFLOW_RUN_ID" not in os.environ:
        return
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def _begin(store: Store, asked: Plan) -> Store:
    """Creates the invocation's run, unless another benchmark is at the same cells."""
    with tracking.one_at_a_time(store.uri):
        lease.require_alone(store, asked.conditions.identity)
        begun = invocation.begin(store, asked)
        try:  # again: one on another machine may have begun at the same moment
            lease.require_alone(begun, asked.conditions.identity)
        except UserError:
            invocation.withdraw(begun)
            raise
        return begun


def check_request(request: RunRequest, data: Data, console: Console) -> Plan:
    """Checks what is asked of the data."""
    task = registry.task(request.task)
    budget = task.budget(request.settings, data.source)
    if request.steps is not None:
        budget = dataclasses.replace(budget, steps=request.steps)
    specs = list(request.specs)
    if request.every:
        specs = grid.suitable_specs(task, request.settings, data.classes, specs)
        left_out = [spec.label for spec in request.specs if spec not in specs]
        if left_out:
            console.print(f"left out, as they do not suit this task: {', '.join(left_out)}")
    grid.require_suitable(task, request.settings, data.classes, specs)
    conditions = grid.make_conditions(
        request.task, request.settings, request.path, data, budget, request.portion
    )
    return grid.make_plan(conditions, specs, request.seeds)


def announce(data: Data, console: Console) -> None:
    if data.source == "synthetic":
        console.rule("[bold yellow]SYNTHETIC STAND-IN DATA", style="yellow")
        console.print(
            "No real data was named or found: these results say nothing about the real task.\n"
            "Name it with --data (or -P data=...), or download it with `fetch`.",
        )
        console.rule(style="yellow")
    counts = np.bincount(data.labels, minlength=len(data.classes)).tolist()
    named = [f"{rows:,} {name}" for rows, name in zip(counts, data.classes, strict=True)]
    if len(named) > MOST_NAMED:
        named = [f"{len(named):,} classes of {max(counts):,} to {min(counts):,} rows"]
    console.print(escape(f"data: {data.origin}: {', '.join(named)}"))
    for note in data.notes:
        console.print(f"[yellow]note:[/] {escape(note)}", soft_wrap=True)


def _unfinished(asked: Plan, store: Store, console: Console) -> list[Training]:
    """The trainings that are left, with only their unfinished cells, longest first."""
    finished = history.finished_cells(store, asked.conditions)
    damaged = history.fail_damaged(store, finished)
    if damaged:
        console.print(f"cells whose artifacts the store has lost, to be run again: {len(damaged)}")
    done = {one.cell for one in finished if one not in damaged}
    specs = [grammar.read(text) for text, _, _ in asked.strategies]
    unfinished = []
    for training in grid.plan_trainings(asked.conditions, specs, range(asked.seeds)):
        left = tuple(cell for cell in training.cells if cell.identity not in done)
        if left:
            unfinished.append(dataclasses.replace(training, cells=left))
    planned = len(specs) * asked.seeds
    open_cells = sum(len(training.cells) for training in unfinished)
    console.print(
        f"cells planned: {planned}, done before: {planned - open_cells}, "
        f"trainings to go: {len(unfinished)}"
    )
    seconds = {one.training_part: one.seconds.get("training", 0.0) for one in finished}
    return grid.longest_first(unfinished, seconds)


def _execute(request: RunRequest, trainings: list[Training], store: Store, console: Console) -> int:
    """Runs the trainings and returns the number of failed cells.

    Raises:
        StoreLostError: if the store is lost meanwhile; what it did not take is kept on disk.
    """
    ended: list[Outcome] = []
    in_hand = 0
    workers = min(request.workers, len(trainings))
    with engine(workers, request.scheduler) as client, display(console, trainings) as shown:
        warm_up(client, trainings[0].conditions)
        for outcomes in execute(client, trainings, store, shown.report, request.timeout):
            shown.ended(outcomes)
            results = [outcome.result for outcome in outcomes if outcome.result]
            in_hand += sum(outbox.save(store.uri, result) for result in results)
            ended += outcomes
    unlogged = [outcome for outcome in ended if outcome.status == "unlogged"]
    if unlogged:
        raise StoreUnavailableError(
            f"{unlogged[0].reason}. {len(unlogged)} cells are not in it; the results of {in_hand} "
            f"of them are kept in {outbox.folder(store.uri)}. When it is back, the same command logs "
            "these and runs the others"
        )
    invocation.end_leftovers(store, "FAILED", "its worker was lost")
    return sum(outcome.status == "failed" for outcome in ended)


@contextmanager
def ending_all_runs(store: Store, console: Console) -> Iterator[None]:
    """Sees to it that no run stays RUNNING, whatever ends the block.

    SIGTERM, which ``mlflow run`` and schedulers send, counts as Ctrl-C. After the first
    signal others are ignored: ending is short.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def stop(*_: object) -> None:
        for number in before:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in before:
        signal.signal(number, stop)
    try:
        yield
    except KeyboardInterrupt:
        invocation.break_off(store, "KILLED", "stopped by hand")
        console.print("stopped: the same command goes on where this one ended")
        raise SystemExit(130) from None
    except BaseException:
        invocation.break_off(store, "FAILED", "the benchmark broke off")
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
