"""The best decision rule, against trying all of them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import fbeta_score, precision_recall_curve

from benchmark.metrics import classification, thresholds
from benchmark.metrics.thresholds import _best_move, best_offsets
from benchmark.protocol.arrays import Floats, Ints
from tests.slow import slow_but


def case(seed: int, classes: int, rows: int, places: int = 9) -> tuple[Ints, Floats]:
    """Labels of all classes, fewer of the later ones; `places` after the point make ties."""
    rng = np.random.default_rng(seed)
    drawn = np.minimum(rng.geometric(0.4, rows) - 1, classes - 1)
    labels = np.concatenate([np.arange(classes), drawn]).astype(np.int64)
    logits = rng.normal(size=(len(labels), classes)) + np.eye(classes)[labels]
    return labels, np.round(logits - np.arange(classes) / 2, places)


def macro_f(
    labels: Ints, logits: Floats, offsets: Floats, beta: float = 1.0, weights: Floats | None = None
) -> float:
    decisions = classification.decide(logits, offsets)
    given = np.unique(labels)
    return float(
        fbeta_score(
            labels,
            decisions,
            beta=beta,
            average="macro",
            labels=given,
            sample_weight=weights,
            zero_division=0,
        )
    )


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("seed", slow_but([0], range(6)))
def test_no_other_offset_of_one_class_is_better(seed: int, beta: float) -> None:
    labels, logits = case(seed, 4, 30)
    weights = np.random.default_rng(seed).integers(1, 4, len(labels)).astype(float)
    sums = np.bincount(labels, weights, minlength=4)
    for label in range(4):
        others = logits - 99 * np.eye(4)[label]
        needed = others.max(axis=1) - logits[:, label]
        move = _best_move(labels, label, needed, others.argmax(axis=1), weights, sums, beta)
        unit = np.eye(4)[label]
        found = macro_f(labels, logits, unit * move, beta, weights)
        tried = [it + nudge for it in needed for nudge in (-1e-7, 1e-7)]
        assert (
            found
            >= max(macro_f(labels, logits, unit * move, beta, weights) for move in tried) - 1e-12
        )


@pytest.mark.parametrize("places", [9, 1, 0])
@pytest.mark.parametrize("seed", slow_but([0, 1], range(6)))
def test_no_class_can_be_moved_to_gain_and_nothing_is_lost(seed: int, places: int) -> None:
    labels, logits = case(seed, 5, 60, places)
    offsets = best_offsets(labels, logits, np.ones(len(labels)))
    reached = macro_f(labels, logits, offsets)
    assert reached >= macro_f(labels, logits, np.zeros(5))
    if places == 9:
        for label in range(5):
            for move in np.linspace(-4, 4, 81):
                moved = offsets + move * np.eye(5)[label]
                assert macro_f(labels, logits, moved) <= reached + 1e-12


def test_rare_classes_gain_where_the_network_prefers_common_ones() -> None:
    labels, logits = case(0, 6, 2000)
    offsets = best_offsets(labels, logits, np.ones(len(labels)))
    assert macro_f(labels, logits, offsets) > macro_f(labels, logits, np.zeros(6)) + 0.05
    assert offsets[5] > offsets[0]


def test_two_classes_have_the_threshold_of_the_positive_one() -> None:
    labels, logits = case(1, 2, 100)
    weights = np.linspace(0.5, 1.5, len(labels))
    threshold = thresholds.best_threshold(labels, logits[:, 1] - logits[:, 0], weights, 2.0)
    assert best_offsets(labels, logits, weights, 2.0).tolist() == [0.0, -threshold]


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("places", [9, 1, 0])
@pytest.mark.parametrize("seed", range(20))
def test_the_threshold_is_that_of_scikit_learns_curve_to_the_last_digit(
    seed: int, places: int, beta: float
) -> None:
    labels, logits = case(seed, 2, 200, places)
    scores, weights = logits[:, 1] - logits[:, 0], np.random.default_rng(seed).gamma(2, size=202)
    for given in (weights, np.ones(202)):
        precision, recall, steps = precision_recall_curve(labels, scores, sample_weight=given)
        p, r = precision[:-1], recall[:-1]
        f = (1 + beta**2) * p * r / np.where(p + r > 0, beta**2 * p + r, 1)
        best = int(np.argmax(f))
        expected = ((steps[best - 1] if best else steps[0] - 1) + steps[best]) / 2
        assert thresholds.best_threshold(labels, scores, given, beta) == expected


def test_rows_without_a_positive_one_get_the_lowest_threshold() -> None:
    scores = np.array([3.0, 1.0, 2.0])
    assert thresholds.best_threshold(np.zeros(3, int), scores, np.ones(3)) == 0.5


def test_scores_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        thresholds.best_threshold(np.array([0, 1]), np.array([0.0, np.nan]), np.ones(2))


def test_a_class_that_no_row_has_is_left_alone() -> None:
    labels, logits = case(2, 3, 60)
    more = np.column_stack([logits, logits[:, 0] - 9])
    offsets = best_offsets(labels, more, np.ones(len(labels)))
    assert offsets[3] == 0 and np.isfinite(offsets).all()
