"""Weights by nearness, and intervals from weighted values."""

import numpy as np
import pytest

from benchmark.metrics import nearby
from benchmark.protocol.arrays import Floats

RNG = np.random.default_rng(0)
PLACES = RNG.normal(size=(60, 2))


def test_weights_count_for_what_is_asked_and_fall_with_the_distance() -> None:
    own = np.array([0.5, -0.5])
    weights = nearby.weigh(PLACES, own, 20)
    assert nearby.effective(weights) == pytest.approx(20, abs=0.01)
    distances = ((PLACES - own) ** 2).sum(axis=1)
    assert (
        weights[np.argsort(distances)[:10]].mean() > 5 * weights[np.argsort(distances)[-10:]].mean()
    )
    far = nearby.weigh(PLACES, np.array([50.0, 50.0]), 20)  # no place is near it
    assert nearby.effective(far) == pytest.approx(20, abs=0.01)


def test_few_places_count_alike() -> None:
    np.testing.assert_array_equal(nearby.weigh(PLACES[:20], PLACES[30], 20), np.ones(20))


def test_places_in_the_middle_do_not_count_more_over_all() -> None:
    weights = np.array([nearby.weigh(PLACES, own, 20) for own in PLACES])
    kernel = np.exp(-0.5 * ((PLACES[:, None] - PLACES) ** 2).sum(axis=2))
    order = np.argsort((PLACES**2).sum(axis=1))

    def ratio(given: Floats) -> float:
        total = (given / given.sum(axis=1, keepdims=True)).sum(axis=0)
        return float(total[order[:20]].mean() / total[order[-20:]].mean())

    assert ratio(kernel) > 1.7
    assert ratio(weights) < 1.4


@pytest.mark.parametrize("number", [19, 39])
def test_an_interval_holds_a_further_value(number: int) -> None:
    """Exactly so for equal weights and quantiles on a value, by the ranks of values alike."""
    rng = np.random.default_rng(1)
    held = []
    for further, *values in rng.standard_t(2, size=(4000, number + 1)):
        low, high = nearby.interval(np.array(values), np.ones(number), 0.9)
        held.append(low <= further <= high)
    assert np.mean(held) == pytest.approx(0.9, abs=3 * (0.09 / 4000) ** 0.5)


def test_an_interval_of_few_values_ends_at_the_extremes() -> None:
    assert nearby.interval(np.array([3.0, 1.0, 2.0]), np.ones(3), 0.9) == (1, 3)


def test_values_without_weight_do_not_widen_an_interval() -> None:
    values, weights = np.array([*np.linspace(0, 1, 30), -9.0, 9.0]), np.array([*np.ones(30), 0, 0])
    low, high = nearby.interval(values, weights, 0.9)
    assert 0 <= low < 0.1 and 0.9 < high <= 1
