"""One invocation of `run`, from a request to the leaderboard."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.markup import escape

from benchmark.protocol import grammar, grid, registry
from benchmark.protocol.errors import UserError, without_passwords
from benchmark.protocol.grammar import StrategySpec
from benchmark.protocol.grid import Plan, Training
from benchmark.protocol.splits import restrict
from benchmark.protocol.task import Data, Portion
from benchmark.protocol.text import SYNTHETIC_BANNER
from benchmark.results.analysis import Analysis, analyse
from benchmark.results.leaderboard import Leaderboard, leaderboard
from benchmark.results.predictions import with_predictions
from benchmark.results.report import files, markdown, terminal
from benchmark.results.report.console import phase
from benchmark.tracking import history, invocation, lease
from benchmark.tracking.notes import where_to_go
from benchmark.tracking.retry import StoreUnavailableError
from benchmark.tracking.store import Store, locked, open_store, resolve, short
from benchmark.tracking.views import share_view
from benchmark.workflows import race
from benchmark.workflows.execution import fork_server, outbox
from benchmark.workflows.execution.cluster import engine
from benchmark.workflows.execution.crew import Crew
from benchmark.workflows.execution.dispatch import run_trainings, warm_up
from benchmark.workflows.execution.preflight import requirements
from benchmark.workflows.execution.progress import display
from benchmark.workflows.execution.remote import open_crew
from benchmark.workflows.execution.signals import end_with_mlflow, ending_all_runs
from benchmark.workflows.execution.worker import load
from benchmark.workflows.remaining import unfinished

if TYPE_CHECKING:
    from distributed import Client

EXPERIMENT = "experiment.toml"  # artifact
MAX_NAMED_CLASSES = 20  # with more, only their number is printed


@dataclass(frozen=True)
class RunRequest:
    """What the user asked for, checked as far as possible without the data."""

    task: str
    settings: Any
    path: str  # of the real data; "" is synthetic data
    specs: tuple[StrategySpec, ...]
    every: bool  # leave out strategies that do not suit the task, and say so
    seeds: int
    steps: int | None
    workers: int  # processes of this machine; 0 is this one, or none beside a scheduler
    scheduler: str
    timeout: float | None  # seconds that a training may take
    tracking: str
    portion: Portion = "all"
    ship_code: bool = False  # to workers of the scheduler
    until_decided: bool = False  # a race, see `race`; `seeds` is then the most
    experiment: str = ""  # as an experiment file, to be kept with the results


@dataclass(frozen=True)
class RunResult:
    """What became of a request."""

    store: Store
    analysis: Analysis
    failed: int  # runs


def run_benchmark(request: RunRequest) -> int:
    """Run what is not done yet, print the leaderboard and return the exit status."""
    end_with_mlflow()
    console = terminal.console(stderr=True)
    result = measure(request, console)
    terminal.show(terminal.console(), result.analysis)
    terminal.where_next(console, result.store)
    if result.failed:
        console.print(f"[red]{result.failed} runs failed[/]: the same command tries them again")
    return 1 if result.failed else 0


def measure(request: RunRequest, console: Console) -> RunResult:
    """Run what is not done yet and log the leaderboard.

    Everything that a user can get wrong is checked before the first run is created.
    """
    uri = store_of(request)
    if request.workers:
        fork_server.start()
    with phase(console, "reading the data"):
        data = load(request.task, request.settings, request.path)
    announce(data, console)
    plan = check_request(request, data, console)
    with phase(console, f"splitting the data and opening {short(uri)}"):
        splits = registry.task(request.task).split(data, request.settings, 0)
        restrict(splits, data, request.portion)
        opened = open_store(uri, request.task)
    with ExitStack() as ready:
        elsewhere = request.scheduler and history.is_unfinished(opened, plan)
        crew = ready.enter_context(_crew(request, plan, opened, console)) if elsewhere else None
        return _measure_in(_start(opened, plan), request, plan, console, crew)


def _measure_in(
    store: Store, request: RunRequest, plan: Plan, console: Console, crew: Crew | None
) -> RunResult:
    """Run what is not done yet in an invocation, log the leaderboard and end the invocation."""
    if request.experiment:
        invocation.log_texts(store, {EXPERIMENT: request.experiment})
    with ending_all_runs(store, console), lease.heartbeat(store):
        for message in outbox.send(store):
            console.print(message)
        if killed := lease.end_dead_runs(store):
            console.print(f"runs left by a benchmark that was killed, ended now: {killed}")
        trained, failed, table = _run_looks(request, plan, store, console, crew)
        with phase(console, "comparing the strategies"):
            analysis = analyse(table)
        note = where_to_go(store, plan.conditions.identity) + markdown.section(analysis)
        invocation.describe(store, note, files.texts([analysis]))
        share_view(store, plan.cells)
        if trained:  # else the report of an earlier invocation is the same, and takes seconds
            with phase(console, "drawing the report"):
                report = files.report([analysis])
            invocation.log_texts(store, {"report.html": report})
        invocation.end(store, "FAILED" if failed else "FINISHED")
    return RunResult(store, analysis, failed)


def _run_looks(
    request: RunRequest, plan: Plan, store: Store, console: Console, crew: Crew | None
) -> tuple[bool, int, Leaderboard]:
    """Run the plan, and the plans that follow from looks at its results.

    Returns:
        Whether anything was trained, the number of failed runs, and the leaderboard.
    """
    trained, failed, going = False, 0, plan
    with ExitStack() as opened:

        @cache
        def open_engine() -> Client | Crew | None:
            if request.scheduler:
                return crew or opened.enter_context(_crew(request, plan, store, console))
            with phase(console, in_words(request.workers)):
                client = opened.enter_context(engine(request.workers))
            warm_up(client, plan.conditions)
            return client

        while True:
            trainings = unfinished(going, store, console)
            if trainings:
                failed += _execute(request, trainings, store, console, open_engine())
                trained = True
            with phase(console, "reading the results"):
                table = with_predictions(store.uri, leaderboard(store.uri, plan.conditions))
            if not going.race:
                return trained, failed, table
            look = race.look_at(table, going)
            console.print(str(look), highlight=False)
            further = race.next_plan(going, look, request.seeds)
            if further is None:
                return trained, failed, table
            going = further
            invocation.replan(store, going)


def store_of(request: RunRequest) -> str:
    """Return the address of the store.

    Raises:
        UserError: if the request cannot be carried out with it.
    """
    uri = resolve(request.tracking)
    if request.scheduler and not uri.startswith(("http://", "https://")):
        raise UserError(
            "--scheduler needs a tracking server that all workers reach: --tracking http://..."
        )
    if request.scheduler and without_passwords(uri) != uri:
        raise UserError(
            "--scheduler would send the password in the address of the tracking server to the "
            "cluster: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, here and in the "
            "workers' environment, and leave it out"
        )
    if request.timeout and not (request.workers or request.scheduler):
        raise UserError(
            "--timeout ends the worker that takes too long: it needs --workers 1 or more"
        )
    return uri


def _start(store: Store, plan: Plan) -> Store:
    """Start the invocation's run, unless another benchmark is running the same cells."""
    with locked(store.uri):
        lease.require_alone(store, [plan.conditions.identity])
        started = invocation.start_invocation(store, plan)
        try:  # again: one on another machine may have started at the same moment
            lease.require_alone(started, [plan.conditions.identity])
        except UserError:
            invocation.cancel(started)
            raise
        return started


