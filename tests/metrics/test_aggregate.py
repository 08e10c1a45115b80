"""Aggregates over data sets and seeds."""

import numpy as np
import pytest
from scipy.stats import trim_mean

from benchmark.metrics import aggregate


def test_interquartile_mean_is_scipys_trimmed_mean() -> None:
    scores = np.random.default_rng(0).normal(size=(13, 5))
    found = aggregate.interquartile_mean(scores, np.random.default_rng(1))
    assert found.mean == pytest.approx(trim_mean(scores.ravel(), 0.25), abs=1e-12)
    assert found.low < found.mean < found.high


def test_the_bootstrap_keeps_data_sets_apart() -> None:
    apart = np.repeat(np.linspace(0, 1, 10)[:, None], 4, axis=1)  # seeds do not differ at all
    found = aggregate.interquartile_mean(apart, np.random.default_rng(1))
    assert found.high - found.low < 1e-12


def test_the_interval_covers_at_its_level() -> None:
    rng = np.random.default_rng(3)
    centres = rng.normal(size=(20, 1))
    truth = aggregate.interquartile_mean(centres + rng.normal(size=(20, 4000)), rng, draws=2).mean
    covered = []
    for _ in range(150):
        scores = centres + rng.normal(size=(20, 8))
        found = aggregate.interquartile_mean(scores, rng, draws=300)
        covered.append(found.low <= truth <= found.high)
    assert 0.86 < np.mean(covered) < 0.99


def test_a_profile_is_the_share_of_data_sets_near_the_best() -> None:
    gaps = np.array([0.0, 0.01, 0.05, 0.3])
    np.testing.assert_allclose(
        aggregate.profile(gaps, np.array([0.0, 0.01, 0.1, 1.0])), [0.25, 0.5, 0.75, 1]
    )
