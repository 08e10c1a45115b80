"""Every measure against a computation that shares no code with it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmark.metrics import classification, long_tail, thresholds
from benchmark.protocol.arrays import Floats, Ints

LABELS = np.array([0, 0, 0, 1, 0, 1, 1, 0])
UNIT = np.ones(8)
SCORES = np.array([-3.0, -1.0, -0.5, -0.4, 0.2, 0.3, 2.0, 2.5])


def logits_of(scores: Floats) -> Floats:
    """Two logits whose difference is the score."""
    return np.stack([-scores / 4, scores * 3 / 4], axis=1)


def f_beta(labels: Ints, positive: Ints, beta: float) -> float:
    hits = int((labels & positive).sum())
    return (1 + beta**2) * hits / (positive.sum() + beta**2 * labels.sum()) if hits else 0.0


def random_case(seed: int) -> tuple[Ints, Floats]:
    """Scores with many ties."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(60) < 0.2).astype(np.int64)
    labels[:2] = 0, 1
    return labels, np.round(rng.normal(size=60) + labels, 1)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
def test_the_best_threshold_is_as_good_as_the_best_of_all_thresholds(
    seed: int, beta: float
) -> None:
    labels, scores = random_case(seed)
    every_threshold = [-math.inf, *np.unique(scores)]
    best = max(
        f_beta(labels, (scores > threshold).astype(int), beta) for threshold in every_threshold
    )
    threshold = thresholds.best_threshold(labels, scores, np.ones(60), beta)
    assert f_beta(labels, (scores > threshold).astype(int), beta) == pytest.approx(best, abs=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_the_best_threshold_lies_half_way_between_two_scores(seed: int) -> None:
    labels, scores = random_case(seed)
    threshold = thresholds.best_threshold(labels, scores, np.ones(60))
    assert threshold == pytest.approx(
        (scores[scores < threshold].max() + scores[scores > threshold].min()) / 2
    )


@pytest.mark.parametrize(
    ("labels", "scores", "threshold"),
    [
        ([0, 0, 1, 1], [0, 1, 2, 3], 1.5),
        ([0, 1, 0, 1], [0, 1, 2, 3], 0.5),
        ([1, 0, 0, 1], [0, 1, 2, 3], -0.5),  # F1 2/3 from all rows or from the last: the lowest
        ([0, 1, 0, 1], [5, 5, 5, 5], 4.5),  # no threshold can part ties
        ([0, 0, 1, 1, 0], [0, 1, 1, 2, 0], 0.5),
        ([0, 0, 1], [-1e8, 0, 1e8], 5e7),
    ],
)
def test_the_best_threshold_of_small_cases(
    labels: list[int], scores: list[float], threshold: float
) -> None:
    given = np.array(labels), np.array(scores, float), np.ones(len(labels))
    assert thresholds.best_threshold(*given) == threshold


@pytest.mark.parametrize("seed", range(4))
def test_moving_the_decision_by_the_best_threshold_decides_as_the_threshold_does(seed: int) -> None:
    labels, scores = random_case(seed)
    threshold = thresholds.best_threshold(labels, scores, np.ones(60))
    decisions = classification.decide(logits_of(scores), np.array([0.0, -threshold]))
    assert decisions.tolist() == (scores > threshold).astype(int).tolist()


@pytest.mark.parametrize("threshold", [0.05, 0.3, 0.5, 0.9])
def test_a_threshold_on_the_probability_is_the_offset_of_its_log_odds(threshold: float) -> None:
    decisions = classification.decide(
        logits_of(SCORES), np.array([0.0, math.log((1 - threshold) / threshold)])
    )
    assert decisions.tolist() == [int(1 / (1 + math.exp(-score)) > threshold) for score in SCORES]


def test_without_offsets_the_largest_logit_decides_for_any_number_of_classes() -> None:
    logits = np.array([[0.1, 0.2, 0.0], [3.0, 2.0, 1.0], [-2.0, -3.0, -1.0]])
    assert classification.decide(logits, np.zeros(3)).tolist() == [1, 0, 2]
    assert classification.decide(logits, np.array([0, 0, 9.0])).tolist() == [2, 2, 2]


def test_decision_metrics_by_hand() -> None:
    decisions = np.array([0, 1, 0, 1, 0, 1, 0, 0])  # 2 hits, 1 false alarm, 1 miss, 4 right noes
    assert classification.decision_metrics(LABELS, decisions, UNIT, 2) == pytest.approx(
        {
            "f1": 4 / 6,
            "precision": 2 / 3,
            "recall": 2 / 3,
            "balanced_accuracy": (2 / 3 + 4 / 5) / 2,
            "mcc": (2 * 4 - 1 * 1) / math.sqrt(3 * 3 * 5 * 5),
            "accuracy": 6 / 8,
            "true_positives": 2,
            "false_positives": 1,
            "false_negatives": 1,
            "true_negatives": 4,
        }
    )


def of_scikit_learn(
    labels: Ints, decisions: Ints, weights: Floats, classes: int
) -> dict[str, float]:
    """The measures of decisions, of one row per pair of classes, as scikit-learn adds them up."""
    from sklearn import metrics

    pairs, pair = np.unique(classes * labels + decisions, return_inverse=True)
    actual, predicted = np.divmod(pairs, classes)
    rows = {"y_true": actual, "y_pred": predicted, "sample_weight": np.bincount(pair, weights)}
    held = {"labels": np.unique(actual), "average": "binary" if classes == 2 else "macro"}
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        **rows, **held, zero_division=0
    )
    varied = np.ptp(actual) and np.ptp(predicted)
    return {
        "f1": f1,
        "precision": precision,
        "recall": recall,
        "balanced_accuracy": metrics.recall_score(**rows, **held | {"average": "macro"}),
        "mcc": metrics.matthews_corrcoef(**rows) if varied else 0.0,
        "accuracy": metrics.accuracy_score(**rows),
    }