def check_request(request: RunRequest, data: Data, console: Console) -> Plan:
    """Check the request against the data; return what it plans."""
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
    plan = grid.make_plan(conditions, specs, request.seeds)
    return race.first_plan(plan) if request.until_decided else plan


def announce(data: Data, console: Console) -> None:
    """Print where the data comes from and its classes; mark synthetic data."""
    if data.source == "synthetic":
        console.rule(f"[bold yellow]{SYNTHETIC_BANNER}", style="yellow")
        console.print(
            "Generated data: these results say nothing about the real task.\n"
            "Name real data with --data (or -P data=...), or download it with `fetch`.",
        )
        console.rule(style="yellow")
    counts = np.bincount(data.labels, minlength=len(data.classes)).tolist()
    classes = [f"{rows:,} {name}" for rows, name in zip(counts, data.classes, strict=True)]
    if len(classes) > MAX_NAMED_CLASSES:
        classes = [f"{len(classes):,} classes of {max(counts):,} to {min(counts):,} rows"]
    console.print(escape(f"data: {data.origin}: {', '.join(classes)}"))
    for note in data.notes:
        console.print(f"[yellow]note:[/] {escape(note)}", soft_wrap=True)


def in_words(workers: int) -> str:
    """Say what is going on while an engine with so many workers is opened."""
    return f"starting {workers} worker{'s' * (workers > 1)}" if workers else "loading TensorFlow"


def _crew(
    request: RunRequest, plan: Plan, store: Store, console: Console
) -> AbstractContextManager[Crew]:
    """Open the workers of a cluster elsewhere that fit the plan."""
    specs = [grammar.read(text) for text, _, _ in plan.strategies]
    required = requirements(plan.conditions, specs, store)
    return open_crew(request.scheduler, request.ship_code, required, plan.cells, console)


def _execute(
    request: RunRequest,
    trainings: Sequence[Training],
    store: Store,
    console: Console,
    client: Client | Crew | None,
) -> int:
    """Run the trainings and return the number of failed runs.

    Raises:
        StoreUnavailableError: if the store is lost meanwhile; what it did not take is saved on
            disk.
    """
    failed = saved = 0
    unlogged: list[str] = []  # why, of each run that the store did not take
    with (
        display(console, trainings) as shown,
        closing(run_trainings(client, trainings, store, shown.report, request.timeout)) as run,
    ):
        for outcomes in run:
            shown.ended(outcomes)
            results = [outcome.result for outcome in outcomes if outcome.result]
            saved += sum(outbox.save(store.uri, result) for result in results)
            failed += sum(outcome.status == "failed" for outcome in outcomes)
            unlogged += [out.reason for out in outcomes if out.status == "unlogged"]
    if unlogged:
        raise StoreUnavailableError(
            f"{unlogged[0]}. {len(unlogged)} runs are not in it; the results of {saved} "
            f"of them are kept in {outbox.folder(store.uri)}. When it is back, the same command "
            "logs these and runs the others"
        )
    invocation.end_unfinished(store, "FAILED", "its worker was lost")
    return failed
