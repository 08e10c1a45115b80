"""The chosen strategy against others, on test rows that no search has seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.metrics import influence, stats
from benchmark.metrics.stats import Difference
from benchmark.protocol import grammar
from benchmark.protocol.arrays import Floats
from benchmark.protocol.errors import UserError
from benchmark.results import comparison
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.objective import Objective
from benchmark.tracking.history import read_fit


@dataclass(frozen=True)
class Rival:
    """Another strategy, and the difference of the chosen one to it.

    Attributes:
        value: its own mean.
        ahead: positive where the chosen one is better, whatever the objective.
        p: adjusted (Holm).
        low, high: interval of the difference; those of all rivals hold together.
    """

    label: str
    value: Difference
    ahead: Difference
    p: float
    low: float
    high: float

    @property
    def mean(self) -> float:
        """The difference."""
        return self.ahead.mean


@dataclass(frozen=True)
class Confirmation:
    """The objective on test over fresh seeds."""

    label: str
    value: Difference
    rivals: tuple[Rival, ...]
    skilled: bool  # the chosen strategy ranks rows significantly better than chance

    def verdict(self, rival: Rival) -> str:
        """How the chosen strategy compares with a rival, in a word or two."""
        if rival.p >= stats.LEVEL:
            return "not significant"
        if not self.skilled:
            return "no claim"  # F1 also rises for a network that has learned nothing
        return "better" if rival.ahead.mean > 0 else "worse"


def confirm(uri: str, table: Leaderboard, chosen: str, goal: Objective) -> Confirmation:
    """Compare the strategies of a leaderboard on the objective, from stored predictions.

    Args:
        chosen: the strategy in full.

    Raises:
        UserError: if predictions are lost.
    """
    results = _results(uri, table, goal)
    label = str(table.runs.loc[table.runs["strategy"] == chosen, "label"].iloc[0])
    sign = -1 if goal.minimize else 1
    others = [other for other in results if other != label]
    found = stats.differences(
        [sign * _paired(results[label], results[other]) for other in others],
        [_row_variance(results[label], results[other]) for other in others],
        stats.AT_OWN_THRESHOLDS,
    )
    ahead = dict(zip(others, found, strict=True))
    adjusted = stats.holm(np.array([difference.p for difference in ahead.values()]))
    means = {
        name: stats.difference(np.array(list(own.values.values())), _row_variance(own))
        for name, own in results.items()
    }
    return Confirmation(
        label=label,
        value=means[label],
        rivals=tuple(
            Rival(
                other,
                means[other],
                ahead[other],
                float(p),
                *stats.simultaneous(ahead[other], len(others), stats.LEVEL, p < stats.LEVEL),
            )
            for other, p in zip(others, adjusted, strict=True)
        ),
        skilled=label in comparison.skilled(table, [label]),
    )


@dataclass(frozen=True)
class Result:
    """The objective of one strategy on test."""

    values: dict[int, float]  # by seed
    influences: influence.Influences  # by seed


def _paired(one: Result, other: Result) -> Floats:
    """Differences at the seeds that both have, (seeds,)."""
    both = sorted(one.values.keys() & other.values)
    return np.array([one.values[seed] - other.values[seed] for seed in both])


def _row_variance(*results: Result) -> float:
    """Variance of a mean, or of the difference of two, that comes from the test rows."""
    return influence.mean_variance(influence.row_covariance([one.influences for one in results]))


def _results(uri: str, table: Leaderboard, goal: Objective) -> dict[str, Result]:
    """The objective on test: label -> result."""
    results = {}
    for label, runs in table.runs.groupby("label", sort=False):
        values, influences = {}, {}
        for cell in runs.sort_values("seed").to_dict("records"):
            fit = read_fit(uri, cell["artifacts"], cell["predictions"])
            if fit is None:
                raise UserError(
                    f"the store has lost the predictions of {label}, seed {cell['seed']}: "
                    "the same command makes them again"
                )
            value, of_rows = goal.on_test(grammar.read(cell["strategy"]).strategy, fit)
            values[int(cell["seed"])] = value
            influences[int(cell["seed"])] = fit.test.rows, of_rows
        results[str(label)] = Result(values, influences)
    return results
