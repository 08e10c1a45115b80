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
import pandas as pd

from benchmark.metrics import costs, stats
from benchmark.metrics.costs import Costs
from benchmark.metrics.stats import LEVEL, Difference
from benchmark.protocol import grammar
from benchmark.protocol.errors import UserError
from benchmark.protocol.strategy import Strategy
from benchmark.results import comparison
from benchmark.results.analysis import Analysis
from benchmark.tracking.history import read_fit
from benchmark.training.decision import fit_decision
from benchmark.training.predictions import Fit

OWN_THRESHOLD = "its own threshold"


@dataclass(frozen=True)
class Candidate:
    """A strategy with a rule for its threshold; one number per seed."""

    label: str
    rule: str  # `OWN` or a key of ``costs.RULES``
    thresholds: tuple[float, ...]  # probabilities
    cost: tuple[float, ...]  # per ``costs.PER`` rows

    @property
    def mean(self) -> float:
        """Expected cost: the mean over seeds."""
        return float(np.mean(self.cost))

    def minus(self, other: Candidate, overlap: float) -> Difference:
        """Paired difference to another candidate."""
        return stats.difference(np.subtract(self.cost, other.cost), overlap)


@dataclass(frozen=True)
class ExpectedCosts:
    """All candidates, the simplest first, and what they are compared with."""

    candidates: tuple[Candidate, ...]
    baseline: Candidate  # `none` at its own threshold
    constants: tuple[Candidate, ...]  # the class `label` is predicted for every row
    overlap: float

    @cached_property
    def cheapest(self) -> Candidate:
        """The candidate with the lowest mean cost."""
        return min(self.candidates, key=lambda candidate: candidate.mean)

    def choose(self, candidates: Sequence[Candidate]) -> Candidate:
        """The first candidate that the cheapest one is not significantly cheaper than."""
        cheapest = min(candidates, key=lambda candidate: candidate.mean)
        others = [candidate for candidate in candidates if candidate is not cheapest]
        behind = [candidate.minus(cheapest, self.overlap) for candidate in others]
        adjusted = stats.holm(np.array([difference.p for difference in behind]))
        within = [other for other, p in zip(others, adjusted, strict=True) if p >= LEVEL]
        return next(candidate for candidate in candidates if candidate in (cheapest, *within))

    @cached_property
    def cheaper_constant(self) -> Candidate:
        """The cheaper constant classifier."""
        return min(self.constants, key=lambda constant: constant.mean)

    @cached_property
    def p(self) -> dict[tuple[Candidate, Candidate], float]:
        """p of each candidate against `baseline` and `cheaper_constant`, adjusted (Holm)."""
        pairs = list(product(self.candidates, (self.baseline, self.cheaper_constant)))
        p = np.array([one.minus(other, self.overlap).p for one, other in pairs])
        return dict(zip(pairs, stats.holm(p).tolist(), strict=True))


def with_rule(text: str, rule: str, prices: Costs | None) -> Strategy:
    """The strategy written as `text`, its threshold chosen by `rule` for these costs."""
    strategy = grammar.read(text).strategy
    if prices is None or rule == OWN_THRESHOLD:
        return strategy
    return replace(strategy, threshold=costs.RULES[rule](prices))


def expected_costs(uri: str, analysis: Analysis, prices: Costs) -> ExpectedCosts:
    """Compute the expected cost of every complete strategy.

    Raises:
        UserError: if predictions are lost.
    """
    runs = comparison.shared(analysis.table).runs
    fits = _fits(uri, runs)
    labels = sorted(analysis.complete, key=analysis.simplicity)
    # strategies that differ only in a threshold that the rule replaces are one candidate
    distinct: dict[tuple[object, ...], Candidate] = {}
    for rule, label in product(costs.RULES, labels):
        candidate = _candidate(runs, fits, label, rule, prices)
        training = runs.loc[runs["label"] == label, "training_part"].iloc[0]
        key = (training, candidate.rule, candidate.thresholds, candidate.cost)
        distinct.setdefault(key, candidate)
    tests = [fits[key].test for key in _keys(runs, analysis.baseline)]
    constants = [
        Candidate(
            name,
            OWN_THRESHOLD,
            (),
            tuple(
                prices.of(test.labels, np.full_like(test.labels, decision), test.weights)
                for test in tests
            ),
        )
        for decision, name in enumerate(analysis.table.facts["classes"])
    ]
    return ExpectedCosts(
        candidates=tuple(sorted(distinct.values(), key=lambda c: labels.index(c.label))),
        baseline=_candidate(runs, fits, analysis.baseline, OWN_THRESHOLD, prices),
        constants=tuple(constants),
        overlap=analysis.overlap,
    )


def _keys(runs: pd.DataFrame, label: str) -> list[tuple[str, int]]:
    """(training, seed) of a strategy's runs, by seed."""
    own = runs[runs["label"] == label].sort_values("seed")
    return list(zip(own["training_part"], own["seed"], strict=True))


def _fits(uri: str, runs: pd.DataFrame) -> dict[tuple[str, int], Fit]:
    fits: dict[tuple[str, int], Fit] = {}
    for run in runs.to_dict("records"):
        key = (run["training_part"], run["seed"])
        if key not in fits:
            fit = read_fit(uri, run["run"], run["predictions"])
            if fit is None:
                raise UserError(f"{uri} has lost predictions of {run['label']}: run it again")
            fits[key] = fit
    return fits


def _candidate(
    runs: pd.DataFrame, fits: dict[tuple[str, int], Fit], label: str, rule: str, prices: Costs
) -> Candidate:
    text = runs.loc[runs["label"] == label, "strategy"].iloc[0]
    strategy = with_rule(text, rule, prices)
    thresholds, cost = [], []
    for key in _keys(runs, label):
        decision, test = fit_decision(strategy, fits[key]), fits[key].test
        thresholds.append(decision.threshold)
        cost.append(prices.of(test.labels, decision.decide(test.best), test.weights))
    return Candidate(label, rule, tuple(thresholds), tuple(cost))
