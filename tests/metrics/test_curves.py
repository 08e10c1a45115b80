"""Curves over seeds, against direct computations."""

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.metrics import f1_score, precision_score, roc_curve

from benchmark.metrics import curves as metric_curves
from benchmark.metrics.curves import RECALLS, THRESHOLDS, ranked

rng = np.random.default_rng(2)
labels = (rng.random(400) < 0.2).astype(np.int64)
scores = np.clip(0.2 + 0.3 * labels + 0.15 * rng.normal(size=400), 0, 1)


def test_f1_at_a_threshold_is_scikit_learns() -> None:
    found = metric_curves.f1_at(labels, scores, np.ones(400), np.array([0.1, 0.35, 0.5, 1.1]))
    expected = [
        f1_score(labels, scores >= threshold, zero_division=0)
        for threshold in (0.1, 0.35, 0.5, 1.1)
    ]
    assert found == pytest.approx(expected)


def test_precision_is_where_the_recall_is_first_reached() -> None:
    logits = np.column_stack([0 * scores, scores])
    band = metric_curves.precision_recall(ranked([(labels, logits, np.ones(400))]))
    place = int(np.flatnonzero(np.isclose(band.x, 0.5))[0])
    threshold = np.sort(scores[labels == 1])[::-1][int(np.ceil(0.5 * labels.sum())) - 1]
    assert band.mean[place] == pytest.approx(precision_score(labels, scores >= threshold))


def test_true_positive_rates_are_scikit_learns() -> None:
    odds = logit(np.clip(np.round(scores, 2), 0.01, 0.99))  # with ties
    band = metric_curves.roc(ranked([(labels, np.column_stack([0 * odds, odds]), np.ones(400))]))
    false, true, _ = roc_curve(labels, odds, drop_intermediate=False)
    expected = [true[false <= rate].max() for rate in RECALLS]
    assert band.mean == pytest.approx(expected)


def test_f1_by_threshold_is_f1_at_each_threshold() -> None:
    odds = logit(np.clip(scores, 1e-6, 1 - 1e-6))
    weights = rng.uniform(0.5, 2, 400)
    band = metric_curves.f1_by_threshold(
        ranked([(labels, np.column_stack([0 * odds, odds]), weights)])
    )
    assert band.mean == pytest.approx(metric_curves.f1_at(labels, expit(odds), weights, THRESHOLDS))


def test_a_band_is_one_standard_deviation_over_seeds_and_none_for_one_seed() -> None:
    curves = [np.array([1.0, 2.0]), np.array([3.0, 2.0])]
    band = metric_curves.band(np.array([0.0, 1.0]), curves)
    assert band.mean == pytest.approx([2, 2])
    assert band.high - band.mean == pytest.approx([np.sqrt(2), 0])
    alone = metric_curves.band(np.array([0.0, 1.0]), curves[:1])
    assert alone.low == pytest.approx(alone.high)


def test_curves_of_other_steps_are_read_at_the_first_ones() -> None:
    band = metric_curves.steps([[(0, 1.0), (10, 0.0)], [(0, 1.0), (5, 0.8), (10, 0.6)]])
    assert band.x.tolist() == [0, 10] and band.mean == pytest.approx([1, 0.3])


def test_a_row_of_weight_two_counts_as_two_rows_in_every_curve() -> None:
    times = rng.integers(1, 4, 400)
    repeated, logits = np.repeat(np.arange(400), times), np.column_stack([0 * scores, scores])
    weighted = [(labels, logits, times.astype(float))]
    copies = [(labels[repeated], logits[repeated], np.ones(len(repeated)))]
    for curve in (
        lambda seeds: metric_curves.precision_recall(ranked(seeds)),
        lambda seeds: metric_curves.roc(ranked(seeds)),
        lambda seeds: metric_curves.f1_by_threshold(ranked(seeds)),
        lambda seeds: metric_curves.gains(ranked(seeds)),
        metric_curves.reliability,
    ):
        one, other, plain = (
            curve(seeds) for seeds in (weighted, copies, [(labels, logits, np.ones(400))])
        )
        assert one.mean == pytest.approx(other.mean) and one.x == pytest.approx(other.x)
        assert np.abs(one.mean - plain.mean).max() > 1e-3


def test_other_odds_than_the_weights_have_are_those_of_rows_drawn_so() -> None:
    weights, at = np.where(labels == 1, 0.3, 1.4), np.array([0.2, 0.35])
    found = metric_curves.f1_at(labels, scores, weights, at, 7.0)
    seven = np.where(labels == 1, 1 / labels.sum(), 7 / (1 - labels).sum())
    assert found == pytest.approx(
        [f1_score(labels, scores >= threshold, sample_weight=seven) for threshold in at]
    )


def test_lift_is_precision_over_prevalence() -> None:
    rng = np.random.default_rng(0)
    labels = (rng.random(2000) < 0.1).astype(np.int64)
    logits = np.column_stack([np.zeros(2000), rng.normal(size=2000) + labels])
    found = metric_curves.lift(metric_curves.gains(ranked([(labels, logits, np.ones(2000))])))
    top = np.argsort(-logits[:, 1])[:200]
    assert found.x[9] == pytest.approx(0.1)
    assert found.mean[9] == pytest.approx(labels[top].mean() / labels.mean())
    assert found.mean[-1] == pytest.approx(1)
