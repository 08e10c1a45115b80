"""One trial, from numbers that Optuna proposes to their objective on validation."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from benchmark.protocol import grammar, grid
from benchmark.protocol.grid import Training
from benchmark.results import objective
from benchmark.tracking import trials
from benchmark.tracking.store import Store
from benchmark.training.predictions import Fit
from benchmark.workflows.execution.time_limit import limit
from benchmark.workflows.execution.tracked_training import reason_of
from benchmark.workflows.execution.worker import TRAINING_LOCK, find_data, prepare, train
from benchmark.workflows.search import storage
from benchmark.workflows.search.space import Dimension
from benchmark.workflows.search.spec import (
    FIRST_SEED,
    LOST,
    MEASURES,
    REASON,
    SCORES,
    STRATEGY,
    Search,
)
from benchmark.workflows.tracked_data import priced

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.trial import FrozenTrial


MAX_CACHED_FITS = 16  # for trials that differ in post-hoc parts only


def run_next_trial(
    search: Search, store: Store, seconds: float | None = None, worker: object = 0
) -> FrozenTrial | None:
    """Claim a trial, run it and log its run; return None if none waits.

    Args:
        seconds: time limit of each training.
        worker: name of the worker.
    """
    study = storage.load(search.storage, search.name)
    trial = storage.claim(study, search.storage, search.trials, store.invocation)
    if trial is None:
        return None
    with storage.heartbeat(study, trial):
        prepare(worker)
        finished = _run(study, trial, search, seconds)
    if finished is not None:
        trials.log(store, search.identity, trial_record(search, finished))
    return finished


def _run(study: Study, trial: Trial, search: Search, seconds: float | None) -> FrozenTrial | None:
    """Run a claimed trial; return None if it counted as lost meanwhile and was enqueued again."""
    from optuna.trial import TrialState

    value: float | None = None
    state = TrialState.COMPLETE
    try:
        dimensions = search.pattern.dimensions
        chosen = {dimension.name: _suggest(trial, dimension) for dimension in dimensions}
        text = search.pattern.filled(chosen)
        trial.set_user_attr(STRATEGY, text)
        scores = _scores(trial, text, search, seconds)
        if len(scores) < search.seeds:
            state = TrialState.PRUNED
            trial.set_user_attr(
                REASON, f"clearly behind after {len(scores)} of {search.seeds} seeds"
            )
        else:
            value = float(np.mean(scores))
    except (Exception, SystemExit) as error:
        state = TrialState.FAIL
        trial.set_user_attr(REASON, reason_of(error))
    finished = study.tell(trial, value, state, skip_if_finished=True)
    return finished if finished.state == state else None


def _suggest(trial: Trial, dimension: Dimension) -> float:
    low, high, log = dimension.low, dimension.high, dimension.log
    if dimension.whole:
        return dimension.rounded(trial.suggest_int(dimension.name, int(low), int(high), log=log))
    return dimension.rounded(trial.suggest_float(dimension.name, low, high, log=log))


def _scores(trial: Trial, text: str, search: Search, seconds: float | None) -> list[float]:
    """Return the objective on validation, seed by seed, until the trial is pruned."""
    spec, goal = grammar.read(text), objective.read(search.objective)
    if goal.costs:
        goal = priced(goal, find_data(search.conditions))
    others = {name: objective.read(name) for name in ("f1", "f1_tuned", "average_precision")}
    scores: list[float] = []
    measured: list[list[float]] = []
    for number in range(search.seeds):
        [training] = grid.plan_trainings(search.conditions, [spec], [FIRST_SEED + number])
        fit = _fit(replace(training, cells=()), seconds)
        scores.append(goal.on_validation(spec.strategy, fit))
        measured.append([other.on_validation(spec.strategy, fit) for other in others.values()])
        trial.report(float(np.mean(scores)), number)
        if number + 1 < search.seeds and trial.should_prune():
            break
    trial.set_user_attr(SCORES, scores)
    trial.set_user_attr(MEASURES, dict(zip(others, np.mean(measured, axis=0), strict=True)))
    return scores


@lru_cache(maxsize=MAX_CACHED_FITS)
def _fit(training: Training, seconds: float | None) -> Fit:
    """Train a strategy at one seed; its fit has no test split, as searches have none."""
    with TRAINING_LOCK, limit(seconds, lambda: None):
        return train(training, lambda *_: None)


def trial_record(search: Search, trial: FrozenTrial) -> trials.Trial:
    """Return a finished trial as its run shows it."""
    goal, attributes = objective.read(search.objective), trial.user_attrs
    scores = attributes.get(SCORES, [])
    metrics = {f"val/{goal.metric}": float(np.mean(scores))} if scores else {}
    if len(scores) > 1:
        metrics[f"val/{goal.metric}_sd"] = float(np.std(scores, ddof=1))
    for name, value in attributes.get(MEASURES, {}).items():
        metrics.setdefault(f"val/{name}", value)
    dimensions = search.pattern.dimensions
    chosen = {
        dimension.name: f"{dimension.rounded(trial.params[dimension.name]):g}"
        for dimension in dimensions
        if dimension.name in trial.params
    }
    assert trial.datetime_complete is not None
    ended = int(trial.datetime_complete.timestamp() * 1000)
    began = trial.datetime_start
    return trials.Trial(
        number=trial.number,
        state=trial.state.name,
        strategy=attributes.get(STRATEGY, search.pattern.text),
        chosen=chosen,
        shared={
            "task": search.conditions.task,
            "settings": search.conditions.settings_text,
            "searched": search.pattern.text,
            "objective": search.objective,
            "seeds": str(search.seeds),
            "steps": str(search.conditions.budget.steps),
        },
        metrics=metrics,
        seeds=scores,
        reason=attributes.get(REASON, LOST if trial.state.name == "FAIL" else ""),
        started=int(began.timestamp() * 1000) if began else ended,
        ended=ended,
    )
