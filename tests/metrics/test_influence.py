"""Influences of rows against numerical derivatives of the measures, and their covariance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn import metrics as known

from benchmark.metrics import classification, influence
from benchmark.protocol.arrays import Floats, Ints
from tests.prices import errors

ROWS = 90


@dataclass(frozen=True)
class Rows:
    """Labels, scores with ties, decisions and unequal weights of one test split."""

    labels: Ints
    logits: Floats
    decisions: Ints
    weights: Floats

    @property
    def classes(self) -> int:
        return int(self.logits.shape[1])

    @property
    def average(self) -> str:
        return "binary" if self.classes == 2 else "macro"

    @property
    def contests(self) -> list[tuple[Ints, Floats]]:
        """One class against the rest, written anew."""
        if self.classes == 2:
            return [(self.labels, self.logits[:, 1] - self.logits[:, 0])]
        p = softmax(self.logits, axis=1)
        return [
            ((self.labels == label).astype(int), np.log(p[:, label] / (1 - p[:, label])))
            for label in range(self.classes)
        ]


def rows(classes: int) -> Rows:
    rng = np.random.default_rng(classes)
    labels = rng.choice(classes, ROWS, p=[0.7, 0.3] if classes == 2 else [0.5, 0.3, 0.2])
    logits = rng.normal(size=(ROWS, classes)) + np.eye(classes)[labels]
    logits[30:60] = logits[rng.permutation(30)]  # ties within classes and between them
    return Rows(labels, logits, logits.argmax(axis=1), rng.uniform(0.3, 3, ROWS))


Measure = Callable[[Rows, Floats], float]
Influence = Callable[[Rows], Floats]


def of_decisions(measure: Callable[..., float], **given: float) -> Measure:
    """A measure of scikit-learn at the decisions."""

    def measured(on: Rows, weights: Floats) -> float:
        average = {"average": on.average}
        return float(
            measure(on.labels, on.decisions, sample_weight=weights, **average, **given)  # type: ignore[arg-type]
        )

    return measured


def of_contests(measure: Callable[..., float]) -> Measure:
    """The mean over classes of a measure of scikit-learn on scores."""

    def measured(on: Rows, weights: Floats) -> float:
        found = [measure(*contest, sample_weight=weights) for contest in on.contests]
        return float(np.mean(found))

    return measured


def brier(on: Rows, weights: Floats) -> float:
    if on.classes == 2:
        p = expit(on.logits[:, 1] - on.logits[:, 0])
        return float(known.brier_score_loss(on.labels, p, sample_weight=weights))
    errors = softmax(on.logits, axis=1) - np.eye(on.classes)[on.labels]
    return float(np.average((errors**2).sum(axis=1), weights=weights))


MEASURES: dict[str, tuple[Measure, Influence]] = {
    "f1": (
        of_decisions(known.f1_score),
        lambda on: influence.f1(on.labels, on.decisions, on.classes, on.weights),
    ),
    "f2": (
        of_decisions(known.fbeta_score, beta=2),
        lambda on: influence.f_beta(on.labels, on.decisions, on.classes, on.weights, 2),
    ),
    "precision": (
        of_decisions(known.precision_score),
        lambda on: influence.precision(on.labels, on.decisions, on.classes, on.weights),
    ),
    "recall": (
        of_decisions(known.recall_score),
        lambda on: influence.recall(on.labels, on.decisions, on.classes, on.weights),
    ),
    "balanced accuracy": (
        lambda on, w: known.balanced_accuracy_score(on.labels, on.decisions, sample_weight=w),
        lambda on: influence.balanced_accuracy(on.labels, on.decisions, on.weights),
    ),
    "accuracy": (
        lambda on, w: known.accuracy_score(on.labels, on.decisions, sample_weight=w),
        lambda on: influence.mean(1.0 * (on.labels == on.decisions), on.labels, on.weights),
    ),
    "average precision": (
        of_contests(known.average_precision_score),
        lambda on: influence.average_precision(on.labels, on.logits, on.weights),
    ),
    "ROC AUC": (
        of_contests(known.roc_auc_score),
        lambda on: influence.roc_auc(on.labels, on.logits, on.weights),
    ),
    "Brier": (brier, lambda on: influence.brier(on.labels, on.logits, on.weights)),
    "log loss": (
        lambda on, w: known.log_loss(on.labels, softmax(on.logits, axis=1), sample_weight=w),
        lambda on: influence.log_loss(on.labels, on.logits, on.weights),
    ),
}


def by_differences(measure: Measure, on: Rows) -> Floats:
    """Weight times derivative by the weight of each row, less the mean of its class."""
    found = np.empty(ROWS)
    for row in range(ROWS):
        step = np.zeros(ROWS)
        step[row] = 1e-5
        up, down = measure(on, on.weights + step), measure(on, on.weights - step)
        found[row] = on.weights[row] * (up - down) / 2e-5
    for label in range(on.classes):
        found[on.labels == label] -= found[on.labels == label].mean()
    return found


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", MEASURES)
def test_it_is_the_derivative_by_the_weight_of_a_row(name: str, classes: int) -> None:
    measure, of = MEASURES[name]
    on = rows(classes)
    found = of(on)
    assert found == pytest.approx(by_differences(measure, on), abs=1e-8)
    assert np.abs(found).max() > 1e-4


def test_cost_is_a_mean_over_rows() -> None:
    on, costs = rows(2), errors(1, 8)
    numbers = np.arange(len(on.labels))
    of_row = influence.mean(costs.of_each(on.labels, on.decisions, numbers), on.labels, on.weights)
    expected = by_differences(lambda on, w: costs.of(on.labels, on.decisions, w, numbers), on)
    assert of_row == pytest.approx(expected, abs=1e-6)


def test_calibration_error_with_bins_held_fixed() -> None:
    """Weights that move no row to another bin; signs are those of the bins' gaps."""
    on = rows(2)
    on = Rows(on.labels, on.logits, on.decisions, np.ones(ROWS))
    p = expit(on.logits[:, 1] - on.logits[:, 0])
    places = np.argsort(np.argsort(p, kind="stable"), kind="stable")
    bins = places * 10 // ROWS

    def error(on: Rows, weights: Floats) -> float:
        gaps = np.bincount(bins, weights * (p - on.labels), minlength=10)
        return float(np.abs(gaps).sum() / weights.sum())

    found = influence.calibration_error(on.labels, on.logits, on.weights)
    assert found == pytest.approx(by_differences(error, on), abs=1e-8)
    true, event = classification.predicted_events(on.labels, on.logits)
    assert error(on, on.weights) == pytest.approx(
        classification.calibration_error(true, event, on.weights)
    )


