"""Every measure against scikit-learn's own, on whatever labels and logits there are."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn import metrics as sklearn

from benchmark.metrics import classification, long_tail, thresholds
from benchmark.protocol.arrays import Floats, Ints

Case = tuple[Ints, Floats]


@st.composite
def cases(draw: st.DrawFn, largest: float = 30.0) -> Case:
    """Labels of both classes, and logits with ties."""
    labels = [0, 1, *draw(st.lists(st.integers(0, 1), max_size=40))]
    number = st.one_of(st.floats(-largest, largest, width=32), st.sampled_from([0.0, 1.0, -1.0]))
    rows = st.lists(st.tuples(number, number), min_size=len(labels), max_size=len(labels))
    return np.array(labels), np.array(draw(rows), np.float64)


OFFSETS = st.floats(-20, 20).map(lambda threshold: np.array([0.0, threshold]))


def scores(logits: Floats) -> Floats:
    return np.asarray(logits[:, 1] - logits[:, 0])


@given(cases(), OFFSETS)
def test_decision_metrics_are_scikit_learns(case: Case, offsets: Floats) -> None:
    labels, logits = case
    decisions = classification.decide(logits, offsets)
    assert decisions.tolist() == (scores(logits + offsets) > 0).astype(int).tolist()
    got = classification.decision_metrics(labels, decisions, np.ones(len(labels)), 2)
    precision, recall, f1, _ = sklearn.precision_recall_fscore_support(
        labels, decisions, average="binary", zero_division=0
    )
    tn, fp, fn, tp = sklearn.confusion_matrix(labels, decisions, labels=[0, 1]).ravel()
    assert got == pytest.approx(
        {
            "f1": f1,
            "precision": precision,
            "recall": recall,
            "balanced_accuracy": sklearn.balanced_accuracy_score(labels, decisions),
            "mcc": sklearn.matthews_corrcoef(labels, decisions),
            "accuracy": sklearn.accuracy_score(labels, decisions),
            "true_positives": tp,
            "false_positives": fp,
            "false_negatives": fn,
            "true_negatives": tn,
        },
        abs=1e-12,
    )


@given(cases())
def test_ranking_and_probability_metrics_are_scikit_learns(case: Case) -> None:
    labels, logits = case
    unit = np.ones(len(labels))
    got = classification.ranking_metrics(labels, logits, unit)
    got |= classification.probability_metrics(labels, logits, unit)
    p = softmax(logits, axis=1)[:, 1]
    assert classification.positive_probabilities(logits) == pytest.approx(p, abs=1e-12)
    assert got["average_precision"] == pytest.approx(
        sklearn.average_precision_score(labels, scores(logits))
    )
    assert got["roc_auc"] == pytest.approx(sklearn.roc_auc_score(labels, scores(logits)))
    assert got["brier"] == pytest.approx(sklearn.brier_score_loss(labels, p), abs=1e-12)
    # scikit-learn clips probabilities: compared where none is near 0 or 1
    milder = np.clip(logits, -10, 10)
    assert classification.log_loss(labels, milder, unit) == pytest.approx(
        sklearn.log_loss(labels, softmax(milder, axis=1)[:, 1]), rel=1e-6, abs=1e-9
    )


@given(cases())
def test_average_precision_and_auc_see_the_order_alone(case: Case) -> None:
    labels, logits = case
    _, ranks = np.unique(scores(logits), return_inverse=True)
    ranked = np.stack([np.zeros(len(labels)), ranks.astype(float)], axis=1)
    unit = np.ones(len(labels))
    assert classification.ranking_metrics(labels, ranked, unit) == pytest.approx(
        classification.ranking_metrics(labels, logits, unit)
    )


@given(cases(), st.floats(0.25, 4))
def test_no_threshold_is_better_than_the_best(case: Case, beta: float) -> None:
    labels, logits = case
    values = scores(logits)
    weights = np.where(labels == 1, 0.25, 1.75)

    def reached(threshold: float) -> float:
        return float(
            sklearn.fbeta_score(
                labels, values > threshold, beta=beta, sample_weight=weights, zero_division=0
            )
        )

    best = reached(thresholds.best_threshold(labels, values, weights, beta))
    for other in [-math.inf, *values.tolist()]:
        assert best >= reached(other) - 1e-9


@given(cases(), st.floats(-5, 5))
def test_a_common_shift_of_the_logits_changes_nothing(case: Case, shift: float) -> None:
    labels, logits = case
    one, two = (
        classification.all_metrics(labels, z, np.zeros(2), np.ones(len(labels)))
        for z in (logits, logits + 2 * shift)
    )
    near = np.abs(scores(logits)).min() > 1e-9  # else rounding may break a tie
    if near and len(set(scores(logits))) == len(set(scores(logits + 2 * shift))):
        assert one == pytest.approx(two, abs=1e-6)


@given(cases(largest=2.0**100), OFFSETS)
def test_every_measure_is_a_finite_number_in_its_bounds(case: Case, offsets: Floats) -> None:
    labels, logits = case
    weights = np.linspace(0.5, 1.5, len(labels))
    values = classification.all_metrics(labels, logits, offsets, weights)
    assert all(math.isfinite(value) for value in values.values())
    for name in set(values) - {"mcc", "log_loss"}:
        assert 0 <= values[name] <= (len(labels) if "ives" in name else 1), name
    assert -1 <= values["mcc"] <= 1 and values["log_loss"] >= 0


@given(cases())
def test_calibration_error_is_the_gap_of_its_bins(case: Case) -> None:
    labels, logits = case
    p = classification.positive_probabilities(logits)
    weights = np.where(labels == 1, 0.25, 1.75)
    mean, share = classification.reliability(labels, p, weights)
    assert len(mean) == len(share) == 10
    assert (np.diff(mean) >= -1e-12).all()
    assert mean.mean() == pytest.approx(np.average(p, weights=weights), abs=1e-9)
    assert share.mean() == pytest.approx(np.average(labels, weights=weights))
    assert classification.calibration_error(labels, p, weights) == pytest.approx(
        np.mean(abs(mean - share))
    )


@st.composite
def cases_of_more(draw: st.DrawFn) -> Case:
    """Labels of 3 to 5 classes, and logits with ties."""
    classes = draw(st.integers(3, 5))
    labels = [*range(classes), *draw(st.lists(st.integers(0, classes - 1), max_size=30))]
    number = st.one_of(st.floats(-30, 30, width=32), st.sampled_from([0.0, 1.0]))
    row = st.lists(number, min_size=classes, max_size=classes)
    rows = st.lists(row, min_size=len(labels), max_size=len(labels))
    return np.array(labels), np.array(draw(rows), np.float64)


@given(cases_of_more())
def test_measures_of_more_classes_are_scikit_learns(case: Case) -> None:
    labels, logits = case
    classes = logits.shape[1]
    got = classification.all_metrics(labels, logits, np.zeros(classes), np.ones(len(labels)))
    decisions = logits.argmax(axis=1)
    precision, recall, f1, _ = sklearn.precision_recall_fscore_support(
        labels, decisions, average="macro", zero_division=0
    )
    p = softmax(logits, axis=1)
    expected = {
        "f1": f1,
        "precision": precision,
        "recall": recall,
        "balanced_accuracy": sklearn.balanced_accuracy_score(labels, decisions),
        "mcc": sklearn.matthews_corrcoef(labels, decisions),
        "accuracy": sklearn.accuracy_score(labels, decisions),
        "brier": sklearn.brier_score_loss(labels, p, labels=range(classes)),
    }
    assert {name: got[name] for name in expected} == pytest.approx(expected, abs=1e-9)
    assert "true_positives" not in got and got["rows"] == len(labels)


@given(cases_of_more())
def test_ranking_of_more_classes_is_the_mean_of_each_against_the_rest(case: Case) -> None:
    labels, logits = case
    got = classification.ranking_metrics(labels, logits, np.ones(len(labels)))
    # the odds, computed in the way that loses digits, order rows the same unless they tie
    odds = np.column_stack(
        [
            logits[:, label] - np.logaddexp.reduce(np.delete(logits, label, axis=1), axis=1)
            for label in range(logits.shape[1])
        ]
    )
    assert classification.log_odds(logits) == pytest.approx(odds, abs=1e-6)
    exact = classification.log_odds(logits)
    truth = np.eye(logits.shape[1])[labels]
    expected = sklearn.average_precision_score(truth, exact, average="macro")
    assert got["average_precision"] == pytest.approx(expected)
    assert got["roc_auc"] == pytest.approx(sklearn.roc_auc_score(truth, exact, average="macro"))


def test_the_odds_of_a_class_are_exact_where_its_probability_rounds_to_one() -> None:
    logits = np.array([[60.0, 0.0, -3.0], [80.0, 0.0, -3.0], [0.0, 700.0, 1.0]])
    odds = classification.log_odds(logits)
    assert odds[1, 0] - odds[0, 0] == pytest.approx(20)
    assert odds[0, 0] == pytest.approx(60 - np.log(1 + np.exp(-3)))
    assert np.isfinite(odds).all()


def test_a_promise_of_more_classes_is_kept_if_the_most_probable_one_is_right() -> None:
    logits = np.log([[0.7, 0.2, 0.1], [0.2, 0.5, 0.3], [0.1, 0.2, 0.7]])
    true, promised = classification.predicted_events(np.array([0, 2, 2]), logits)
    assert true.tolist() == [1, 0, 1]
    assert promised == pytest.approx([0.7, 0.5, 0.7])


@st.composite
def weighted_cases(draw: st.DrawFn) -> tuple[Ints, Floats, Ints]:
    """Labels of two or more classes, logits with ties, and how often each row counts."""
    labels, logits = draw(st.one_of(cases(), cases_of_more()))
    times = st.lists(st.integers(1, 4), min_size=len(labels), max_size=len(labels))
    return labels, logits, np.array(draw(times))


@given(weighted_cases())
def test_a_row_of_weight_two_counts_as_two_rows(case: tuple[Ints, Floats, Ints]) -> None:
    labels, logits, times = case
    classes, repeated = logits.shape[1], np.repeat(np.arange(len(labels)), times)
    offsets, class_rows = np.linspace(0, 1, classes), np.linspace(1, 150, classes).astype(int)

    def measures(labels: Ints, logits: Floats, weights: Floats) -> dict[str, float]:
        found = classification.all_metrics(labels, logits, offsets, weights)
        found.pop("rows", None)  # tested, whatever they weigh
        found |= long_tail.metrics_by_size(labels, logits, offsets, weights, class_rows)
        decisions = classification.decide(logits, offsets)
        recalls = long_tail.class_recalls(labels, decisions, weights, classes)
        return found | {f"recall {label}": recall for label, recall in enumerate(recalls)}

    unit = np.ones(len(repeated))
    assert measures(labels, logits, times.astype(float)) == pytest.approx(
        measures(labels[repeated], logits[repeated], unit), abs=1e-9
    )
    tuned = thresholds.best_offsets(labels, logits, times.astype(float))
    assert tuned == pytest.approx(
        thresholds.best_offsets(labels[repeated], logits[repeated], unit), abs=1e-9
    )


@given(cases(), st.floats(0.01, 100))
def test_weights_of_two_classes_leave_roc_auc_as_it_is(case: Case, odds: float) -> None:
    labels, logits = case
    weighted, plain = (
        classification.ranking_metrics(labels, logits, weights)["roc_auc"]
        for weights in (np.where(labels == 1, 1, odds), np.ones(len(labels)))
    )
    assert weighted == pytest.approx(plain)
