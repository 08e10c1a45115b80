"""Expected cost of every strategy on test, decided for the least cost.

Every complete strategy is tried with every rule of ``costs.RULES``, over the seeds that all of
them have. A rule chooses on validation or from the costs alone; test is only summed up.
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
from benchmark.protocol.calibration import Calibration
from benchmark.protocol.errors import UserError
from benchmark.protocol.strategy import Strategy
from benchmark.results import comparison
from benchmark.results.analysis import Analysis
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.outlook import NEGLIGIBLE
from benchmark.results.predicted import Predicted
from benchmark.results.row_errors import covariance_of
from benchmark.training.decision import Decision, fit_decision, fit_priced
from benchmark.training.predictions import Fit

OWN_THRESHOLD = "its own threshold"


@dataclass(frozen=True, eq=False)
class Candidate:
    """A strategy with a rule for its threshold; one number per seed."""

    label: str
    rule: str  # `OWN_THRESHOLD` or a key of ``costs.RULES``
    thresholds: tuple[float, ...]  # probabilities; empty where no threshold decides
    cost: tuple[float, ...]  # per ``costs.PER`` rows
    predicted: tuple[Predicted, ...]

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
        """The cheapest constant classifier."""
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
        unit = max(abs(self.cheaper_constant.mean), 1e-300)
        table = -np.array([candidate.cost for candidate in candidates]) / unit
        if table.shape[1] == 1:
            return min(candidates, key=lambda candidate: candidate.mean)
        rows = self._rows(candidates) / unit**2
        known = posterior.evidence(table, rows, stats.AT_OWN_THRESHOLDS)
        regret = posterior.posterior(known, np.random.default_rng(0)).regret()
        return candidates[int(np.argmax(regret <= regret.min() + NEGLIGIBLE))]

    def _rows(self, candidates: Sequence[Candidate]) -> Floats:
        """Covariance of mean costs that comes from the test rows."""
        return covariance_of([candidate.predicted for candidate in candidates], self._influence)

    def _influence(self, one: Predicted) -> Floats:
        cost = self.prices.of_each(one.labels, one.decisions, one.rows)
        return influence.mean(cost, one.labels, one.weights)


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
        offsets = tuple(tuple(one.decision.offsets) for one in candidate.predicted)
        key = (training_of[label], candidate.rule, offsets, candidate.cost)
        distinct.setdefault(key, candidate)
    baseline = _candidate(table, analysis.baseline, OWN_THRESHOLD, prices)
    return ExpectedCosts(
        prices=prices,
        candidates=tuple(sorted(distinct.values(), key=lambda c: labels.index(c.label))),
        baseline=baseline,
        constants=tuple(
            _constant(number, name, baseline, prices)
            for number, name in enumerate(table.facts["classes"])
        ),
    )


def _constant(number: int, name: str, baseline: Candidate, prices: Costs) -> Candidate:
    """Predict class `number` for the test rows of the baseline."""
    offsets = np.zeros(len(prices.classes))
    offsets[number] = np.inf
    decision = Decision(Calibration(np.zeros(len(offsets))), offsets)
    predicted = tuple(replace(one, decision=decision) for one in baseline.predicted)
    return _priced(name, OWN_THRESHOLD, predicted, prices)


def _candidate(table: Leaderboard, label: str, rule: str, prices: Costs) -> Candidate:
    """A strategy with a rule, at the seeds of the table."""
    runs, seeds = table.runs, set(table.runs["seed"])
    strategy = grammar.read(runs.loc[runs["label"] == label, "strategy"].iloc[0]).strategy
    predicted = tuple(
        Predicted(one.seed, one.fit, _decision(strategy, one.fit, rule, prices))
        for one in table.row_errors.predicted[label]
        if one.seed in seeds
    )
    return _priced(label, rule, predicted, prices)


def _decision(strategy: Strategy, fit: Fit, rule: str, prices: Costs) -> Decision:
    if rule == OWN_THRESHOLD:
        return fit_decision(strategy, fit)
    return fit_priced(strategy, fit, costs.RULES[rule], prices)


def _priced(label: str, rule: str, predicted: tuple[Predicted, ...], prices: Costs) -> Candidate:
    return Candidate(
        label,
        rule,
        tuple(one.decision.threshold for one in predicted if one.decision.is_threshold),
        tuple(prices.of(one.labels, one.decisions, one.weights, one.rows) for one in predicted),
        predicted,
    )


def fresh_mean(values: Floats, weights: Floats) -> tuple[float, float]:
    """Return a 95 % interval of the mean that test rows promise for many rows of one model.

    A Student interval on the effective number of rows, (sum w)^2 / sum w^2.
    """
    rows = float(weights.sum() ** 2 / (weights**2).sum())
    mean = float(np.average(values, weights=weights))
    variance = float(np.average((values - mean) ** 2, weights=weights)) / max(rows - 1, 1)
    half = stats.critical(max(rows - 1, 1), stats.LEVEL) * variance**0.5
    return mean - half, mean + half