@pytest.mark.parametrize("weight", [1.0, 2.5])
def test_bins_of_calibration_have_equal_weight(weight: float) -> None:
    weights = np.where(np.arange(300) % 3 == 0, weight, 1.0)
    p = np.random.default_rng(0).random(300)
    bins = influence.equal_mass_bins(p, weights)
    masses = np.bincount(bins, weights)
    assert len(masses) == classification.CALIBRATION_BINS
    assert masses == pytest.approx(weights.sum() / 10, abs=weight)
    assert all(p[bins == k].max() <= p[bins == k + 1].min() for k in range(9))


@pytest.mark.parametrize("empty", ["decisions", "positives"])
def test_a_measure_that_is_undefined_has_no_influence(empty: str) -> None:
    labels, decisions = np.array([0, 1, 0, 1]), np.array([0, 0, 0, 0])
    if empty == "positives":
        labels, decisions = np.zeros(4, np.int64), np.array([0, 1, 0, 1])
    of = influence.precision if empty == "decisions" else influence.recall
    assert of(labels, decisions, 2, np.ones(4)).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("name", ["f1", "average precision", "ROC AUC"])
def test_the_sum_of_squares_is_the_variance_over_test_splits(name: str) -> None:
    """One classifier on many test splits of 60 positive and 540 negative rows."""
    rng = np.random.default_rng(1)
    measure, of = MEASURES[name]
    labels = np.repeat([0, 1], [540, 60])
    values, variances = [], []
    for _ in range(300):
        scores = rng.normal(size=600) + 1.5 * labels
        logits = np.stack([np.zeros(600), scores - 1.2], axis=1)
        on = Rows(labels, logits, logits.argmax(axis=1), np.ones(600))
        values.append(measure(on, on.weights))
        variances.append((of(on) ** 2).sum())
    assert np.mean(variances) == pytest.approx(np.var(values), rel=0.25)


