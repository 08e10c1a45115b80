"""Optimizer steps: the loop of `benchmark/training/loop.py` beside what a person would write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from benchmark.protocol.strategy import cross_entropy
from benchmark.protocol.task import Network
from benchmark.training import batches as batching
from benchmark.training import compiled as compiling
from tasks.images import networks
from tests.speed import plain

Often = Callable[..., Any]
STEPS = 200


def looped(model: Any, x: Any, y: Any, batch: int, steps: int) -> Callable[[], float]:
    """A function that trains `steps` steps and returns the loss of the last one."""
    import keras
    import tensorflow as tf

    network = Network(model, keras.optimizers.Adam(1e-3))
    initial = compiling.initial_network(network)
    compiled = compiling.compile_network(initial, ("speed", batch), compiling.XLA_FROM)
    train_steps = compiled.train_steps(cross_entropy(np.ones(2)))
    rows = batching.Rows.place(x, y, room=0)
    numbers = np.resize(np.arange(len(y)), steps * batch).astype(np.int32).reshape(steps, batch)
    weights = np.ones((steps, batch), np.float32)

    def run() -> float:
        losses = []
        calls = np.array_split(np.arange(steps), max(1, steps // 40))
        for part in calls:
            call = (*rows.take(numbers[part]), tf.constant(weights[part]), None)
            losses.append(train_steps(*call, tf.constant(len(part))).numpy())
        return float(np.concatenate(losses).mean())

    return run


@pytest.mark.parametrize("batch", [256, 1024])
def test_the_loop_reaches_the_loss_of_fit(batch: int) -> None:
    x, y = plain.table()
    plain._compiled.cache_clear()
    expected = plain.fit_dense(batch, 40)
    assert looped(plain.dense(), x, y, batch, 40)() == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("batch", [256, 1024])
def test_dense_steps(batch: int, often: Often, benchmark: Any) -> None:
    benchmark.group = f"{STEPS} steps, MLP 128-64-2 on 30 columns, batch {batch}"
    x, y = plain.table()
    often(looped(plain.dense(), x, y, batch, STEPS))


@pytest.mark.parametrize("batch", [256, 1024])
def test_dense_steps_with_fit(batch: int, often: Often, benchmark: Any, plainly: Any) -> None:
    benchmark.group = f"{STEPS} steps, MLP 128-64-2 on 30 columns, batch {batch}"
    often(plainly, plain.fit_dense, batch, STEPS)


def test_dense_steps_floor(often: Often, benchmark: Any) -> None:
    """The matrix products of the MLP alone, by NumPy on one thread: what no loop can beat."""
    batch = 256
    benchmark.group = f"{STEPS} steps, MLP 128-64-2 on 30 columns, batch {batch}"
    sizes = [(plain.COLUMNS, 128), (128, 64), (64, 2)]
    layers = [
        (np.ones((batch, before), "f"), np.ones((before, after), "f"), np.ones((batch, after), "f"))
        for before, after in sizes
    ]

    def products() -> None:
        for number, (x, w, dy) in enumerate(layers):
            x @ w, x.T @ dy
            if number:  # the first layer's input needs no gradient
                dy @ w.T

    with threadpool_limits(1):
        often(lambda: [products() for _ in range(STEPS)])


@pytest.fixture(scope="module")
def images() -> Iterator[tuple[Any, Any]]:
    rng = np.random.default_rng(0)
    yield rng.integers(0, 255, (1650, 64, 64, 3), np.uint8), rng.integers(0, 2, 1650)


@pytest.mark.parametrize("kind", ["compact", "simple"])
def test_image_steps(kind: str, often: Often, benchmark: Any, images: Any) -> None:
    """Through the loop, rows gathered by the host."""
    benchmark.group = f"20 steps of 32 images, {kind}, one thread"
    often(looped(networks.BUILDERS[kind].model(64, 2), *images, 32, 20))


@pytest.mark.parametrize("kind", ["compact", "simple"])
def test_image_steps_bare(kind: str, often: Often, benchmark: Any, images: Any) -> None:
    """The same network on batches that lie in memory as tensors: nothing but its arithmetic."""
    import keras
    import tensorflow as tf

    benchmark.group = f"20 steps of 32 images, {kind}, one thread"
    model, optimizer = networks.BUILDERS[kind].model(64, 2), keras.optimizers.Adam(1e-3)
    optimizer.build(model.trainable_variables)
    x, y = tf.constant(images[0][:32]), tf.one_hot(images[1][:32], 2)

    @tf.function  # type: ignore[untyped-decorator]
    def step() -> None:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(cross_entropy(np.ones(2))(y, model(x, training=True)))
        variables = model.trainable_variables
        optimizer.apply(tape.gradient(loss, variables), variables)

    often(lambda: [step() for _ in range(20)])
