"""One `search`, from what a person asks for to a strategy and what it is worth.

Trials judge a strategy by validation alone, on half of the rows. What they choose is then frozen
and run as any other strategy is, on seeds and test rows that no trial has seen
(``task.restricted``), against the strategy as it was and against others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.markup import escape

from benchmark.metrics import stats
from benchmark.protocol import grammar, registry
from benchmark.protocol.errors import UserError
from benchmark.protocol.splits import restrict
from benchmark.protocol.task import Data
from benchmark.results.report import study as study_page
from benchmark.results.report import terminal
from benchmark.tracking import invocation, lease, trials
from benchmark.tracking import store as tracking
from benchmark.tracking.store import Store
from benchmark.workflows import run as run_workflow
from benchmark.workflows.execution.cluster import engine
from benchmark.workflows.execution.worker import load, warm_up
from benchmark.workflows.run import RunRequest
from benchmark.workflows.search import page
from benchmark.workflows.search import storage as trial_storage
from benchmark.workflows.search.confirmation import Confirmation, confirm
from benchmark.workflows.search.objective import Objective
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
from benchmark.workflows.study import runs_of_their_own

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial


def run(asked: SearchRequest) -> int:
    """Searches, confirms, shows and logs the answer; returns the exit status."""
    run_workflow.end_with_mlflow()
    console = terminal.console(stderr=True)
    request, goal = asked.request, asked.objective
    uri = run_workflow.store_of(request)
    data = load(request.task, request.settings, request.path)
    search, rivals = _checked(asked, uri, data, console)
    run_workflow.announce(data, console)
    console.print(escape(f"searched: {search.pattern.text} with {search.pattern}, by {goal.name}"))
    tracking.reachable(uri)
    study = trial_storage.create(search.storage, search.name, goal.minimize)
    store = trials.begin(
        tracking.open_store(uri, request.task), search.conditions, search.identity, search.name
    )
    with run_workflow.ending_all_runs(store, console), lease.sign_of_life(store):
        lease.clear_the_dead(store)
        _carry_out(search, goal, store, study, request, console)
        done = [trial for trial in trial_storage.standing(study) if trial.state.is_finished()]
        found = summarise(search, done, goal.minimize, _overlap(search, data))
        page.log(asked, search, store, study, found, None)
        invocation.end(store, "FINISHED")
    confirmed = None
    if asked.confirm:
        confirmed = _confirmed(request, rivals, found, goal, console)
        page.log(asked, search, store, study, found, confirmed)
    study_page.show(
        terminal.console(),
        f"Search: {search.pattern.text} by {goal.name}",
        page.make_answer(search, goal, found, confirmed),
    )
    page.where_next(console, search, goal, store, found)
    return 0


def _checked(
    asked: SearchRequest, uri: str, data: Data, console: Console
) -> tuple[Search, list[grammar.StrategySpec]]:
    """What is searched, and the strategies that the chosen one is compared with.

    Everything that a person can get wrong is checked before anything is written.
    """
    request, goal = asked.request, asked.objective
    classes = len(data.classes)
    if goal.binary and classes != 2:
        raise UserError(f"objective {goal.text} is of two classes: {data.origin} has {classes}")
    found = pattern(asked.strategy, classes, asked.spaces)
    storage = asked.storage or trial_storage.default_storage(uri)
    if request.scheduler and storage.startswith("sqlite"):
        raise UserError(
            "--scheduler needs a storage that all workers reach: --storage postgresql://..."
        )
    filled = grammar.read(found.filled({one.name: one.low for one in found.dimensions}))
    default = grammar.read(found.text)
    searching = replace(request, portion="search", specs=(filled,), every=False)
    conditions = run_workflow.check_request(searching, data, console).conditions
    confirming = replace(request, specs=(default, *request.specs), every=True)
    suited = run_workflow.check_request(confirming, data, console).strategies
    task = registry.task(request.task)
    for seed in range(asked.seeds):  # a small class may be missing at some of them
        restrict(task.split(data, request.settings, FIRST_SEED + seed), data, "search")
    for seed in range(request.seeds * asked.confirm):
        restrict(task.split(data, request.settings, seed), data, "confirmation")
    search = Search(conditions, found, goal.text, asked.seeds, asked.trials, storage)
    return search, [grammar.read(text) for text in dict.fromkeys(text for text, _, _ in suited)]


def _carry_out(
    search: Search,
    goal: Objective,
    store: Store,
    study: Study,
    request: RunRequest,
    console: Console,
) -> None:
    """All trials that are left, with a line for each."""
    before = sum(trial.state.is_finished() for trial in trial_storage.standing(study))
    console.print(f"trials: {search.trials} asked for, {before} finished before")
    workers = min(request.workers, max(0, search.trials - before))
    with engine(workers, request.scheduler) as client:
        warm_up(client, search.conditions)
        with trial_storage.reported_lost(search.storage):
            for trial in run_trials(client, search, store, study, request.timeout):
                before += 1
                console.print(_line(before, search, goal, trial), highlight=False)


def _line(number: int, search: Search, goal: Objective, trial: FrozenTrial) -> str:
    count = f"{number:>{len(str(search.trials))}}/{search.trials}"
    name = escape(trial.user_attrs.get(STRATEGY, search.pattern.text))
    scores = np.array(trial.user_attrs.get(SCORES, []))
    if trial.state.name == "FAIL":
        return f"{count}  [red]failed[/]  {name}: {escape(trial.user_attrs.get(REASON, ''))}"
    spread = f" ± {np.std(scores, ddof=1):.3f}" if len(scores) > 1 else ""
    pruned = "  pruned" if trial.state.name == "PRUNED" else ""
    return f"{count}  {name:<44} {goal.name} {np.mean(scores):.3f}{spread}{pruned}"


def _overlap(search: Search, data: Data) -> float:
    """The share of validation rows that two seeds of the search have in common."""
    conditions = search.conditions
    task = registry.task(conditions.task)
    splits = task.split(data, conditions.settings, FIRST_SEED)
    rows = restrict(splits, data, "search").validation
    validated = np.bincount(data.labels[rows], minlength=len(data.classes)).astype(np.float64)
    available = np.array(conditions.counts, np.float64)  # of the other half, which is as large
    return stats.overlap(validated, available)


def _confirmed(
    request: RunRequest,
    rivals: Sequence[grammar.StrategySpec],
    found: SearchSummary,
    goal: Objective,
    console: Console,
) -> Confirmation | None:
    """None if another process is at it."""
    chosen = grammar.read(found.best.strategy)
    others = [spec for spec in rivals if spec.text != chosen.text]
    console.rule(escape(f"confirmation: {chosen.label}"))
    asked = replace(request, portion="confirmation", specs=(chosen, *others), every=False)
    try:
        with runs_of_their_own():
            result = run_workflow.measure(asked, console)
    except lease.NotAloneError:
        console.print("another process of this search is at its confirmation")
        return None
    if result.failed:
        raise UserError(
            f"{result.failed} cells of the confirmation failed: the same command tries them again"
        )
    table = result.analysis.table
    mine = table.runs["strategy"].isin([spec.text for spec in asked.specs])
    mine &= table.runs["seed"] < asked.seeds
    table = replace(table, runs=table.runs[mine])
    return confirm(result.store.uri, table, chosen.text, goal)