@pytest.mark.parametrize("classes", [2, 3])
def test_noise_of_the_calibration_error_is_what_calibrated_probabilities_show(classes: int) -> None:
    rng = np.random.default_rng(2)
    logits = rng.normal(size=(800, classes)) * 1.5
    weights = rng.uniform(0.5, 2, 800)
    p = softmax(logits, axis=1)
    errors, noises = [], []
    for _ in range(300):
        labels = (rng.random((800, 1)) > np.cumsum(p, axis=1)).sum(axis=1)
        events = classification.predicted_events(labels, logits)
        errors.append(classification.calibration_error(*events, weights))
        noises.append(influence.calibration_noise(labels, logits, weights))
    assert np.mean(noises) == pytest.approx(np.mean(errors), rel=0.05)


def layout(
    rng: np.random.Generator, tested: list[Ints], row: float, own: float
) -> influence.Influences:
    """Influences of a strategy: an effect of each row of 1000, and one of row and seed."""
    of_rows = row * rng.normal(size=1000)
    return {
        seed: (numbers, (of_rows[numbers] + own * rng.normal(size=len(numbers))) / len(numbers))
        for seed, numbers in enumerate(tested)
    }


def drawn(rng: np.random.Generator, seeds: int, size: int) -> list[Ints]:
    return [np.sort(rng.choice(1000, size, replace=False)) for _ in range(seeds)]


@pytest.mark.parametrize("fixed", [False, True])
def test_row_covariance_finds_what_two_seeds_share(fixed: bool) -> None:
    """Splits of 200 of 1000 rows share 40; a fixed one shares all of its rows."""
    rng, found = np.random.default_rng(3), []
    for _ in range(300):
        tested = drawn(rng, 1, 200) * 4 if fixed else drawn(rng, 4, 200)
        found.append(influence.row_covariance([layout(rng, tested, 2, 5)])[0, 0])
    shared = 200 if fixed else 40
    assert np.mean(found) == pytest.approx(shared * 2**2 / 200**2, rel=0.1)


def test_row_covariance_is_the_error_of_the_mean_that_more_seeds_do_not_reduce() -> None:
    """Means over 3 and 30 seeds of the same 1000 rows, over many draws of the rows."""
    rng = np.random.default_rng(4)
    means: dict[int, list[float]] = {3: [], 30: []}
    said: dict[int, list[float]] = {3: [], 30: []}
    for _ in range(400):
        for seeds in means:
            one = layout(rng, drawn(rng, seeds, 300), 3, 2)
            sums = [values.sum() for _, values in one.values()]
            means[seeds].append(float(np.mean(sums)))
            within = float(np.mean([(values**2).sum() for _, values in one.values()]))
            rows_ = influence.row_covariance([one])[0, 0]
            said[seeds].append((within - rows_) / seeds + rows_)
    for seeds, values in means.items():
        assert np.var(values) == pytest.approx(np.mean(said[seeds]), rel=0.2)
    assert np.mean(said[30]) > 90 * 3**2 / 300**2  # what the rows alone leave


def test_row_covariance_of_two_strategies_with_unequal_seeds() -> None:
    """They share half of their rows' effects; one has 5 seeds, the other 3."""
    rng, found = np.random.default_rng(5), []
    for _ in range(400):
        tested = drawn(rng, 5, 200)
        common = layout(rng, tested, 2, 0)
        one = {
            seed: (numbers, common[seed][1] + own[1])
            for seed, own in layout(rng, tested, 1, 3).items()
            for numbers in [own[0]]
        }
        two = {
            seed: (own[0], common[seed][1] + own[1])
            for seed, own in layout(rng, tested[:3], 1, 3).items()
        }
        found.append(influence.row_covariance([one, two]))
    pair = 40 / 200**2  # a row's effect counts in 40 of the 200 rows of two seeds
    expected = np.array([[5, 4], [4, 5]]) * pair
    assert np.mean(found, axis=0) == pytest.approx(expected, rel=0.12)
    assert np.array(found)[:, 0, 1] == pytest.approx(np.array(found)[:, 1, 0])


def test_row_covariance_by_hand() -> None:
    rows_ = np.array([7, 9, 12])
    one = {0: (rows_, np.array([1.0, 2, 3])), 1: (rows_[1:], np.array([4.0, 5]))}
    two = {0: (rows_[:1], np.array([6.0]))}
    found = influence.row_covariance([one, two])
    assert found[0, 0] == (2 * 4 + 3 * 5) * 2 / 2  # two ordered pairs of seeds
    assert found[1, 1] == 0  # one seed has no other
    assert found[0, 1] == 0 * 6  # seed 1 of the first did not test row 7
    assert found.shape == (2, 2)
