"""Dropout: the right share, other masks at every step, none when a network predicts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

STEPS, SHAPE, RATE = 200, (256, 64), 0.3


@pytest.fixture(scope="module")
def layer() -> Any:
    from benchmark.training.dropout import Dropout

    return Dropout(RATE, seed=1)


@pytest.fixture(scope="module")
def kept(layer: Any) -> Any:
    """What a layer keeps at each step, (steps, units)."""
    ones = np.ones(SHAPE, np.float32)
    outputs = np.array([layer(ones, training=True) for _ in range(STEPS)])
    assert set(np.unique(outputs)) == {np.float32(0), np.float32(1 / (1 - RATE))}
    return outputs.reshape(STEPS, -1) > 0


def test_it_drops_the_share_asked_for_as_independent_draws_would(kept: Any) -> None:
    error = (RATE * (1 - RATE) / kept.shape[1]) ** 0.5
    shares = kept.mean(axis=1)
    assert shares.mean() == pytest.approx(1 - RATE, abs=4 * error / STEPS**0.5)
    assert shares.std() == pytest.approx(error, rel=0.25)
    of_units = kept.mean(axis=0)
    assert of_units.std() == pytest.approx((RATE * (1 - RATE) / STEPS) ** 0.5, rel=0.05)


@pytest.mark.parametrize("apart", [(1, 0), (2, 0), (0, 1), (0, 64), (0, 4096), (1, 1)])
def test_masks_of_steps_and_units_do_not_correlate(kept: Any, apart: tuple[int, int]) -> None:
    centred = kept - (1 - RATE)
    steps, units = apart
    product = centred[: STEPS - steps, : kept.shape[1] - units] * centred[steps:, units:]
    assert abs(product.mean()) < 4 * RATE * (1 - RATE) / product.size**0.5


def test_a_seed_repeats_and_another_seed_differs() -> None:
    from benchmark.training.dropout import Dropout

    ones = np.ones(SHAPE, np.float32)
    first, again, other = (
        np.asarray(Dropout(RATE, seed=s)(ones, training=True)) for s in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert (first != other).mean() == pytest.approx(2 * RATE * (1 - RATE), abs=0.02)


def test_a_network_that_predicts_keeps_everything(layer: Any) -> None:
    rows = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    assert np.array_equal(layer(rows, training=False), rows)


def test_masks_are_the_same_when_compiled_by_xla() -> None:
    import tensorflow as tf

    from benchmark.training.dropout import Dropout

    ones = np.ones(SHAPE, np.float32)
    plain, compiled = Dropout(RATE, seed=3), Dropout(RATE, seed=3)
    by_xla = tf.function(lambda x: compiled(x, training=True), jit_compile=True)
    for _ in range(3):
        assert np.array_equal(plain(ones, training=True), by_xla(ones))
