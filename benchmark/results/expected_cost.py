"""Expected cost of every strategy on test, with thresholds chosen for the costs of errors.

Every complete strategy is tried with every rule of ``costs.RULES``, over the seeds that all of
them have. A threshold is chosen on validation or from the costs alone; test is only summed up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import numpy as np

from benchmark.metrics import costs, influence, posterior, stats
from benchmark.metrics.costs import Costs
from benchmark.metrics.stats import Difference
from benchmark.protocol import grammar
from benchmark.protocol.arrays import Floats
from benchmark.protocol.errors import UserError
from benchmark.protocol.strategy import Strategy
from benchmark.results import comparison
from benchmark.results.analysis import Analysis
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.outlook import NEGLIGIBLE
from benchmark.results.predicted import Predicted, predict
from benchmark.results.row_errors import covariance_of

OWN_THRESHOLD = "its own threshold"


@dataclass(frozen=True, eq=False)
class Candidate:
    """A strategy with a rule for its threshold; one number per seed."""

    label: str
    rule: str  # `OWN_THRESHOLD` or a key of ``costs.RULES``
    thresholds: tuple[float, ...]  # probabilities
    cost: tuple[float, ...]  # per ``costs.PER`` rows
    predicted: tuple[Predicted, ...]  # empty for a constant class, whose cost no row changes

    @property
    def mean(self) -> float:
        """Expected cost: the mean over seeds."""
        return float(np.mean(self.cost))


@dataclass(frozen=True)
class ExpectedCosts:
    """All candidates, the simplest first, and what they are compared with."""

    prices: Costs
    candidates: tuple[Candidate, ...]
    baseline: Candidate  # `none` at its own threshold
    constants: tuple[Candidate, ...]  # the class `label` is predicted for every row

    @cached_property
    def cheapest(self) -> Candidate:
        """The candidate with the lowest mean cost."""
        return min(self.candidates, key=lambda candidate: candidate.mean)

    @cached_property
    def cheaper_constant(self) -> Candidate:
        """The cheaper constant classifier."""
        return min(self.constants, key=lambda constant: constant.mean)

    def mean(self, candidate: Candidate) -> Difference:
        """Expected cost of a candidate with its interval."""
        rows = self._rows([candidate])
        return stats.difference(
            np.array(candidate.cost), float(rows[0, 0]), stats.AT_OWN_THRESHOLDS
        )

    def difference(self, one: Candidate, other: Candidate) -> Difference:
        """Paired difference of two candidates; negative where the first is cheaper."""
        rows = influence.mean_variance(self._rows([one, other]))
        return stats.difference(np.subtract(one.cost, other.cost), rows, stats.AT_OWN_THRESHOLDS)

    def choose(self, candidates: Sequence[Candidate]) -> Candidate:
        """The simplest candidate whose expected regret is nearly the least.

        Nearly: within `NEGLIGIBLE` of the cost of the cheaper constant class, which is what a
        classifier that knows nothing costs (Drummond and Holte 2006, "Cost curves").
        """
        unit = max(self.cheaper_constant.mean, 1e-300)
        table = -np.array([candidate.cost for candidate in candidates]) / unit
        if table.shape[1] == 1:
            return min(candidates, key=lambda candidate: candidate.mean)
        rows = self._rows(candidates) / unit**2
        known = posterior.evidence(table, rows, stats.AT_OWN_THRESHOLDS)
        regret = posterior.posterior(known, np.random.default_rng(0)).regret()
        return candidates[int(np.argmax(regret <= regret.min() + NEGLIGIBLE))]

    def _rows(self, candidates: Sequence[Candidate]) -> Floats:
        """Covariance of mean costs that comes from the test rows."""
        real = [number for number, candidate in enumerate(candidates) if candidate.predicted]
        covariance = np.zeros((len(candidates), len(candidates)))
        if real:
            predicted = [candidates[number].predicted for number in real]
            covariance[np.ix_(real, real)] = covariance_of(predicted, self._influence)
        return covariance

    def _influence(self, one: Predicted) -> Floats:
        cost = self.prices.of_each(one.labels, one.decisions)
        return influence.mean(cost, one.labels, one.weights)


def with_rule(text: str, rule: str, prices: Costs | None) -> Strategy:
    """The strategy written as `text`, its threshold chosen by `rule` for these costs."""
    strategy = grammar.read(text).strategy
    if prices is None or rule == OWN_THRESHOLD:
        return strategy
    return replace(strategy, threshold=costs.RULES[rule](prices))


def expected_costs(uri: str, analysis: Analysis, prices: Costs) -> ExpectedCosts:
    """Compute the expected cost of every complete strategy.

    Args:
        analysis: of a leaderboard with its predictions.

    Raises:
        UserError: if predictions are lost.
    """
    table = comparison.shared(analysis.table)
    labels = sorted(analysis.complete, key=analysis.simplicity)
    lost = [label for label in labels if label not in table.row_errors.predicted]
    if lost:
        raise UserError(f"{uri} has lost predictions of {', '.join(lost)}: run it again")
    # strategies that differ only in a threshold that the rule replaces are one candidate
    distinct: dict[tuple[object, ...], Candidate] = {}
    training_of = dict(zip(table.runs["label"], table.runs["training_part"], strict=True))
    for rule, label in product(costs.RULES, labels):
        candidate = _candidate(table, label, rule, prices)
        key = (training_of[label], candidate.rule, candidate.thresholds, candidate.cost)
        distinct.setdefault(key, candidate)
    baseline = _candidate(table, analysis.baseline, OWN_THRESHOLD, prices)
    return ExpectedCosts(
        prices=prices,
        candidates=tuple(sorted(distinct.values(), key=lambda c: labels.index(c.label))),
        baseline=baseline,
        constants=tuple(
            Candidate(
                name,
                OWN_THRESHOLD,
                (),
                tuple(
                    prices.of(one.labels, np.full_like(one.labels, decision), one.weights)
                    for one in baseline.predicted
                ),
                (),
            )
            for decision, name in enumerate(table.facts["classes"])
        ),
    )


def _candidate(table: Leaderboard, label: str, rule: str, prices: Costs) -> Candidate:
    """A strategy with a rule, at the seeds of the table."""
    runs, seeds = table.runs, set(table.runs["seed"])
    strategy = with_rule(runs.loc[runs["label"] == label, "strategy"].iloc[0], rule, prices)
    predicted = tuple(
        predict(strategy, one.fit, one.seed)
        for one in table.row_errors.predicted[label]
        if one.seed in seeds
    )
    return Candidate(
        label,
        rule,
        tuple(one.decision.threshold for one in predicted),
        tuple(prices.of(one.labels, one.decisions, one.weights) for one in predicted),
        predicted,
    )
