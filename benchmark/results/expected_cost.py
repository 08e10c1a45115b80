"""What the strategies of a table would have cost on test, with thresholds placed for these costs.

Every complete strategy is tried with every rule of ``costs.RULES``, over the seeds that all of
them have. A threshold is chosen on validation or from the costs alone; test is only added up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np

from benchmark.metrics import costs, stats
from benchmark.metrics.costs import Costs
from benchmark.metrics.stats import LEVEL, Difference
from benchmark.protocol import grammar
from benchmark.protocol.errors import UserError
from benchmark.protocol.strategy import Strategy
from benchmark.results import comparison
from benchmark.results.analysis import Analysis, simplicity
from benchmark.tracking.history import read_fit
from benchmark.training.decision import fit_decision
from benchmark.training.predictions import Fit

OWN_THRESHOLD = "its own threshold"


@dataclass(frozen=True)
class Candidate:
    """A strategy and how its threshold is placed; one number a seed."""

    label: str
    rule: str  # `OWN` or a key of ``costs.RULES``
    thresholds: tuple[float, ...]  # probabilities
    cost: tuple[float, ...]  # for ``costs.PER`` rows

    @property
    def mean(self) -> float:
        """Expected cost."""
        return float(np.mean(self.cost))

    def less(self, other: Candidate, overlap: float) -> Difference:
        """The paired difference to another."""
        return stats.difference(np.subtract(self.cost, other.cost), overlap)


@dataclass(frozen=True)
class ExpectedCosts:
    """All ways to decide, the simplest first, and what they are held against."""

    ways: tuple[Candidate, ...]
    plain: Candidate  # `none` at its own threshold
    one_way: tuple[Candidate, ...]  # every row is called the class `label`
    overlap: float

    @cached_property
    def cheapest(self) -> Candidate:
        """The lowest mean cost."""
        return min(self.ways, key=lambda way: way.mean)

    def choose(self, ways: Sequence[Candidate]) -> Candidate:
        """The first of those that the cheapest of them does not beat beyond chance."""
        cheapest = min(ways, key=lambda way: way.mean)
        others = [way for way in ways if way is not cheapest]
        behind = [way.less(cheapest, self.overlap) for way in others]
        adjusted = stats.holm(np.array([it.p for it in behind]))
        within = [way for way, p in zip(others, adjusted, strict=True) if p >= LEVEL]
        return next(way for way in ways if way in (cheapest, *within))

    @cached_property
    def cheaper_one_way(self) -> Candidate:
        """The class that it is cheaper to call every row."""
        return min(self.one_way, key=lambda way: way.mean)

    @cached_property
    def p(self) -> dict[tuple[Candidate, Candidate], float]:
        """Of each way against `plain` and against `cheaper_one_way`; they hold together (Holm)."""
        pairs = list(product(self.ways, (self.plain, self.cheaper_one_way)))
        found = np.array([one.less(other, self.overlap).p for one, other in pairs])
        return dict(zip(pairs, stats.holm(found).tolist(), strict=True))


def with_rule(text: str, rule: str, wanted: Costs | None) -> Strategy:
    """The strategy written as `text`, its threshold placed by the rule."""
    strategy = grammar.read(text).strategy
    if wanted is None or rule == OWN_THRESHOLD:
        return strategy
    return replace(strategy, threshold=costs.RULES[rule](wanted))


def expected_costs(uri: str, found: Analysis, wanted: Costs) -> ExpectedCosts:
    """Of every strategy that is complete. Raises UserError if predictions are lost."""
    table = comparison.shared(found.table)
    fits = _fits(uri, table.runs)
    labels = sorted(found.complete, key=lambda label: simplicity(found, label))
    ways: dict[
        tuple[object, ...], Candidate
    ] = {}  # strategies that differ in the threshold are one
    for rule, label in product(costs.RULES, labels):
        way = _candidate(table.runs, fits, label, rule, wanted)
        part = table.runs.loc[table.runs["label"] == label, "training_part"].iloc[0]
        ways.setdefault((part, way.rule, way.thresholds, way.cost), way)
    ordered = sorted(ways.values(), key=lambda way: labels.index(way.label))
    tests = [fits[key].test.labels for key in _keys(table.runs, found.none)]
    one_way = [
        tuple(wanted.of(test, np.full_like(test, decision)) for test in tests)
        for decision in (0, 1)
    ]
    return ExpectedCosts(
        ways=tuple(ordered),
        plain=_candidate(table.runs, fits, found.none, OWN_THRESHOLD, wanted),
        one_way=tuple(
            Candidate(name, OWN_THRESHOLD, (), cost)
            for name, cost in zip(found.table.facts["classes"], one_way, strict=True)
        ),
        overlap=found.overlap,
    )


def _keys(runs: Any, label: str) -> list[tuple[str, int]]:
    """(training part, seed) of a strategy's runs, by seed."""
    own = runs[runs["label"] == label].sort_values("seed")
    return list(zip(own["training_part"], own["seed"], strict=True))


def _fits(uri: str, runs: Any) -> dict[tuple[str, int], Fit]:
    fits: dict[tuple[str, int], Fit] = {}
    for run in runs.itertuples():
        if (run.training_part, run.seed) not in fits:
            fit = read_fit(uri, run.run, run.predictions)
            if fit is None:
                raise UserError(f"{uri} has lost predictions of {run.label}: run it again")
            fits[run.training_part, run.seed] = fit
    return fits


def _candidate(
    runs: Any, fits: dict[tuple[str, int], Fit], label: str, rule: str, wanted: Costs
) -> Candidate:
    text = runs.loc[runs["label"] == label, "strategy"].iloc[0]
    strategy = with_rule(text, rule, wanted)
    thresholds, cost = [], []
    for key in _keys(runs, label):
        decision, test = fit_decision(strategy, fits[key]), fits[key].test
        thresholds.append(decision.threshold)
        cost.append(wanted.of(test.labels, decision.decide(test.best)))
    return Candidate(label, rule, tuple(thresholds), tuple(cost))
