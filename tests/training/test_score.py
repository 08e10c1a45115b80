"""From predictions to scores, on predictions made by hand: nothing is trained here."""

from __future__ import annotations

import dataclasses
import io
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from benchmark.metrics import classification
from benchmark.metrics.thresholds import best_offsets
from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.strategy import NONE, Features, OutputLayer, Priors, Resampling, Strategy
from benchmark.protocol.task import Splits
from benchmark.training import predictions as fit_files
from benchmark.training import score as scoring
from benchmark.training.predictions import Fit, Predictions
from benchmark.training.stages import plan_stages

THRESHOLD = 1.25  # of the log odds
SHIFT = 3.0


def predictions(seed: int, rows: int = 200) -> Predictions:
    """Of a network that ranks well but says "negative" far too often."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(rows) < 0.2).astype(np.int64)

    def logits() -> Floats:
        scores = rng.normal(size=rows) + 3 * labels - 3
        return np.stack([-scores / 2, scores / 2], axis=1).astype(np.float32).astype(np.float64)

    return Predictions(np.arange(rows) + 1000 * seed, labels, logits(), logits(), np.ones(rows))


FIT = Fit(
    validation=predictions(1),
    test=predictions(2),
    outputs=dict.fromkeys(("best", "last"), OutputLayer(np.array([3.0, 2.0]), np.zeros(2))),
    priors=Priors(training=np.array([0.5, 0.5]), population=np.array([0.8, 0.2])),
    trained_rows=1600,
    class_rows=np.array([1280, 320]),
    best_step=70,
    seconds={"data": 0.5, "training": 12.345678901234},
    compiled=True,
    device="CPU: an abacus",
    curves={"train/loss": [(10, 0.7), (20, 1 / 3)], "val/average_precision": [(20, 0.25)]},
)


def shifted(logits: Floats, labels: Ints, priors: Priors) -> Callable[[Floats], Floats]:
    return lambda logits: logits + np.array([0, SHIFT])


def threshold_at(logits: Floats, labels: Ints) -> Floats:
    return np.array([0.0, -THRESHOLD])


def scores_of(part: Predictions, weights: str = "best") -> Floats:
    logits = getattr(part, weights)
    return np.asarray(logits[:, 1] - logits[:, 0])


def best_f1(part: Predictions, weights: str) -> float:
    """The threshold on the log odds, found by trying all."""
    scores = np.sort(scores_of(part, weights))
    thresholds = [scores[0] - 1, *(scores[1:] + scores[:-1]) / 2]
    return max(
        thresholds,
        key=lambda threshold: f1_score(part.labels, scores_of(part, weights) > threshold),
    )


@pytest.mark.parametrize(
    ("strategy", "threshold", "shift"),
    [
        (NONE, 0.0, 0.0),
        (Strategy(threshold=threshold_at), THRESHOLD, 0.0),
        (Strategy(calibrate=shifted), 0.0, SHIFT),
        (Strategy(calibrate=shifted, threshold=threshold_at), THRESHOLD, SHIFT),
    ],
)
@pytest.mark.parametrize(("weights", "prefix"), [("best", "test"), ("last", "test_last_step")])
def test_decided_at_half_and_at_the_tuned_threshold(
    strategy: Strategy, threshold: float, shift: float, weights: str, prefix: str
) -> None:
    got = scoring.score(strategy, FIT).metrics
    scores = scores_of(FIT.test, weights)
    tuned = best_f1(FIT.validation, weights)  # a calibration does not move it
    for suffix, raw_threshold in {
        "": threshold - shift,
        "_at_half": -shift,
        "_tuned": tuned,
    }.items():
        for name, measure in (
            ("f1", f1_score),
            ("precision", precision_score),
            ("recall", recall_score),
        ):
            expected = measure(FIT.test.labels, scores > raw_threshold, zero_division=0)
            assert got[f"{prefix}/{name}{suffix}"] == pytest.approx(expected), (name, suffix)
    assert got[f"{prefix}/threshold"] == pytest.approx(1 / (1 + math.exp(-threshold)))
    assert got[f"{prefix}/threshold_tuned"] == pytest.approx(1 / (1 + math.exp(-(tuned + shift))))


def test_a_threshold_leaves_probabilities_alone_and_a_calibration_moves_them() -> None:
    plain, threshold, moved = (
        scoring.score(strategy, FIT)
        for strategy in (NONE, Strategy(threshold=threshold_at), Strategy(calibrate=shifted))
    )
    assert threshold.logits.tolist() == plain.logits.tolist()
    assert threshold.decisions.tolist() != plain.decisions.tolist()
    expected = 1 / (1 + np.exp(-scores_of(FIT.test) - SHIFT))
    assert classification.positive_probabilities(moved.logits) == pytest.approx(expected)
    for name in ("average_precision", "roc_auc"):
        assert moved.metrics[f"test/{name}"] == plain.metrics[f"test/{name}"]
        assert threshold.metrics[f"test/{name}"] == plain.metrics[f"test/{name}"]
    assert (
        threshold.metrics["test/brier"]
        == plain.metrics["test/brier"]
        != moved.metrics["test/brier"]
    )


def test_f1_as_decided_comes_first() -> None:
    assert next(iter(scoring.score(NONE, FIT).metrics)) == "test/f1"


def test_the_decision_part_is_handed_validation_predictions_and_priors() -> None:
    seen: list[Any] = []

    def calibrate(logits: Floats, labels: Ints, priors: Priors) -> Callable[[Floats], Floats]:
        seen.append((logits.tolist(), labels.tolist(), priors))
        return lambda logits: 2 * logits

    def threshold(logits: Floats, labels: Ints) -> Floats:
        seen.append((logits.tolist(), labels.tolist()))
        return np.zeros(2)

    scoring.score(Strategy(calibrate=calibrate, threshold=threshold), FIT)
    labels = FIT.validation.labels.tolist()
    assert seen == [
        call
        for logits in (FIT.validation.best, FIT.validation.last)
        for call in (
            (logits.tolist(), labels, FIT.priors),
            ((2 * logits).tolist(), labels),
        )
    ]


def with_test_labels(labels: Ints) -> Fit:
    return dataclasses.replace(FIT, test=dataclasses.replace(FIT.test, labels=labels))


def test_test_labels_influence_no_choice() -> None:
    strategy = Strategy(calibrate=shifted, threshold=threshold_at)
    one = scoring.score(strategy, FIT)
    other = scoring.score(strategy, with_test_labels(1 - FIT.test.labels))
    assert one.decisions.tolist() == other.decisions.tolist()
    assert one.logits.tolist() == other.logits.tolist()
    for name in ("threshold", "threshold_tuned"):
        assert one.metrics[f"test/{name}"] == other.metrics[f"test/{name}"]
    assert one.metrics["test/f1"] != other.metrics["test/f1"]  # they are read after all


@pytest.mark.parametrize(("offset", "collapsed"), [(0, False), (100, True), (-100, True)])
def test_one_and_the_same_decision_for_every_test_row_is_a_collapse(
    offset: float, collapsed: bool
) -> None:
    strategy = Strategy(threshold=lambda logits, labels: np.array([0.0, offset]))
    assert scoring.score(strategy, FIT).collapsed == collapsed


def test_a_fit_survives_being_stored() -> None:
    back = fit_files.from_bytes(fit_files.to_bytes(FIT))
    for name in ("trained_rows", "best_step", "seconds", "compiled", "device", "curves"):
        assert getattr(back, name) == getattr(FIT, name)
        assert type(getattr(back, name)) is type(getattr(FIT, name))
    for part in ("validation", "test", "priors"):
        for name, values in vars(getattr(FIT, part)).items():
            stored = getattr(getattr(back, part), name)
            assert stored.tolist() == values.tolist()
            assert stored.dtype == values.dtype
    for name, output in FIT.outputs.items():
        assert back.outputs[name].norms.tolist() == output.norms.tolist()
        assert back.outputs[name].bias.tolist() == output.bias.tolist()
    assert scoring.score(NONE, back).metrics == scoring.score(NONE, FIT).metrics


def test_a_stored_fit_holds_no_pickles() -> None:
    with np.load(io.BytesIO(fit_files.to_bytes(FIT)), allow_pickle=False) as arrays:
        assert all(arrays[name].dtype != object for name in arrays)


def test_only_training_rows_and_made_ones_are_trained_on_with_weights_of_mean_one() -> None:
    x, y = np.arange(8.0)[:, None], np.array([0, 1] * 4)
    splits = Splits(x, y, np.array([1, 3, 4, 6]), np.array([0, 2]), np.array([5, 7]))
    seen: list[Any] = []

    def resample(labels: Ints, features: Callable[[], Features], rng: Any) -> Resampling:
        seen.extend([labels.tolist(), features().values[:, 0].tolist()])
        return Resampling(np.array([3, 3, 0, 4]), np.array([[0.5]]), np.array([1]))

    strategy = Strategy(resample=resample, weigh=lambda labels, classes: labels * 8 + 2.0)
    planned = plan_stages(splits, strategy, 2, 10, 0)
    [stage] = planned.stages
    x, y, rows, weights = planned.x, planned.y, stage.rows, stage.weights
    assert stage.steps == 10
    assert seen == [[1, 1, 0, 0], [1, 3, 4, 6]]
    assert x[rows, 0].tolist() == [6, 6, 1, 0.5]
    assert y[rows].tolist() == [0, 0, 1, 1]
    assert weights.tolist() == pytest.approx([1 / 3, 1 / 3, 5 / 3, 5 / 3])


def test_more_classes_are_decided_by_offsets_that_validation_tunes() -> None:
    def part(seed: int) -> Predictions:
        rng = np.random.default_rng(seed)
        labels = rng.choice(3, 300, p=[0.7, 0.2, 0.1])
        logits = rng.normal(size=(300, 3)) + 2 * np.eye(3)[labels] + [2, 0, -1]
        return Predictions(np.arange(300), labels, logits, logits, np.ones(300))

    shares = np.array([0.7, 0.2, 0.1])
    fit = dataclasses.replace(
        FIT,
        validation=part(1),
        test=part(2),
        priors=Priors(shares, shares),
        best_step=20,
        class_rows=np.array([700, 60, 10]),
    )
    got = scoring.score(NONE, fit)
    truth, logits = fit.test.labels, fit.test.best
    plain = f1_score(truth, logits.argmax(axis=1), average="macro")
    assert got.metrics["test/f1"] == got.metrics["test/f1_at_half"] == pytest.approx(plain)
    offsets = best_offsets(fit.validation.labels, fit.validation.best, np.ones(300))
    tuned = f1_score(truth, (logits + offsets).argmax(axis=1), average="macro")
    assert got.metrics["test/f1_tuned"] == pytest.approx(tuned)
    assert tuned > plain
    assert got.metrics["test/f1_upper_bound"] >= got.metrics["test/f1_tuned"]
    threshold = scoring.score(
        Strategy(threshold=lambda logits, labels: best_offsets(labels, logits, np.ones(300))), fit
    )
    assert threshold.metrics["test/f1"] == got.metrics["test/f1_tuned"]
    found = np.array(
        [(logits.argmax(axis=1) == truth)[truth == label].mean() for label in range(3)]
    )
    for label, group in enumerate(("many", "medium", "few")):
        assert got.metrics[f"test/accuracy_{group}"] == pytest.approx(found[label])
    assert not {"test/threshold", "test/threshold_tuned"} & set(got.metrics)


def test_weights_of_mean_one_give_the_rows_the_class_shares_of_the_population() -> None:
    labels = np.repeat([0, 1], [1000, 1450])
    weights = fit_files.row_weights(labels, np.array([10, 1]) / 11)
    assert weights.mean() == pytest.approx(1)
    assert weights[labels == 0].sum() == pytest.approx(10 * weights[labels == 1].sum())
    assert len(np.unique(weights)) == 2
    assert fit_files.row_weights(labels, None).tolist() == [1.0] * 2450
    none = np.empty(0, np.int64)
    assert fit_files.row_weights(none, np.array([0.9, 0.1])).tolist() == []


def test_every_score_on_test_is_weighted() -> None:
    weights = fit_files.row_weights(FIT.test.labels, np.array([0.95, 0.05]))
    weighted = dataclasses.replace(FIT, test=dataclasses.replace(FIT.test, weights=weights))
    at = -1.0  # of the log odds, where there are false positives
    strategy = Strategy(threshold=lambda logits, labels: np.array([0.0, -at]))
    got, plain = scoring.score(strategy, weighted), scoring.score(strategy, FIT)
    truth, scores = FIT.test.labels, scores_of(FIT.test)
    positive = got.metrics["test/true_positives"] + got.metrics["test/false_negatives"]
    assert positive == pytest.approx(0.05 * len(truth))
    tuned = best_f1(FIT.validation, "best")  # validation has no weights
    for name, threshold in {"": at, "_at_half": 0, "_tuned": tuned}.items():
        expected = f1_score(truth, scores > threshold, sample_weight=weights)
        assert got.metrics[f"test/f1{name}"] == pytest.approx(expected)
    upper = max(f1_score(truth, scores > at, sample_weight=weights) for at in [-99, *scores])
    assert got.metrics["test/f1_upper_bound"] == pytest.approx(upper)
    for name in ("threshold", "threshold_tuned", "recall", "roc_auc"):
        assert got.metrics[f"test/{name}"] == pytest.approx(plain.metrics[f"test/{name}"])
    for name in ("f1", "precision", "mcc", "average_precision", "brier", "log_loss", "ece"):
        assert got.metrics[f"test/{name}"] != pytest.approx(plain.metrics[f"test/{name}"]), name


def test_the_rows_of_test_alone_stand_for_the_population() -> None:
    y = np.array([0, 1, 0, 1, 1, 1])
    parts = [np.array(rows) for rows in ([0], [1, 2], [0, 3, 4, 5])]
    splits = Splits(np.zeros((6, 1)), y, *parts, population=np.array([0.75, 0.25]))
    logits = np.zeros((4, 2))
    test = fit_files.of_split(splits, "test", logits, logits)
    assert test.labels.tolist() == [0, 1, 1, 1]
    assert test.weights == pytest.approx([3, 1 / 3, 1 / 3, 1 / 3])
    validation = fit_files.of_split(splits, "validation", logits[:2], logits[:2])
    assert validation.weights.tolist() == [1, 1]
