"""One invocation of `suite run`: every data set checked, one plan, one cluster, one page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from benchmark.protocol.errors import UserError
from benchmark.protocol.grid import Training
from benchmark.results.report import terminal
from benchmark.results.report.console import phase
from benchmark.tracking import history, invocation, lease, suites
from benchmark.tracking.retry import StoreUnavailableError
from benchmark.tracking.store import Store, locked, open_store
from benchmark.workflows import remaining
from benchmark.workflows.execution import fork_server, outbox
from benchmark.workflows.execution.cluster import engine
from benchmark.workflows.execution.dispatch import run_trainings, warm_up
from benchmark.workflows.execution.signals import end_with_mlflow, ending_all_runs
from benchmark.workflows.execution.tracked_training import Outcome
from benchmark.workflows.suite import progress
from benchmark.workflows.suite.members import Member, Wanted, prepare
from benchmark.workflows.suite.report import write_report
from benchmark.workflows.suite.sources import LeftOut, Named


@dataclass(frozen=True)
class SuiteRequest:
    """What the user asked for."""

    name: str
    named: tuple[Named, ...]
    wanted: Wanted
    workers: int
    timeout: float | None
    uri: str  # of the store
    output: Path


@dataclass(frozen=True)
class Job:
    """What is left to run of a member, and the store of its task."""

    member: Member
    store: Store
    trainings: tuple[Training, ...]


def run_suite(request: SuiteRequest) -> int:
    """Run what is not done yet, write the page, and return the exit status.

    It is 0 if every data set was run to the end, and 1 if any was left out or has failed runs.
    """
    end_with_mlflow()
    console = terminal.console(stderr=True)
    if request.workers:
        fork_server.start()
    members, left_out = _checked(request, console)
    home = open_store(request.uri, suites.EXPERIMENT)
    tasks = dict.fromkeys(member.plan.conditions.task for member in members)
    stores = {task: open_store(request.uri, task) for task in tasks}
    with locked(request.uri):
        lease.require_alone(home, {member.plan.conditions.identity for member in members})
        killed = lease.end_dead_runs(home)
        home = suites.start(home, request.name)
    if killed:
        console.print(f"runs left by a benchmark that was killed, ended now: {killed}")
    stores = {  # nobody looks at the figures of thousands of runs
        task: replace(store, invocation=home.invocation, drawn=False)
        for task, store in stores.items()
    }
    with ending_all_runs(home, console), lease.heartbeat(home):
        for message in outbox.send(home):
            console.print(message)
        jobs = _jobs(members, stores, console)
        plans = _record(request.name, home, jobs)
        failed = _execute(request, [job for job in jobs if job.trainings], console)
        _report(request, home, console)
        suites.end(home, plans, "FAILED" if failed else "FINISHED")
        invocation.end_unfinished(home, "FAILED", "its worker was lost")
    _say_end(console, failed, left_out)
    return 1 if failed or left_out else 0


def _checked(request: SuiteRequest, console: Console) -> tuple[list[Member], list[LeftOut]]:
    """Load and check all data sets, and say which are left out.

    Raises:
        UserError: if none is left.
    """
    members: list[Member] = []
    left_out: list[LeftOut] = []
    with phase(console, f"checking {len(request.named)} data sets"):
        for one in prepare(request.named, request.wanted):
            if isinstance(one, Member):
                members.append(one)
                continue
            left_out.append(one)
            console.print(
                f"[yellow]left out[/]  {escape(one.name)}: {escape(one.reason)}", soft_wrap=True
            )
    if not members:
        raise UserError("no data set is left that can be used")
    names = {member.name for member in members}
    models = {member.model for member in members if member.model}
    runs = sum(member.plan.cells for member in members)
    console.print(
        f"suite {request.name}: {len(names)} data sets, {max(1, len(models))} models, "
        f"{runs:,} runs; {len(left_out)} data sets left out"
    )
    return members, left_out


def _jobs(members: Sequence[Member], stores: Mapping[str, Store], console: Console) -> list[Job]:
    """Find what is left of each member; the smallest data come first, for early results."""
    jobs = []
    with phase(console, "looking for runs that are done"):
        for member in members:
            store = stores[member.plan.conditions.task]
            finished = history.finished_cells(store, member.plan.conditions)
            damaged = history.fail_damaged(store, finished)
            done = {cell.cell for cell in finished if cell not in damaged}
            jobs.append(Job(member, store, tuple(remaining.without(member.plan, done))))
    left = sum(len(training.cells) for job in jobs for training in job.trainings)
    planned = sum(member.plan.cells for member in members)
    trainings = sum(len(job.trainings) for job in jobs)
    console.print(
        f"runs planned: {planned:,}, done before: {planned - left:,}, trainings to go: "
        f"{trainings:,}"
    )
    return sorted(jobs, key=lambda job: sum(job.member.plan.conditions.counts))


def _record(name: str, home: Store, jobs: Sequence[Job]) -> list[str]:
    """Record the plans that the suite does not have yet or that go on; return their runs."""
    known = suites.memberships(home.uri, name)
    plans = []
    for job in jobs:
        plan, member = job.member.plan, job.member
        planned = [invocation.plan_of(run) for _, run in known.get(plan.conditions.identity, [])]
        same = any(
            old.strategies == plan.strategies and old.seeds == [*plan.seeds] for old in planned
        )
        if job.trainings or not same:
            membership = suites.Membership(name, member.name, member.model, member.properties)
            plans.append(suites.record(job.store, plan, membership))
    return plans


def _execute(request: SuiteRequest, jobs: Sequence[Job], console: Console) -> int:
    """Run all trainings on one cluster, task by task; return the number of failed runs.

    Raises:
        StoreUnavailableError: if the store is lost meanwhile; what it did not take is saved on
            disk.
    """
    if not jobs:
        return 0
    names = {job.member.plan.conditions.identity: str(job.member) for job in jobs}
    trainings = [training for job in jobs for training in job.trainings]
    ended: list[Outcome] = []
    saved = 0
    with (
        engine(request.workers) as client,
        progress.display(console, trainings, names) as shown,
    ):
        warm_up(client, trainings[0].conditions)
        for task in dict.fromkeys(job.member.plan.conditions.task for job in jobs):
            own = [job for job in jobs if job.member.plan.conditions.task == task]
            of_task = [training for job in own for training in job.trainings]
            report, limit = shown.report, request.timeout
            for outcomes in run_trainings(client, of_task, own[0].store, report, limit):
                shown.ended(outcomes)
                results = [outcome.result for outcome in outcomes if outcome.result]
                saved += sum(outbox.save(request.uri, result) for result in results)
                ended += [replace(outcome, result=None) for outcome in outcomes]
    unlogged = [outcome for outcome in ended if outcome.status == "unlogged"]
    if unlogged:
        raise StoreUnavailableError(
            f"{unlogged[0].reason}. {len(unlogged)} runs are not in it; the results of {saved} "
            f"of them are kept in {outbox.folder(request.uri)}. When it is back, the same command "
            "goes on"
        )
    return sum(outcome.status == "failed" for outcome in ended)


def _report(request: SuiteRequest, home: Store, console: Console) -> None:
    """Write the page of the suite, and log it on its run."""
    try:
        files = write_report(request.uri, request.name, request.output, console)
    except UserError as error:  # no baseline: the runs are worth keeping
        console.print(f"no page: {escape(str(error))}")
        return
    invocation.log_texts(home, files)


def _say_end(console: Console, failed: int, left_out: Sequence[LeftOut]) -> None:
    if failed:
        console.print(f"[red]{failed} runs failed[/]: the same command tries them again")
    if left_out:
        console.print(f"[yellow]left out[/]: {', '.join(escape(one.name) for one in left_out)}")