@pytest.mark.parametrize("classes", [2, 3, 11, 40])
@pytest.mark.parametrize("seed", range(12))
def test_decision_metrics_are_those_of_scikit_learn_to_the_last_digit(
    classes: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    rows = int(rng.integers(1, 400))
    labels, decisions = rng.integers(0, classes, (2, rows))
    if seed % 3 == 0:
        labels = np.minimum(labels, classes - 2)  # a class without rows
    if seed % 4 == 0:
        decisions[:] = decisions[0]
    weights = rng.uniform(0.1, 3, rows) if seed % 2 else np.ones(rows)
    found = classification.decision_metrics(labels, decisions, weights, classes)
    expected = of_scikit_learn(labels, decisions, weights, classes)
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize(("decision", "f1", "recall"), [(0, 0.0, 0.0), (1, 2 * 3 / (3 + 8), 1.0)])
def test_decisions_that_collapsed_to_one_class_have_numbers(
    decision: int, f1: float, recall: float
) -> None:
    values = classification.decision_metrics(LABELS, np.full(8, decision), UNIT, 2)
    assert values["f1"] == pytest.approx(f1)
    assert values["recall"] == recall
    assert values["balanced_accuracy"] == 0.5
    assert values["mcc"] == 0.0


def test_ranking_metrics_by_hand() -> None:
    pairs = [(p > n) + 0.5 * (p == n) for p in SCORES[LABELS == 1] for n in SCORES[LABELS == 0]]
    # positives stand at the places 2, 3 and 5 from the top
    assert classification.ranking_metrics(LABELS, logits_of(SCORES), UNIT) == pytest.approx(
        {"average_precision": (1 / 2 + 2 / 3 + 3 / 5) / 3, "roc_auc": sum(pairs) / len(pairs)}
    )


def test_brier_and_log_loss_by_hand() -> None:
    p = [1 / (1 + math.exp(-score)) for score in SCORES]
    values = classification.probability_metrics(LABELS, logits_of(SCORES), UNIT)
    squares = [(label - q) ** 2 for label, q in zip(LABELS, p, strict=True)]
    logs = [-math.log(q if label else 1 - q) for label, q in zip(LABELS, p, strict=True)]
    assert values["brier"] == pytest.approx(sum(squares) / 8)
    assert values["log_loss"] == pytest.approx(sum(logs) / 8)


def test_calibration_error_by_hand_over_ten_bins_of_equal_mass() -> None:
    rng = np.random.default_rng(0)
    p = rng.permutation(np.linspace(0.01, 0.6, 40))
    labels = (rng.random(40) < p / 2).astype(np.int64)
    ranked = sorted(zip(p, labels, strict=True))
    gaps = []
    for begin in range(0, 40, 4):
        part = ranked[begin : begin + 4]
        gaps.append(abs(sum(q for q, _ in part) / 4 - sum(int(y) for _, y in part) / 4))
    assert classification.calibration_error(labels, p, np.ones(40)) == pytest.approx(sum(gaps) / 10)


@pytest.mark.parametrize("rows", [3, 8, 25])
def test_a_row_between_two_calibration_bins_is_divided(rows: int) -> None:
    rng = np.random.default_rng(rows)
    p, labels = rng.random(rows), rng.integers(0, 2, rows)
    weights = rng.integers(1, 4, rows)
    # ten copies of each row can be dealt to ten bins without dividing any
    copies = np.repeat(np.argsort(p), 10 * weights[np.argsort(p)])
    bins = copies.reshape(10, -1)
    mean, share = classification.reliability(labels, p, weights.astype(float))
    assert mean == pytest.approx(p[bins].mean(axis=1))
    assert share == pytest.approx(labels[bins].mean(axis=1))
    expected = np.abs(p[bins].mean(axis=1) - labels[bins].mean(axis=1)).mean()
    found = classification.calibration_error(labels, p, weights.astype(float))
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("size", [1e4, 700.0])
@pytest.mark.parametrize("right", [True, False])
def test_extreme_logits_give_finite_measures(size: float, right: bool) -> None:
    scores = np.where((LABELS == 1) == right, size, -size)
    values = classification.all_metrics(LABELS, logits_of(scores), np.zeros(2), UNIT)
    assert all(math.isfinite(value) for value in values.values())
    assert values["log_loss"] == pytest.approx(0 if right else size)
    assert values["brier"] == pytest.approx(0 if right else 1)


def test_all_metrics_begin_with_f1_and_use_the_offsets_for_decisions_only() -> None:
    logits = logits_of(SCORES)
    plain, moved = (
        classification.all_metrics(LABELS, logits, np.array([0, by]), UNIT) for by in (0.0, 0.45)
    )
    assert next(iter(plain)) == "f1"
    assert moved["recall"] == 1.0 > plain["recall"]
    for name in ("average_precision", "roc_auc", "brier", "log_loss", "ece"):
        assert plain[name] == moved[name]


def test_long_tail_metrics_by_hand() -> None:
    logits = np.array(
        [
            [5.0, 4.0, 3.0, 2.0, 1.0, 0.0],
            [5.0, 4.0, 3.0, 2.0, 1.0, 0.0],
            [0.0, 9.0, 3.0, 2.0, 1.0, 4.0],
            [3.0, 2.0, 9.0, 1.0, 4.0, 0.0],
        ]
    )
    labels = np.array([0, 5, 5, 2])  # at places 1, 6, 2 and 1
    rows, unit = np.array([101, 7, 20, 9, 9, 19]), np.ones(4)
    assert long_tail.metrics_by_size(labels, logits, np.zeros(6), unit, rows) == pytest.approx(
        {
            "accuracy_many": 1.0,
            "accuracy_medium": 1.0,
            "accuracy_few": 0.0,
            "map_at_5": (1 + 0 + 1 / 2 + 1) / 4,
        }
    )
    moved = long_tail.metrics_by_size(labels, logits, 9.0 * np.eye(6)[5], unit, rows)
    assert moved["accuracy_few"] == 1.0 and moved["accuracy_many"] == 0.0
    assert "accuracy_medium" not in long_tail.metrics_by_size(
        labels[:2], logits[:2], np.zeros(6), unit[:2], rows
    )


def test_ties_count_against_the_true_class() -> None:
    values = long_tail.metrics_by_size(
        np.array([1]), np.zeros((1, 6)), np.zeros(6), np.ones(1), np.full(6, 50)
    )
    assert values["map_at_5"] == 0


def test_the_recall_of_each_class_and_none_where_there_is_no_row() -> None:
    labels, decisions = np.array([0, 0, 0, 2, 2, 4]), np.array([0, 1, 0, 2, 0, 4])
    found = long_tail.class_recalls(labels, decisions, np.ones(6), 5)
    assert found[[0, 2, 4]] == pytest.approx([2 / 3, 1 / 2, 1])
    assert np.isnan(found[[1, 3]]).all() and len(found) == 5


def test_several_networks_are_one_by_the_mean_of_their_probabilities() -> None:
    rng = np.random.default_rng(0)
    networks = [rng.normal(0, 3, (5, 3)) for _ in range(4)]
    each = [np.exp(z) / np.exp(z).sum(axis=1, keepdims=True) for z in networks]
    assert np.exp(classification.mean_logits(networks)) == pytest.approx(np.mean(each, axis=0))


def test_confusion_counts_rows_by_true_class_and_decision() -> None:
    counts = classification.confusion(np.array([0, 2, 2, 1]), np.array([0, 2, 1, 1]), np.ones(4), 4)
    assert counts.tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
