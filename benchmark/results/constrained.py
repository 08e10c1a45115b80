"""What each strategy attains on test under a constraint, its threshold chosen on validation.

Every complete strategy is decided anew from its stored predictions: nothing is trained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmark.metrics import influence, posterior, stats
from benchmark.metrics.stats import Difference
from benchmark.protocol import grammar
from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.errors import UserError
from benchmark.protocol.text import interval, seeds, share
from benchmark.results import comparison
from benchmark.results.analysis import Analysis
from benchmark.results.objective import Objective, Scored
from benchmark.results.outlook import NEGLIGIBLE
from benchmark.results.predicted import Predicted, predict
from benchmark.results.row_errors import covariance_of
from benchmark.results.sentence import Sentence

# bound -> the rows that are counted, and those that they are a share of, by label and decision
COUNTED: dict[str, Callable[[Ints, Ints], tuple[Ints, Ints]]] = {
    "precision": lambda y, d: (y & d, d),
    "recall": lambda y, d: (y & d, y),
    "fpr": lambda y, d: ((1 - y) & d, 1 - y),
    "share": lambda y, d: (d, np.ones_like(y)),
}
AT_MOST = ("fpr", "share")  # the others are to be at least their bounds


@dataclass(frozen=True, eq=False)
class Attained:
    """A strategy under the constraint, at every seed that all strategies have."""

    label: str
    values: tuple[float, ...]  # of the objective, on test
    kept: tuple[float, ...]  # of what the constraint bounds, on test
    predicted: tuple[Predicted, ...]

    @property
    def mean(self) -> float:
        """Mean of the objective over seeds."""
        return float(np.mean(self.values))

    @property
    def thresholds(self) -> tuple[float, ...]:
        """Probabilities from which rows are predicted positive."""
        return tuple(one.decision.threshold for one in self.predicted)


@dataclass(frozen=True, eq=False)
class Constrained:
    """All strategies under the constraint of an objective, the simplest first."""

    goal: Objective
    strategies: tuple[Attained, ...]

    def choose(self) -> Attained:
        """Return the simplest strategy whose expected regret is nearly the least."""
        table = np.array([one.values for one in self.strategies])
        if table.shape[1] == 1:
            return max(self.strategies, key=lambda one: one.mean)
        known = posterior.evidence(table, self._rows(self.strategies), stats.AT_OWN_THRESHOLDS)
        regret = posterior.posterior(known, np.random.default_rng(0)).regret()
        return self.strategies[int(np.argmax(regret <= regret.min() + NEGLIGIBLE))]

    def value(self, one: Attained) -> Difference:
        """Return the mean of the objective on test, with its interval."""
        rows = float(self._rows([one])[0, 0])
        return stats.difference(np.array(one.values), rows, stats.AT_OWN_THRESHOLDS)

    def difference(self, one: Attained, other: Attained) -> Difference:
        """Return the paired difference of two strategies in the objective."""
        rows = influence.mean_variance(self._rows([one, other]))
        return stats.difference(
            np.subtract(one.values, other.values), rows, stats.AT_OWN_THRESHOLDS
        )

    def kept(self, one: Attained) -> Difference:
        """Return the mean of what is bounded on test, with its interval."""

        def of_rows(seed: Predicted) -> Floats:
            assert self.goal.rule
            counted, of = COUNTED[self.goal.rule.bounded](seed.labels, seed.decisions)
            return influence.ratio(
                counted.astype(np.float64), of.astype(np.float64), seed.labels, seed.weights
            )

        rows = float(covariance_of([one.predicted], of_rows)[0, 0])
        return stats.difference(np.array(one.kept), rows, stats.AT_OWN_THRESHOLDS)

    def _rows(self, strategies: Sequence[Attained]) -> Floats:
        """Covariance of means of the objective that comes from the test rows."""
        return covariance_of([one.predicted for one in strategies], self._influence)

    def _influence(self, one: Predicted) -> Floats:
        return self.goal.influence(*_scored(one))


def constrained(uri: str, analysis: Analysis, goal: Objective) -> Constrained:
    """Decide every complete strategy anew, as the objective's rule says.

    Args:
        analysis: of a leaderboard with its predictions.

    Raises:
        UserError: if predictions are lost.
    """
    assert goal.rule
    table = comparison.shared(analysis.table)
    labels = sorted(analysis.complete, key=analysis.simplicity)
    lost = [label for label in labels if label not in table.row_errors.predicted]
    if lost:
        raise UserError(f"{uri} has lost predictions of {', '.join(lost)}: run it again")
    texts = dict(zip(table.runs["label"], table.runs["strategy"], strict=True))
    shared = set(table.runs["seed"])
    found: dict[tuple[object, ...], Attained] = {}
    for label in labels:
        strategy = replace(grammar.read(texts[label]).strategy, threshold=goal.rule.offsets)
        predicted = tuple(
            predict(strategy, one.fit, one.seed)
            for one in table.row_errors.predicted[label]
            if one.seed in shared
        )
        values = tuple(goal.measure(*_scored(one)) for one in predicted)
        one = Attained(label, values, tuple(_kept(goal, one) for one in predicted), predicted)
        # strategies that differ in a threshold alone, or in a shift of logits, are the same here
        found.setdefault((values, one.kept), one)
    return Constrained(goal, tuple(found.values()))


def why(found: Constrained, one: Attained, positive: str) -> Iterator[Sentence]:
    """Yield sentences on what a strategy attains, and on whether it keeps the constraint."""
    assert found.goal.rule
    [(name, bound)] = found.goal.rule.values.items()
    kept, probability = found.kept(one), np.mean(one.thresholds)
    yield Sentence(
        f"Use {one.label}, and predict {positive!r} from a probability of {probability:.3g}: "
        f"{found.goal.name} is {share(found.value(one))}.",
        f"{name} on test {share(kept)}; threshold chosen on validation; mean over "
        f"{seeds(len(one.values))}",
        one.label,
    )
    at_most = name in AT_MOST
    if name != "share" and (kept.mean > bound if at_most else kept.mean < bound):
        yield Sentence(
            f"On test the {name} is not kept: to be surer of it, train threshold(objective="
            f"{found.goal.rule.objective}, {name}={bound:g}, confidence=0.9).",
            f"{name} {kept.mean:.3f}, wanted {'at most' if at_most else 'at least'} {bound:g}",
        )
    best = max(found.strategies, key=lambda other: other.mean)
    if best is not one:
        yield Sentence(
            f"It is simpler than {best.label}, which is not expected to attain noticeably more.",
            f"{best.mean:.3f}: {interval(found.difference(best, one))}",
        )


def _scored(one: Predicted) -> tuple[Scored, Scored]:
    """Return validation and test as objectives take them."""
    validation = one.fit.validation
    return (
        Scored(
            validation.labels,
            one.decision.calibration(validation.best),
            validation.weights,
            one.decision.offsets,
            validation.rows,
        ),
        Scored(one.labels, one.logits, one.weights, one.decision.offsets, one.rows),
    )


def _kept(goal: Objective, one: Predicted) -> float:
    assert goal.rule
    return bounded(goal.rule.bounded, one.labels, one.decisions, one.weights)


def bounded(name: str, labels: Ints, decisions: Ints, weights: Floats) -> float:
    """Return precision, recall, fpr or the share predicted positive; 0 of no rows."""
    counted, of = COUNTED[name](labels, decisions)
    return float(weights @ counted / max(float(weights @ of), 1e-300))


def on_fresh_rows(
    name: str, labels: Ints, decisions: Ints, weights: Floats
) -> tuple[float, float, float]:
    """Return what test rows say of one model on fresh rows: its share, and a 95 % interval.

    Source: Wilson 1927, on the effective number of rows, (sum w)^2 / sum w^2.
    """
    from scipy.stats import norm

    counts = weights * COUNTED[name](labels, decisions)[1]
    if not counts.any():
        return 0.0, 0.0, 1.0
    rows, share = counts.sum() ** 2 / (counts**2).sum(), bounded(name, labels, decisions, weights)
    z = float(norm.ppf(1 - stats.LEVEL / 2))
    centre, spread = (
        share + z**2 / (2 * rows),
        z * np.sqrt(share * (1 - share) / rows + z**2 / (4 * rows**2)),
    )
    low, high = ((centre + sign * spread) / (1 + z**2 / rows) for sign in (-1, 1))
    return share, float(low), float(high)
