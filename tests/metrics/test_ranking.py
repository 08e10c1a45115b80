"""Measures of ranking are those of scikit-learn to the last digit, with ties and weights."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from benchmark.metrics import ranking


@given(st.integers(2, 300), st.integers(1, 50), st.booleans(), st.integers(0, 10**6))
def test_measures_are_scikit_learns_to_the_last_digit(
    rows: int, distinct: int, weighted: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    labels = np.append([0, 1], (rng.random(rows - 2) < rng.random()).astype(np.int64))
    scores = rng.normal(size=distinct)[rng.integers(distinct, size=rows)]
    weights = rng.uniform(0.1, 5, rows) if weighted else np.ones(rows)
    found = ranking.rank(labels, scores, weights)
    known = metrics.average_precision_score(labels, scores, sample_weight=weights)
    assert ranking.average_precision(found) == known
    assert ranking.roc_auc(found) == metrics.roc_auc_score(labels, scores, sample_weight=weights)


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_alone_has_no_area(label: int) -> None:
    found = ranking.rank(np.full(3, label), np.arange(3.0), np.ones(3))
    assert np.isnan(ranking.roc_auc(found))
    assert ranking.average_precision(found) == label
