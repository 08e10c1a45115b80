"""Thresholds under a constraint, against trying every one of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from benchmark.metrics import constraints
from benchmark.metrics.constraints import cuts
from benchmark.protocol.arrays import Floats, Ints

ROWS = st.lists(
    st.tuples(st.integers(0, 1), st.integers(-3, 3), st.integers(1, 3)), min_size=2, max_size=12
)
EVERY = np.arange(-4.5, 5)  # one between any two of the scores, and beyond them


def measures(labels: Ints, scores: Floats, weights: Floats, at: float) -> dict[str, float]:
    chosen = scores > at
    true, false = weights[chosen & (labels == 1)].sum(), weights[chosen & (labels == 0)].sum()
    return {
        "precision": true / max(true + false, 1e-300),
        "recall": true / max(weights[labels == 1].sum(), 1e-300),
        "fpr": false / max(weights[labels == 0].sum(), 1e-300),
        "share": (true + false) / weights.sum(),
    }


CASES: dict[str, Any] = {  # rule, whether the constraint is kept, what is to be large
    "precision": (constraints.at_precision, lambda m, b: m["precision"] >= b, "recall"),
    "fpr": (constraints.at_false_positive_rate, lambda m, b: m["fpr"] <= b, "share"),
    "recall": (constraints.at_recall, lambda m, b: m["recall"] >= b, "precision"),
    "share": (constraints.at_share, lambda m, b: m["share"] <= b, "share"),
}


@pytest.mark.parametrize("name", CASES)
@given(rows=ROWS, bound=st.sampled_from([0.1, 0.3, 0.55, 0.85]))
def test_none_that_keeps_the_constraint_is_better(
    name: str, rows: list[tuple[int, int, int]], bound: float
) -> None:
    labels, scores, weights = (np.array(column, float) for column in zip(*rows, strict=True))
    rule, keeps, wanted = CASES[name]
    others = [measures(labels, scores, weights, at) for at in EVERY]
    assume(all(abs(other[name] - bound) > 1e-9 for other in others))  # else rounding decides
    found = measures(labels, scores, weights, rule(cuts(labels, scores, weights), bound))
    kept = [other for other in others if keeps(other, bound)]
    if labels.any() and not labels.all() and kept and any(other["share"] > 0 for other in kept):
        assert keeps(found, bound)
        assert found[wanted] == pytest.approx(max(other[wanted] for other in kept), abs=1e-9)


def test_where_none_keeps_it_no_row_is_positive() -> None:
    labels, scores = np.array([0, 1, 0]), np.array([3.0, 2.0, 1.0])
    found = cuts(labels, scores, np.ones(3))
    assert not (scores > constraints.at_precision(found, 0.9)).any()
    assert (scores > constraints.at_recall(found, 0.9, 0.99)).all()


def test_a_lower_bound_covers() -> None:
    """At 90 % confidence, the share itself lies above the bound in about 90 % of samples."""
    rng = np.random.default_rng(0)
    for share, rows in ((0.5, 40), (0.9, 60), (0.2, 100)):
        hits = rng.binomial(rows, share, 4000).astype(float)
        bound = constraints.lower_bound(hits, np.full(4000, float(rows)), 0.9)
        assert 0.84 < (bound <= share).mean() < 0.95
    assert constraints.lower_bound(np.array([3.0]), np.array([4.0]), 0.5) == pytest.approx(0.75)
    assert constraints.lower_bound(np.array([0.0]), np.array([0.0]), 0.9) == 0


@pytest.mark.slow
def test_confidence_keeps_a_precision_on_fresh_rows_where_the_plain_choice_often_fails() -> None:
    rng = np.random.default_rng(1)

    def rows(count: int) -> tuple[Ints, Floats]:
        scores = rng.normal(-2.5, 1.5, count)
        return (rng.random(count) < 1 / (1 + np.exp(-scores))).astype(int), scores

    fresh_labels, fresh_scores = rows(200_000)
    kept = {0.5: 0, 0.9: 0}
    for _ in range(200):
        found = cuts(*rows(600), np.ones(600))
        for confidence in kept:
            chosen = fresh_scores > constraints.at_precision(found, 0.6, confidence)
            kept[confidence] += fresh_labels[chosen].mean() >= 0.6 if chosen.any() else 1
    assert kept[0.5] < 110 < 160 < kept[0.9]
