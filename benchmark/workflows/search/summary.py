"""Summary of finished trials: the best one, and those not significantly behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmark.metrics import stats
from benchmark.protocol.errors import UserError
from benchmark.workflows.search.spec import LOST, REASON, SCORES, STRATEGY, Search

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


@dataclass(frozen=True)
class Point:
    """A trial that has at least one result."""

    number: int
    strategy: str
    chosen: dict[str, float]  # by dimension
    scores: tuple[float, ...]  # the objective on validation, a seed each
    complete: bool

    @property
    def mean(self) -> float:
        return float(np.mean(self.scores))

    @property
    def deviation(self) -> float:
        """Standard deviation over seeds; 0 for one."""
        return float(np.std(self.scores, ddof=1)) if len(self.scores) > 1 else 0.0


@dataclass(frozen=True)
class SearchSummary:
    """The best trial, and the values that are not significantly behind it.

    Attributes:
        points: in the order of the trials.
        states: number of trials by their final state.
        alike: dimension -> lowest and highest value among the best trial and the complete trials
            that are not significantly behind it; None for one seed.
    """

    points: tuple[Point, ...]
    best: Point
    states: dict[str, int]
    alike: dict[str, tuple[float, float]] | None


def summarise(search: Search, trials: Sequence[FrozenTrial], minimize: bool) -> SearchSummary:
    """Summarise the finished trials of a search.

    Raises:
        UserError: if none is complete.
    """
    points = tuple(_point(search, trial) for trial in trials if trial.user_attrs.get(SCORES))
    complete = [point for point in points if point.complete]
    if not complete:
        reasons = [trial.user_attrs.get(REASON, LOST) for trial in trials]
        raise UserError(f"none of {len(trials)} trials was completed: {reasons[-1]}")
    best = (min if minimize else max)(complete, key=lambda point: point.mean)
    names = [trial.state.name for trial in trials]
    return SearchSummary(
        points=points,
        best=best,
        states={name: names.count(name) for name in ("COMPLETE", "PRUNED", "FAIL")},
        alike=_indistinguishable(complete, best) if len(best.scores) > 1 else None,
    )


def _point(search: Search, trial: FrozenTrial) -> Point:
    return Point(
        number=trial.number,
        strategy=trial.user_attrs[STRATEGY],
        chosen={one.name: one.rounded(trial.params[one.name]) for one in search.pattern.dimensions},
        scores=tuple(trial.user_attrs[SCORES]),
        complete=trial.state.name == "COMPLETE",
    )


def _indistinguishable(complete: Sequence[Point], best: Point) -> dict[str, tuple[float, float]]:
    def is_alike(point: Point) -> bool:
        behind = stats.difference(np.subtract(best.scores, point.scores))
        return behind.p >= stats.LEVEL

    near = [point for point in complete if point is best or is_alike(point)]
    return {
        name: (min(p.chosen[name] for p in near), max(p.chosen[name] for p in near))
        for name in best.chosen
    }
