"""One trial, from numbers that Optuna proposes to what they are worth on validation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from benchmark import execute, plan, registry
from benchmark.fingerprint import digest
from benchmark.fits import Fit
from benchmark.limit import limit
from benchmark.plan import Conditions, Training
from benchmark.search import objective, trials
from benchmark.search.space import Dimension, Pattern
from benchmark.tracking import trials as tracked
from benchmark.tracking.store import Store

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.trial import FrozenTrial

FIRST_SEED = 1000  # of a search; confirmations begin at 0, as other benchmarks do
STRATEGY, SCORES, MEASURES, REASON = "strategy", "scores", "measures", "reason"  # of a trial
LOST = "its worker died, again and again"
FITS = 16  # that a process keeps for trials that only decide otherwise


@dataclass(frozen=True)
class Search:
    """What is searched. Small enough to travel to every worker."""

    conditions: Conditions
    pattern: Pattern
    objective: str
    seeds: int  # of a trial
    trials: int
    storage: str

    @property
    def identity(self) -> str:
        """Of everything but the number of trials, which may grow."""
        code = plan.code_of(registry.read(self.pattern.text))
        what = (self.pattern.text, str(self.pattern), self.objective, self.seeds, code)
        return digest("search", self.conditions.identity, *what)

    @property
    def name(self) -> str:
        """Of Optuna's study."""
        of = f"{self.conditions.task}: {self.pattern.text} by {self.objective}"
        return f"{of} [{self.identity}]"


def next_trial(
    search: Search, store: Store, seconds: float | None = None, worker: object = 0
) -> FrozenTrial | None:
    """Claims a trial, carries it out and logs its run; None if none waits.

    Args:
        seconds: that a training may take.
    """
    study = trials.load(search.storage, search.name)
    trial = trials.claim(study, search.storage, search.trials, store.invocation)
    if trial is None:
        return None
    with trials.heartbeat(study, trial):
        execute.prepare(worker)
        finished = _carry_out(study, trial, search, seconds)
    if finished is not None:
        tracked.log(store, search.identity, as_tracked(search, finished))
    return finished


def _carry_out(
    study: Study, trial: Trial, search: Search, seconds: float | None
) -> FrozenTrial | None:
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
        trial.set_user_attr(REASON, execute.reason_of(error))
    finished = study.tell(trial, value, state, skip_if_finished=True)
    return finished if finished.state == state else None


def _suggested(trial: Trial, dimension: Dimension) -> float:
    low, high, log = dimension.low, dimension.high, dimension.log
    if dimension.whole:
        return dimension.rounded(trial.suggest_int(dimension.name, int(low), int(high), log=log))
    return dimension.rounded(trial.suggest_float(dimension.name, low, high, log=log))


def _scores(trial: Trial, text: str, search: Search, seconds: float | None) -> list[float]:
    """The objective on validation, seed by seed, until it is clear that they are behind."""
    remedy, goal = registry.read(text), objective.read(search.objective)
    others = {name: objective.read(name) for name in ("f1", "f1_tuned", "average_precision")}
    scores: list[float] = []
    measured: list[list[float]] = []
    for number in range(search.seeds):
        [training] = plan.trainings(search.conditions, [remedy], [FIRST_SEED + number])
        fit = _fit(replace(training, cells=()), seconds)
        scores.append(goal.on_validation(remedy.strategy, fit))
        measured.append([one.on_validation(remedy.strategy, fit) for one in others.values()])
        trial.report(float(np.mean(scores)), number)
        if number + 1 < search.seeds and trial.should_prune():
            break
    trial.set_user_attr(SCORES, scores)
    trial.set_user_attr(MEASURES, dict(zip(others, np.mean(measured, axis=0), strict=True)))
    return scores


@lru_cache(maxsize=FITS)
def _fit(training: Training, seconds: float | None) -> Fit:
    """The fit of a training part; it holds nothing of the test split, which a search has not."""
    with execute.one_training, limit(seconds, lambda: None):
        return execute.make_fit(training, lambda *_: None)


def as_tracked(search: Search, trial: FrozenTrial) -> tracked.Trial:
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
    return tracked.Trial(
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
