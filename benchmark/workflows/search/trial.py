"""One trial, from numbers that Optuna proposes to what they are worth on validation."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from benchmark.protocol import grammar, grid
from benchmark.protocol.grid import Training
from benchmark.tracking import trials
from benchmark.tracking.store import Store
from benchmark.training.predictions import Fit
from benchmark.workflows.execution import worker as workers
from benchmark.workflows.execution.time_limit import limit
from benchmark.workflows.search import objective
from benchmark.workflows.search import storage as trial_storage
from benchmark.workflows.search.space import Dimension

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.trial import FrozenTrial
from benchmark.workflows.search.spec import (
    FIRST_SEED,
    LOST,
    MEASURES,
    REASON,
    SCORES,
    STRATEGY,
    Search,
)

FITS = 16  # that a process keeps for trials that only decide otherwise


def run_next_trial(
    search: Search, store: Store, seconds: float | None = None, worker: object = 0
) -> FrozenTrial | None:
    """Claims a trial, carries it out and logs its run; None if none waits.

    Args:
        seconds: that a training may take.
    """
    study = trial_storage.load(search.storage, search.name)
    trial = trial_storage.claim(study, search.storage, search.trials, store.invocation)
    if trial is None:
        return None
    with trial_storage.heartbeat(study, trial):
        workers.prepare(worker)
        finished = _run(study, trial, search, seconds)
    if finished is not None:
        trials.log(store, search.identity, trial_record(search, finished))
    return finished


def _run(study: Study, trial: Trial, search: Search, seconds: float | None) -> FrozenTrial | None:
    """The finished trial; None if it was taken for lost meanwhile, and enqueued again."""
    from optuna.trial import TrialState

    value: float | None = None
    state = TrialState.COMPLETE
    try:
        chosen = {one.name: _suggested(trial, one) for one in search.pattern.dimensions}
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
        trial.set_user_attr(REASON, workers.reason_of(error))
    finished = study.tell(trial, value, state, skip_if_finished=True)
    return finished if finished.state == state else None


def _suggested(trial: Trial, dimension: Dimension) -> float:
    low, high, log = dimension.low, dimension.high, dimension.log
    if dimension.whole:
        return dimension.rounded(trial.suggest_int(dimension.name, int(low), int(high), log=log))
    return dimension.rounded(trial.suggest_float(dimension.name, low, high, log=log))


def _scores(trial: Trial, text: str, search: Search, seconds: float | None) -> list[float]:
    """The objective on validation, seed by seed, until it is clear that they are behind."""
    spec, goal = grammar.read(text), objective.read(search.objective)
    others = {name: objective.read(name) for name in ("f1", "f1_tuned", "average_precision")}
    scores: list[float] = []
    measured: list[list[float]] = []
    for number in range(search.seeds):
        [training] = grid.plan_trainings(search.conditions, [spec], [FIRST_SEED + number])
        fit = _fit(replace(training, cells=()), seconds)
        scores.append(goal.on_validation(spec.strategy, fit))
        measured.append([one.on_validation(spec.strategy, fit) for one in others.values()])
        trial.report(float(np.mean(scores)), number)
        if number + 1 < search.seeds and trial.should_prune():
            break
    trial.set_user_attr(SCORES, scores)
    trial.set_user_attr(MEASURES, dict(zip(others, np.mean(measured, axis=0), strict=True)))
    return scores


@lru_cache(maxsize=FITS)
def _fit(training: Training, seconds: float | None) -> Fit:
    """The fit of a training part; it holds nothing of the test split, which a search has not."""
    with workers.TRAINING_LOCK, limit(seconds, lambda: None):
        return workers.train(training, lambda *_: None)


def trial_record(search: Search, trial: FrozenTrial) -> trials.Trial:
    """A finished trial as its run shows it."""
    goal, attributes = objective.read(search.objective), trial.user_attrs
    scores = attributes.get(SCORES, [])
    metrics = {f"val/{goal.metric}": float(np.mean(scores))} if scores else {}
    if len(scores) > 1:
        metrics[f"val/{goal.metric}_sd"] = float(np.std(scores, ddof=1))
    for name, value in attributes.get(MEASURES, {}).items():
        metrics.setdefault(f"val/{name}", value)
    dimensions = search.pattern.dimensions
    chosen = {
        one.name: f"{one.rounded(trial.params[one.name]):g}"
        for one in dimensions
        if one.name in trial.params
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
