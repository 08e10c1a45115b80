"""One `search`, from a request to a strategy and its confirmation on test.

Trials judge a strategy by validation alone, on half of the rows. The chosen strategy is then run
as any other, on seeds and test rows that no trial has seen (``protocol.splits.restrict``), and
compared with its defaults and with other strategies.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.markup import escape

from benchmark.protocol import grammar, registry
from benchmark.protocol.errors import UserError, without_passwords
from benchmark.protocol.grammar import StrategySpec
from benchmark.protocol.splits import restrict
from benchmark.protocol.task import Data
from benchmark.results.objective import Objective
from benchmark.results.report import terminal
from benchmark.results.report.study import show
from benchmark.tracking import invocation, lease, trials
from benchmark.tracking.store import Store, connect, open_store
from benchmark.workflows.execution import fork_server
from benchmark.workflows.execution.cluster import engine
from benchmark.workflows.execution.crew import Crew
from benchmark.workflows.execution.dispatch import warm_up
from benchmark.workflows.execution.preflight import requirements
from benchmark.workflows.execution.remote import open_crew
from benchmark.workflows.execution.signals import end_with_mlflow, ending_all_runs
from benchmark.workflows.execution.worker import load
from benchmark.workflows.run import RunRequest, announce, check_request, measure, store_of
from benchmark.workflows.search import page, storage
from benchmark.workflows.search.confirmation import Confirmation, confirm
from benchmark.workflows.search.runner import run_trials
from benchmark.workflows.search.space import pattern
from benchmark.workflows.search.spec import (
    FIRST_SEED,
    REASON,
    SCORES,
    STRATEGY,
    Search,
    SearchRequest,
)
from benchmark.workflows.search.summary import SearchSummary, summarise
from benchmark.workflows.study import own_runs
from benchmark.workflows.tracked_data import priced

if TYPE_CHECKING:
    from distributed import Client
    from optuna import Study
    from optuna.trial import FrozenTrial


def run_search(asked: SearchRequest) -> int:
    """Search, confirm, show and log the answer; return the exit status."""
    end_with_mlflow()
    console = terminal.console(stderr=True)
    request = asked.request
    uri = store_of(request)
    if request.workers:
        fork_server.start()
    data = load(request.task, request.settings, request.path)
    goal = priced(asked.objective, data)
    search, rivals = _check(asked, uri, data, console)
    announce(data, console)
    console.print(escape(f"searched: {search.pattern.text} with {search.pattern}, by {goal.name}"))
    connect(uri)
    study = storage.create(search.storage, search.name, goal.minimize)
    opened = open_store(uri, request.task)
    with _crew(request, search, study, opened, console) as crew:
        store = trials.start_search(opened, search.conditions, search.identity, search.name)
        with ending_all_runs(store, console), lease.heartbeat(store):
            lease.end_dead_runs(store)
            _run_trials(search, goal, store, study, request, console, crew)
            done = [trial for trial in storage.standing(study) if trial.state.is_finished()]
            summary = summarise(search, done, goal.minimize)
            page.log(asked, search, store, study, summary, None)
            invocation.end(store, "FINISHED")
    confirmed = None
    if asked.confirm:
        confirmed = _confirm(request, rivals, summary, goal, console)
        page.log(asked, search, store, study, summary, confirmed)
    show(
        terminal.console(),
        f"Search: {search.pattern.text} by {goal.name}",
        page.make_answer(search, goal, summary, confirmed),
    )
    page.where_next(console, search, goal, store, summary)
    return 0


def _check(
    asked: SearchRequest, uri: str, data: Data, console: Console
) -> tuple[Search, list[StrategySpec]]:
    """Return what is searched, and the strategies that the chosen one is compared with.

    Everything that a user can get wrong is checked before anything is written.
    """
    request, goal = asked.request, asked.objective
    classes = len(data.classes)
    if goal.binary and classes != 2:
        raise UserError(f"objective {goal.text} needs two classes: {data.origin} has {classes}")
    searched = pattern(asked.strategy, classes, asked.spaces)
    url = asked.storage or storage.default_storage(uri)
    if request.scheduler and url.startswith("sqlite"):
        raise UserError(
            "--scheduler needs a storage that all workers reach: --storage postgresql://..."
        )
    lowest = {dimension.name: dimension.low for dimension in searched.dimensions}
    searching = replace(
        request, portion="search", specs=(grammar.read(searched.filled(lowest)),), every=False
    )
    conditions = check_request(searching, data, console).conditions
    if request.scheduler and without_passwords(url) != url:
        raise UserError(
            "--scheduler would send the password in --storage to the cluster: set PGPASSWORD or "
            "PGPASSFILE, here and in the workers' environment, and leave it out"
        )
    default = grammar.read(searched.text)
    confirming = replace(request, specs=(default, *request.specs), every=True)
    suitable = check_request(confirming, data, console).strategies
    task = registry.task(request.task)
    for seed in range(asked.seeds):  # with some seeds, a small class may be missing
        restrict(task.split(data, request.settings, FIRST_SEED + seed), data, "search")
    for seed in range(request.seeds * asked.confirm):
        restrict(task.split(data, request.settings, seed), data, "confirmation")
    search = Search(conditions, searched, goal.text, asked.seeds, asked.trials, url)
    return search, [grammar.read(text) for text in dict.fromkeys(text for text, _, _ in suitable)]


def _run_trials(
    search: Search,
    goal: Objective,
    store: Store,
    study: Study,
    request: RunRequest,
    console: Console,
    crew: Crew | None,
) -> None:
    """Run all trials that are left, and print a line for each."""
    finished = _finished(study)
    console.print(f"trials: {search.trials} asked for, {finished} finished before")
    workers = min(request.workers, max(0, search.trials - finished))
    with ExitStack() as opened:
        client: Client | Crew | None = crew
        if crew is None:
            client = local = opened.enter_context(engine(workers))
            warm_up(local, search.conditions)
        opened.enter_context(storage.reported_lost(search.storage))
        trials_run = run_trials(client, search, store, study, request.timeout)
        for trial in opened.enter_context(closing(trials_run)):
            finished += 1
            console.print(_line(finished, search, goal, trial), highlight=False)


def _finished(study: Study) -> int:
    return sum(trial.state.is_finished() for trial in storage.standing(study))


def _crew(
    request: RunRequest, search: Search, study: Study, store: Store, console: Console
) -> AbstractContextManager[Crew | None]:
    """Open the workers of a cluster elsewhere, if one is named and trials are left."""
    left = search.trials - _finished(study)
    if not request.scheduler or left <= 0:
        return nullcontext()
    specs = [grammar.read(search.pattern.text)]
    reach = [partial(storage.load, search.storage, search.name)]
    required = requirements(search.conditions, specs, store, [run_trials.__module__], reach)
    return open_crew(request.scheduler, request.ship_code, required, left, console)


def _line(number: int, search: Search, goal: Objective, trial: FrozenTrial) -> str:
    count = f"{number:>{len(str(search.trials))}}/{search.trials}"
    name = escape(trial.user_attrs.get(STRATEGY, search.pattern.text))
    scores = np.array(trial.user_attrs.get(SCORES, []))
    if trial.state.name == "FAIL":
        return f"{count}  [red]failed[/]  {name}: {escape(trial.user_attrs.get(REASON, ''))}"
    spread = f" ± {np.std(scores, ddof=1):.3f}" if len(scores) > 1 else ""
    pruned = "  pruned" if trial.state.name == "PRUNED" else ""
    return f"{count}  {name:<44} {goal.name} {np.mean(scores):.3f}{spread}{pruned}"


def _confirm(
    request: RunRequest,
    rivals: Sequence[StrategySpec],
    summary: SearchSummary,
    goal: Objective,
    console: Console,
) -> Confirmation | None:
    """Run the chosen strategy and its rivals; return None if another process is doing so."""
    chosen = grammar.read(summary.best.strategy)
    others = [spec for spec in rivals if spec.text != chosen.text]
    console.rule(escape(f"confirmation: {chosen.label}"))
    confirming = replace(request, portion="confirmation", specs=(chosen, *others), every=False)
    try:
        with own_runs():
            result = measure(confirming, console)
    except lease.NotAloneError:
        console.print("another process of this search is running its confirmation")
        return None
    if result.failed:
        raise UserError(
            f"{result.failed} runs of the confirmation failed: the same command tries them again"
        )
    table = result.analysis.table
    runs = table.runs
    compared = runs["strategy"].isin([spec.text for spec in confirming.specs])
    compared &= runs["seed"] < confirming.seeds
    table = replace(table, runs=runs[compared])
    return confirm(result.store.uri, table, chosen.text, goal)
