"""The training loop: many optimizer steps per call, over rows gathered by index.

Resampled epochs are streams of row numbers, never copies of rows.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.strategy import RowLoss
from benchmark.task import Network

Array = NDArray[Any]
Curve = list[tuple[int, float]]  # (step, value)

CHECKPOINTS = 10  # looks at the validation split in a training
LOSS_POINTS = 5  # points of the loss curve between two looks
LONGEST_CALL = 500  # steps; their row numbers are in memory at once
SHUFFLING = 2  # the stream of random numbers that orders the batches
PREDICTION_ROWS = 1024  # at most, a call of the network outside of training


class DivergedError(Exception):
    """The loss stopped being a finite number; the message names the step."""


@dataclass(frozen=True)
class Batches:
    """An endless stream of batches: every row once, shuffled, then all over again."""

    rows: NDArray[np.int64]  # row numbers into x and y, repeats allowed
    weights: NDArray[np.float64]  # (rows,), mean 1
    size: int
    seed: int

    def steps(self, count: int) -> Iterator[tuple[Array, Array]]:
        """Row numbers and weights, (count, size) each, again and again."""
        positions = self._positions()
        while True:
            chosen = np.fromiter(positions, np.int64, count * self.size).reshape(count, self.size)
            yield self.rows[chosen].astype(np.int32), self.weights[chosen].astype(np.float32)

    def _positions(self) -> Iterator[int]:
        rng = np.random.default_rng([self.seed, SHUFFLING])
        while True:
            yield from rng.permutation(len(self.rows)).tolist()


@dataclass(frozen=True)
class Trained:
    """Weights at the best look at validation and after the last step, and the way there."""

    best: list[Array]
    last: list[Array]
    best_step: int
    last_step: int
    curves: dict[str, Curve]
    seconds: float  # spent in optimizer steps, compilation included


@dataclass(frozen=True)
class Rows:
    """Features and labels where the device can reach them."""

    x: Any
    y: Any

    @classmethod
    def on_device(cls, x: Array, y: Array) -> Rows:
        """Copies x (rows, ...) and labels y (rows,)."""
        import tensorflow as tf

        return cls(tf.constant(x), tf.constant(y.astype(np.int32)))


def train(
    network: Network,
    rows: Rows,
    batches: Batches,
    loss: RowLoss,
    steps: int,
    look: Callable[[], dict[str, float]],
    report: Callable[[int], None],
) -> Trained:
    """Trains for `steps` steps and keeps the weights of the best look at validation.

    Args:
        look: returns validation metrics of the network as it is; the first of
            them chooses the checkpoint (larger is better).
        report: is told the number of finished steps now and then.

    Raises:
        DivergedError: when the loss of a step is not finite.
    """
    import tensorflow as tf

    model = network.model
    chunk = min(math.ceil(steps / (CHECKPOINTS * LOSS_POINTS)), LONGEST_CALL)
    advance = _stepper(network, loss)
    curves: dict[str, Curve] = {"train/loss": []}
    best, best_value, best_step = model.get_weights(), -math.inf, 0
    done, looks, seconds = 0, 0, 0.0
    for numbers, weights in batches.steps(chunk):
        started = time.perf_counter()
        count = min(chunk, steps - done)
        losses = advance(rows.x, rows.y, numbers, weights, tf.constant(count)).numpy()[:count]
        seconds += time.perf_counter() - started
        _require_finite(losses, done)
        done += count
        curves["train/loss"].append((done, float(losses.mean())))
        report(done)
        if done * CHECKPOINTS >= (looks + 1) * steps:
            looks = done * CHECKPOINTS // steps
            values = look()
            for name, value in values.items():
                curves.setdefault(name, []).append((done, value))
            value = next(iter(values.values()))
            if value > best_value:
                best, best_value, best_step = model.get_weights(), value, done
        if done == steps:
            break
    return Trained(best, model.get_weights(), best_step, steps, curves, seconds)


def compiles(model: Any) -> bool:
    """Whether XLA should run the model: where it can, on a CPU only where it wins.

    On a CPU it loses on convolutions and on random numbers (dropout).
    """
    import tensorflow as tf
    from keras import layers

    parts = list(model._flatten_layers())
    slow = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D, layers.Dropout)
    wins = not any(isinstance(layer, slow) for layer in parts)
    on_gpu = bool(tf.config.list_physical_devices("GPU"))
    return all(layer.supports_jit for layer in parts) and (wins or on_gpu)


def predictor(model: Any, x: Any) -> Callable[[Array], Array]:
    """A function from row numbers (n,) to logits, float64 (n, classes)."""
    import tensorflow as tf

    @tf.function(jit_compile=compiles(model))
    def forward(rows: Any) -> Any:
        return model(tf.gather(x, rows), training=False)

    def predict(rows: Array) -> Array:
        # calls of one shape, so that one trace serves all; at most a row a call is padding
        calls = math.ceil(len(rows) / PREDICTION_ROWS)
        padded = np.resize(rows, calls * math.ceil(len(rows) / calls)).reshape(calls, -1)
        parts = [forward(tf.constant(part, tf.int32)).numpy() for part in padded]
        return np.concatenate(parts)[: len(rows)].astype(np.float64)

    return predict


def _stepper(network: Network, loss: RowLoss) -> Any:
    """Compiles `count` optimizer steps into one call that returns the loss of each step."""
    import tensorflow as tf

    model, optimizer = network.model, network.optimizer
    variables = model.trainable_variables
    optimizer.build(variables)
    classes = model.output_shape[-1]

    @tf.function(jit_compile=compiles(model))
    def advance(x: Any, y: Any, rows: Any, weights: Any, count: Any) -> Any:
        losses = tf.TensorArray(tf.float32, rows.shape[0])
        for step in tf.range(count):
            batch = rows[step]
            with tf.GradientTape() as tape:
                logits = model(tf.gather(x, batch), training=True)
                targets = tf.one_hot(tf.gather(y, batch), classes)
                value = tf.reduce_mean(weights[step] * loss(targets, logits))
                total = tf.add_n([value, *model.losses])
            optimizer.apply(tape.gradient(total, variables), variables)
            losses = losses.write(step, total)
        return losses.stack()

    return advance


def _require_finite(losses: Array, done: int) -> None:
    finite = np.isfinite(losses)
    if not finite.all():
        raise DivergedError(
            f"the loss was {losses[~finite][0]} at step {done + np.argmin(finite) + 1}"
        )
