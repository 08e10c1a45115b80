"""Prevalence of rows without labels: what adapting to it gains, and costs where nothing moved."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from benchmark.metrics.classification import log_loss
from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.calibration import Calibration
from benchmark.training.prevalence import FEWEST, adapted, estimate

KNOWN = np.array([0.9, 0.1])


def rows(rng: np.random.Generator, count: int, share: float) -> tuple[Floats, Ints]:
    """Logits that are calibrated at a prevalence of 0.1, of rows with another one."""
    labels = (rng.random(count) < share).astype(np.int64)
    values = rng.normal(2 * labels, 1)  # log-likelihood ratio 2 v - 2
    odds = 2 * values - 2 + np.log(KNOWN[1] / KNOWN[0])
    return np.column_stack([-odds / 2, odds / 2]), labels


def probabilities(logits: Floats) -> Floats:
    p = expit(logits[:, 1] - logits[:, 0])
    return np.column_stack([1 - p, p])


@pytest.mark.parametrize("share", [0.02, 0.1, 0.4, 0.8])
def test_the_shares_are_found_without_a_label(share: float) -> None:
    logits, labels = rows(np.random.default_rng(0), 20_000, share)
    found = estimate(probabilities(logits), KNOWN)
    assert found.sum() == pytest.approx(1, abs=1e-3)
    assert found[1] == pytest.approx(labels.mean(), abs=0.015)


def losses(count: int, share: float) -> tuple[float, float]:
    """Mean log loss of batches, as they are and adapted."""
    rng, plain = np.random.default_rng(1), Calibration(np.zeros(2))
    found = []
    for _ in range(100):
        logits, labels = rows(rng, count, share)
        moved = adapted(plain, probabilities(logits), KNOWN)
        found.append([log_loss(labels, z, np.ones(count)) for z in (logits, moved(logits))])
    before, after = np.mean(found, axis=0)
    return float(before), float(after)


def test_it_gains_where_the_prevalence_moved_and_costs_little_where_not() -> None:
    before, after = losses(500, 0.4)
    assert after < before - 0.1
    before, after = losses(500, 0.1)
    assert before - 0.005 < after < before + 0.005
    before, after = losses(100, 0.1)
    assert after < before + 0.01


def test_few_rows_are_left_as_they_are() -> None:
    logits, _ = rows(np.random.default_rng(0), FEWEST - 1, 0.6)
    plain = Calibration(np.zeros(2))
    assert adapted(plain, probabilities(logits), KNOWN) is plain
