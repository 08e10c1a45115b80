"""Each strategy's formula against a computation of its own, mostly in the paper's notation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import log_softmax, softmax
from sklearn.metrics import fbeta_score
from sklearn.utils.class_weight import compute_class_weight

from benchmark.metrics import classification
from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.strategy import Features, Priors, Resampling, Strategy, cross_entropy
from strategies.baseline import prior_bias
from strategies.losses import focal, logit_adjust
from strategies.posthoc import logit_shift, prior_correction
from strategies.resampling import oversample, smote, undersample
from strategies.thresholds import threshold
from strategies.weighting import class_weight, effective_number

TWO = np.array([0.9, 0.1])
THREE = np.array([0.7, 0.25, 0.05])
BOTH = pytest.mark.parametrize("priors", [TWO, THREE], ids=len)
LABELS = {2: np.repeat([0, 1], [90, 10]), 3: np.repeat([2, 0, 1], [10, 60, 30])}


def example(classes: int) -> tuple[Ints, Floats]:
    rng = np.random.default_rng(classes)
    return rng.integers(0, classes, 40), rng.normal(size=(40, classes)) * 3


def losses(loss: Any, labels: Ints, logits: Floats) -> tuple[Floats, Floats]:
    """Loss of each row and its gradient with respect to the logits, through TensorFlow."""
    import tensorflow as tf

    targets = tf.one_hot(labels, logits.shape[1], dtype=logits.dtype)
    variable = tf.Variable(logits)
    with tf.GradientTape() as tape:
        values = loss(targets, tf.convert_to_tensor(variable))
    return values.numpy(), tape.gradient(values, variable).numpy()


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize(("priors", "alpha"), [(TWO, None), (THREE, None), (TWO, 0), (TWO, 0.75)])
def test_focal_is_minus_alpha_times_one_minus_p_to_the_gamma_log_p(
    priors: Floats, alpha: float | None, gamma: float
) -> None:
    labels, logits = example(len(priors))
    p = softmax(logits, axis=1)[np.arange(40), labels]
    alpha_c = 1 if alpha is None else np.where(labels == 1, alpha, 1 - alpha)
    values, _ = losses(focal(gamma=gamma, alpha=alpha).loss(priors), labels, logits)
    assert values == pytest.approx(-alpha_c * (1 - p) ** gamma * np.log(p), rel=1e-6)


@pytest.mark.parametrize("size", [100.0, 30.0])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_focal_is_finite_however_sure_the_network_is(size: float, gamma: float, kind: Any) -> None:
    labels = np.array([0, 0, 1, 1])
    logits = np.array([[size, -size], [-size, size]] * 2, kind)
    values, gradients = losses(focal(gamma=gamma).loss(TWO), labels, logits)
    assert np.isfinite(values).all() and np.isfinite(gradients).all()
    assert values[1:3] == pytest.approx(2 * size, rel=1e-5)  # -log p of the wrong rows
    assert np.abs(gradients[1:3]) == pytest.approx(1, rel=1e-5)


@BOTH
def test_focal_without_gamma_is_cross_entropy(priors: Floats) -> None:
    labels, logits = example(len(priors))
    without = losses(focal(gamma=0).loss(priors), labels, logits)
    for got, expected in zip(without, losses(cross_entropy(priors), labels, logits), strict=True):
        assert got == pytest.approx(expected, rel=1e-6, abs=1e-9)


@BOTH
@pytest.mark.parametrize("tau", [0.0, 0.5, 1.0, 2.0])
def test_logit_adjusted_loss_is_cross_entropy_on_shifted_logits(priors: Floats, tau: float) -> None:
    labels, logits = example(len(priors))
    expected = -log_softmax(logits + tau * np.log(priors), axis=1)[np.arange(40), labels]
    values, _ = losses(logit_adjust(tau=tau).loss(priors), labels, logits)
    assert values == pytest.approx(expected, rel=1e-6)


@BOTH
def test_prior_bias_makes_a_network_without_inputs_predict_the_priors(priors: Floats) -> None:
    assert softmax(prior_bias().bias(priors)) == pytest.approx(priors, rel=1e-6)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_balanced_weights_have_the_ratios_of_scikit_learn(classes: int, gamma: float) -> None:
    labels = LABELS[classes]
    balanced = compute_class_weight("balanced", classes=np.arange(classes), y=labels)
    weights = class_weight(gamma=gamma).weigh(labels, classes)
    expected = (balanced[labels] / balanced[labels[0]]) ** gamma
    assert weights / weights[0] == pytest.approx(expected, rel=1e-6)


def test_a_given_weight_is_that_of_the_positive_class_over_the_negative() -> None:
    assert class_weight(positive=25.0).weigh(LABELS[2], 2).tolist() == [1] * 90 + [25] * 10


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("beta", [0.0, 0.9, 0.999, 0.9999999])
def test_effective_number_is_a_geometric_series(classes: int, beta: float) -> None:
    labels = LABELS[classes]
    number = np.array([sum(beta**i for i in range(n)) for n in np.bincount(labels)])
    weights = effective_number(beta=beta).weigh(labels, classes)
    assert weights / weights[0] == pytest.approx(number[labels[0]] / number[labels], rel=1e-6)


def calibrated(strategy: Strategy, logits: Floats, training: Floats, population: Floats) -> Floats:
    calibrate = strategy.calibrate(logits, np.zeros(len(logits)), Priors(training, population))
    return np.asarray(softmax(calibrate(logits), axis=1))


@BOTH
@pytest.mark.parametrize("tau", [0.0, 0.5, 1.0])
def test_logit_shift_divides_probabilities_by_training_priors(priors: Floats, tau: float) -> None:
    _, logits = example(len(priors))
    p = softmax(logits, axis=1) / priors**tau
    shifted = calibrated(logit_shift(tau=tau), logits, priors, priors[::-1])
    assert shifted == pytest.approx(p / p.sum(axis=1, keepdims=True), rel=1e-6)


@pytest.mark.parametrize("kept", [10, 20, 90])
def test_prior_correction_undoes_undersampling_as_dal_pozzolo_does(kept: int) -> None:
    training = np.array([kept, 10]) / (kept + 10)
    _, logits = example(2)
    p_s = softmax(logits, axis=1)[:, 1]
    beta = kept / 90  # the probability with which a negative row was kept
    corrected = calibrated(prior_correction(), logits, training, TWO)[:, 1]
    assert corrected == pytest.approx(beta * p_s / (beta * p_s - p_s + 1), rel=1e-6)


def resampled(strategy: Strategy, labels: Ints, table: Features) -> Resampling:
    return strategy.resample(labels, lambda: table, np.random.default_rng(3))


@pytest.mark.parametrize(
    ("classes", "ratio", "least", "most"),
    [
        (2, 1.0, [90, 90], [10, 10]),
        (2, 0.5, [90, 45], [20, 10]),
        (3, 1.0, [60, 60, 60], [10, 10, 10]),
        (3, 0.5, [60, 30, 30], [20, 20, 10]),
        (3, 0.25, [60, 30, 15], [40, 30, 10]),
    ],
)
def test_resampling_fills_up_or_thresholds_down_to_the_ratio(
    classes: int, ratio: float, least: list[int], most: list[int]
) -> None:
    labels = LABELS[classes]
    table = Features(np.random.default_rng(0).normal(size=(len(labels), 3)), ())
    for make in (oversample, smote):
        drawn = resampled(make(ratio=ratio), labels, table)
        assert np.bincount(drawn.take(labels, drawn.generated_labels)).tolist() == least
        assert set(range(len(labels))) <= set(drawn.rows.tolist())  # no row is lost
    rows = resampled(undersample(ratio=ratio), labels, table).rows
    assert np.bincount(labels[rows]).tolist() == most
    assert len(np.unique(rows)) == len(rows)  # no row is repeated


@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("labels", LABELS.values(), ids=["two", "three"])
def test_smote_rows_lie_between_a_row_and_one_of_its_k_nearest_of_the_class(
    labels: Ints, k: int
) -> None:
    values = np.random.default_rng(1).normal(size=(len(labels), 4)) + labels[:, None]
    drawn = resampled(smote(k=k), labels, Features(values, ()))
    for row, label in zip(drawn.generated, drawn.generated_labels, strict=True):
        same = values[labels == label]
        distance = np.linalg.norm(same[:, None] - same[None], axis=2)
        nearest = np.argsort(distance, axis=1)[:, 1 : k + 1]
        start, way = same[:, None], same[nearest] - same[:, None]
        share = ((row - start) * way).sum(axis=2) / (way**2).sum(axis=2)
        off = np.linalg.norm(start + np.clip(share, 0, 1)[..., None] * way - row, axis=2)
        assert off.min() < 1e-6


def test_smote_gives_category_columns_codes_that_the_class_has() -> None:
    labels, rng = LABELS[2], np.random.default_rng(2)
    codes = np.where(labels == 1, rng.choice([0, 7], 100), rng.choice([3, 5], 100))
    values = np.stack([rng.normal(size=100), codes, rng.normal(size=100)], axis=1)
    drawn = resampled(smote(), labels, Features(values.astype(np.float32), (1,)))
    assert set(drawn.generated[:, 1].tolist()) == {0.0, 7.0}
    assert len(np.unique(drawn.generated[:, 0])) == len(drawn.generated) == 80


def test_smote_takes_tables_of_categories_alone() -> None:
    rng = np.random.default_rng(0)
    labels = (np.arange(120) % 6 == 0).astype(np.int64)
    values = np.where(labels[:, None], rng.integers(0, 2, (120, 3)), rng.integers(2, 5, (120, 3)))
    drawn = resampled(smote(), labels, Features(values.astype(np.float32), (0, 1, 2)))
    assert len(drawn.rows) == 200 and (drawn.generated_labels == 1).all()
    assert set(drawn.generated.ravel().tolist()) == {0.0, 1.0}  # the codes that the rare class has


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("seed", range(3))
def test_threshold_decides_with_the_largest_f_beta_of_all_thresholds(
    beta: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    labels = (rng.random(80) < 0.25).astype(np.int64)
    scores = np.round(rng.normal(size=80) + labels - 2, 1)
    logits = np.stack([-scores, np.zeros(80)], axis=1)
    decisions = classification.decide(logits, threshold(beta=beta).threshold(logits, labels))
    best = max(
        fbeta_score(labels, scores >= threshold, beta=beta) for threshold in np.unique(scores)
    )
    assert fbeta_score(labels, decisions, beta=beta) == pytest.approx(best)
