"""Weighted rows tell the same as rows that are drawn at the population's prevalence, but better."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.metrics import classification
from benchmark.protocol.arrays import Floats, Ints
from benchmark.training.predictions import row_weights
from tests.prices import errors

CATS, DOGS, ALL_DOGS = 1000, 100, 1450
SHARES = np.array([CATS, DOGS]) / (CATS + DOGS)
OFFSETS = np.array([0.0, 0.4])
DRAWS = 300
# the calibration error of fewer rows is larger, since noise adds to it
UNBIASED = ("f1", "precision", "recall", "mcc", "average_precision", "brier", "log_loss", "cost")


def measures(labels: Ints, logits: Floats, weights: Floats) -> list[float]:
    values = classification.all_metrics(labels, logits, OFFSETS, weights)
    decisions = classification.decide(logits, OFFSETS)
    values["cost"] = errors(1, 20).of(labels, decisions, weights, np.arange(len(labels)))
    return [values[name] for name in UNBIASED]


@pytest.mark.slow
def test_the_measures_of_weighted_rows_are_those_of_a_sample_with_a_smaller_spread() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], [CATS, ALL_DOGS])
    weights = row_weights(labels, SHARES)
    sample = slice(CATS + DOGS)  # as many dogs as are true to the population
    weighted, drawn = np.empty((2, DRAWS, len(UNBIASED)))
    for draw in range(DRAWS):
        scores = rng.normal(2.2 * labels - 2.5)
        logits = np.column_stack([np.zeros(len(labels)), scores])
        weighted[draw] = measures(labels, logits, weights)
        drawn[draw] = measures(labels[sample], logits[sample], np.ones(CATS + DOGS))
    errors = (weighted - drawn).std(axis=0) / np.sqrt(DRAWS)
    apart = np.abs(weighted.mean(axis=0) - drawn.mean(axis=0)) / errors
    assert apart.max() < 4, dict(zip(UNBIASED, apart, strict=True))
    spread = dict(zip(UNBIASED, weighted.std(axis=0) / drawn.std(axis=0), strict=True))
    assert spread["f1"] < 0.7 and max(spread.values()) < 1, spread
    # without weights they are those of another population
    unweighted = measures(labels, logits, np.ones(len(labels)))
    precision = UNBIASED.index("precision")
    assert unweighted[precision] > weighted[:, precision].max()


def test_rows_of_the_population_itself_keep_weights_of_one() -> None:
    labels = np.repeat([0, 1], [CATS, DOGS])
    assert row_weights(labels, SHARES) == pytest.approx(np.ones(CATS + DOGS))


@pytest.mark.parametrize("decided", [0, 1])
def test_decisions_for_one_class_have_no_correlation_whatever_the_weights(decided: int) -> None:
    labels = np.repeat([0, 1], [661, 12])
    weights = np.array([5 / 661, 1 / 12])[labels]  # whose rounded variance is below zero
    found = classification.decision_metrics(labels, np.full(673, decided), weights, 2)
    assert found["mcc"] == 0
