"""Calibrators: frequencies come out, no order is lost, and what is exported is the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from benchmark.metrics import classification
from benchmark.protocol import grammar
from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.calibration import Calibration, Curve, as_json, from_json
from benchmark.protocol.strategy import Priors, Strategy
from strategies.calibrators import beta, isotonic, platt, temperature

BINARY = ("platt", "beta", "isotonic")
PRIORS = Priors(np.array([0.5, 0.5]), np.array([0.9, 0.1]))

Distortion = Any


def rows(seed: int, count: int, distort: Distortion) -> tuple[Floats, Ints]:
    """Logits of which `distort` changes the true log-odds, and labels."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(-2, 1.6, count)
    labels = (rng.random(count) < expit(odds)).astype(np.int64)
    margins = distort(odds)
    return np.column_stack([-margins / 2, margins / 2]), labels


def fitted(name: str, logits: Floats, labels: Ints) -> Calibration:
    return grammar.read(name).strategy.calibrate(logits, labels, PRIORS)


def error(calibration: Calibration, logits: Floats, labels: Ints) -> float:
    p = classification.positive_probabilities(calibration(logits))
    return classification.calibration_error(labels, p, np.ones(len(labels)))


DISTORTIONS: dict[str, Distortion] = {
    "oversampled": lambda odds: odds + 2,
    "too sure": lambda odds: 3 * odds,
    "one-sided": lambda odds: np.where(odds > -2, 4 * odds, odds),
}


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("kind", DISTORTIONS)
def test_probabilities_become_frequencies(name: str, kind: str) -> None:
    distort = DISTORTIONS[kind]
    logits, labels = rows(0, 4000, distort)
    fresh = rows(1, 20_000, distort)
    found = fitted(name, logits, labels)
    before = error(Calibration(np.zeros(2)), *fresh)
    # two or three numbers cannot follow a bend in the middle
    within_reach = kind != "one-sided" or name == "isotonic"
    assert error(found, *fresh) < (0.03 if within_reach else 0.7 * before)


def test_a_temperature_undoes_a_scale_of_any_number_of_classes() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(6000, 3))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (rng.random((6000, 1)) > p.cumsum(axis=1)).sum(axis=1)
    found = fitted("temperature", 3 * logits, labels)
    assert found.scale == pytest.approx(1 / 3, rel=0.1)
    assert not found.offsets.any()


@pytest.mark.parametrize("name", [*BINARY, "temperature"])
@pytest.mark.parametrize("count", [30, 300, 5000])
def test_the_ranking_stays_even_upside_down_and_beyond_validation(name: str, count: int) -> None:
    for sign in (1, -1):
        logits, labels = rows(count, count, lambda odds, sign=sign: sign * 3 * odds)
        found = fitted(name, logits, labels)
        fresh, truth = rows(7, 3000, lambda odds: 12 * odds)
        ones = np.ones(len(truth))
        calibrated = found(fresh)
        assert np.isfinite(calibrated).all()
        assert (
            np.argsort(calibrated[:, 1] - calibrated[:, 0]).tolist()
            == np.argsort(fresh[:, 1] - fresh[:, 0]).tolist()
        )
        assert classification.average_precision(
            truth, calibrated, ones
        ) == classification.average_precision(truth, fresh, ones)


def test_platt_is_logistic_regression_on_his_targets() -> None:
    logits, labels = rows(3, 500, lambda odds: 2 * odds + 1)
    found = platt().calibrate(logits, labels, PRIORS)
    positives, negatives = labels.sum(), (1 - labels).sum()
    targets = np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    x, y = np.tile(logits[:, 1] - logits[:, 0], 2)[:, None], np.repeat([1, 0], len(labels))
    weights = np.concatenate([targets, 1 - targets])
    expected = LogisticRegression(C=1e9, tol=1e-9).fit(x, y, sample_weight=weights)
    assert found.scale == pytest.approx(expected.coef_[0, 0], rel=1e-3)
    assert found.offsets[1] == pytest.approx(expected.intercept_[0], abs=2e-3)


def test_a_mean_over_folds_is_nearer_to_the_truth_where_rows_are_few(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def of(few: int, seed: int) -> float:
        monkeypatch.setattr("strategies.calibrators.FEW", few)
        found = isotonic().calibrate(*rows(seed, 150, lambda odds: 2 * odds), PRIORS)
        logits, labels = rows(seed + 999, 5000, lambda odds: 2 * odds)
        return classification.log_loss(labels, found(logits), np.ones(5000))

    alone, averaged = (np.array([of(few, seed) for seed in range(40)]) for few in (0, 200))
    assert averaged.mean() < alone.mean()


def test_calibrations_follow_each_other_and_come_back_from_json() -> None:
    logits, _ = rows(0, 400, lambda odds: 2 * odds)
    curve = Curve(np.array([-2.0, 0.0, 1.0]), np.array([-1.0, 0.0, 3.0]))
    assert curve(np.array([-4.0, -1.0, 0.5, 2.0])).tolist() == [-2.0, -0.5, 1.5, 6.0]
    shifted = Calibration(np.array([0.0, 1.0]), np.array([1.0, 2.0]))
    bent, turned = Calibration(np.zeros(2), curves=(curve,)), Calibration(np.array([0.5, 2.0]), 3.0)
    for parts in ((shifted, bent), (bent, turned), (shifted, bent, turned, bent)):
        whole, expected = parts[0], parts[0](logits)
        for part in parts[1:]:
            whole, expected = whole.then(part), part(expected)
        margins = [z[:, 1] - z[:, 0] for z in (whole(logits), expected)]
        assert margins[0] == pytest.approx(margins[1])
        back = from_json(json.loads(json.dumps(as_json(whole))))
        assert np.array_equal(back(logits), whole(logits))
    assert not Calibration(np.zeros(2)).changes and bent.changes and turned.changes


@pytest.mark.slow
@pytest.mark.parametrize("make", [platt, beta, temperature], ids=lambda make: make.__name__)
def test_calibrators_of_few_numbers_need_no_folds(make: Callable[[], Strategy]) -> None:
    """The mean of five fits, each without a fifth of the rows, is as well calibrated as one fit."""
    calibrate, ones, found = make().calibrate, np.ones(4000), []
    for seed in range(60):
        logits, labels = rows(seed, 150, lambda odds: 2 * odds + 1)
        fresh, truth = rows(seed + 999, 4000, lambda odds: 2 * odds + 1)
        fold = np.empty(len(labels), np.int64)
        fold[np.lexsort((logits[:, 1], labels))] = np.arange(len(labels)) % 5
        parts = [calibrate(logits[fold != n], labels[fold != n], PRIORS)(fresh) for n in range(5)]
        ways = calibrate(logits, labels, PRIORS)(fresh), classification.mean_logits(parts)
        found.append(
            [
                classification.calibration_error(*classification.predicted_events(truth, way), ones)
                for way in ways
            ]
        )
    one, averaged = np.mean(found, axis=0)
    print(f"\n{make.__name__}: ECE of one fit {one:.4f}, of the mean of five {averaged:.4f}")
    assert averaged == pytest.approx(one, abs=0.001)
