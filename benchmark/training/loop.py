"""The training loop: many optimizer steps per call, over rows gathered by index.

Resampled epochs are streams of row numbers, never copies of rows. The next batches are gathered
while the device computes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from benchmark.protocol.arrays import Array, Curve
from benchmark.protocol.strategy import RowLoss
from benchmark.training.batches import Batches, Rows
from benchmark.training.compiled import CompiledNetwork

Item = TypeVar("Item")

CHECKPOINTS = 10  # evaluations on validation per training
LOSS_POINTS = 5  # points of the loss curve per evaluation


class DivergedError(Exception):
    """A number stopped being finite; the message says which, and at which step."""


def require_finite(values: Array, what: str, step: int) -> None:
    """Raise DivergedError for NaN and infinities; `what` and `step` name them."""
    finite = np.isfinite(values)
    if not finite.all():
        raise DivergedError(f"{what}: {values[~finite][0]} at step {step}")


@dataclass(frozen=True)
class Segment:
    """Steps of one compiled network with one loss over one stream of batches."""

    compiled: CompiledNetwork
    loss: RowLoss
    batches: Batches
    steps: int


@dataclass(frozen=True)
class TrainedWeights:
    """Weights at the best evaluation and after the last step, and the curves of the training."""

    compiled: CompiledNetwork  # of the last segment
    best: list[Array]
    last: list[Array]
    best_step: int
    last_step: int
    curves: dict[str, Curve]


class Clock:
    """Seconds by the name of what they are spent on."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._name, self._since = "", time.perf_counter()

    def turn(self, name: str) -> None:
        """Count seconds as `name` from now on; "" counts them as nothing."""
        now = time.perf_counter()
        self._seconds[self._name] = self._seconds.get(self._name, 0.0) + now - self._since
        self._name, self._since = name, now

    def read(self) -> dict[str, float]:
        """Return seconds by name, up to the last turn."""
        return {name: seconds for name, seconds in self._seconds.items() if name}


def train(
    segments: Iterable[Segment],
    rows: Rows,
    steps: int,
    eligible: int,
    clock: Clock,
    evaluate: Callable[[CompiledNetwork, int], dict[str, float]],
    on_step: Callable[[int], None],
) -> TrainedWeights:
    """Train for `steps` steps and keep the weights of the best evaluation.

    Args:
        segments: in order; each is asked for when the one before it is trained.
        steps: of all segments.
        eligible: how many of the last steps a checkpoint may come from. Evaluations before them
            are only recorded.
        clock: counts compilation, training (its steps alone) and evaluation.
        evaluate: (compiled network, finished steps) -> validation metrics; the first of them
            chooses the checkpoint (larger is better).
        on_step: receives the number of finished steps now and then.

    Raises:
        DivergedError: if the loss of a step is not finite, or `evaluate` raises it.
    """
    chunk = math.ceil(steps / (CHECKPOINTS * LOSS_POINTS))
    curves: dict[str, Curve] = {"train/loss": []}
    best: list[Array] = []
    best_value, best_step = -math.inf, 0
    done, evaluations = 0, 0
    for segment in segments:
        compiled = segment.compiled
        for step_losses in run_segment(segment, rows, chunk, clock):
            clock.turn("evaluation")
            _require_finite_losses(step_losses, done)
            done += len(step_losses)
            curves["train/loss"].append((done, float(step_losses.mean(dtype=np.float64))))
            on_step(done)
            if done * CHECKPOINTS >= (evaluations + 1) * steps:
                evaluations = done * CHECKPOINTS // steps
                values = evaluate(compiled, done)
                for name, value in values.items():
                    curves.setdefault(name, []).append((done, value))
                value = next(iter(values.values()))
                if value > best_value and done > steps - eligible:
                    best, best_value, best_step = compiled.model.get_weights(), value, done
            clock.turn("training")  # waiting for the next batches counts as training
    return TrainedWeights(compiled, best, compiled.model.get_weights(), best_step, steps, curves)


def run_segment(segment: Segment, rows: Rows, chunk: int, clock: Clock) -> Iterator[Array]:
    """Take the steps of a segment, at most `chunk` per call; yield the losses of each call."""
    import tensorflow as tf

    chunk = min(chunk, rows.steps_per_call(segment.batches.size))
    train_steps, left = segment.compiled.train_steps(segment.loss), segment.steps
    calls = (
        (*rows.take(numbers), tf.constant(weights), mixture and tuple(map(tf.constant, mixture)))
        for numbers, weights, mixture in segment.batches.steps(chunk)
    )
    for number, call in enumerate(_prefetched(calls)):
        if number == 0:
            clock.turn("compilation")
            train_steps(*call, tf.constant(0))
            clock.turn("training")
        count = min(chunk, left)
        yield train_steps(*call, tf.constant(count)).numpy()[:count]
        left -= count
        if left == 0:
            return


def predictor(compiled: CompiledNetwork, rows: Rows) -> Callable[[Array], Array]:
    """Return a function from row numbers (n,) to logits, float64 (n, classes)."""

    def predict(numbers: Array) -> Array:
        if not len(numbers):  # a search has no test split
            return np.empty((0, compiled.model.output_shape[-1]))
        # calls of one shape, so that one trace serves all; at most one row per call is padding
        calls = math.ceil(len(numbers) / rows.predictions_per_call())
        padded = np.resize(numbers, calls * math.ceil(len(numbers) / calls)).astype(np.int32)
        parts = []
        for part in padded.reshape(calls, -1):
            x, _, positions = rows.take(part)
            parts.append(compiled.forward(x, positions).numpy())
        return np.concatenate(parts)[: len(numbers)].astype(np.float64)

    return predict


def _prefetched(items: Iterator[Item]) -> Iterator[Item]:
    """Yield the same items, each computed in a thread while the one before it is in use."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(next, items)
        while True:
            item = future.result()
            future = pool.submit(next, items)
            yield item


def _require_finite_losses(losses: Array, done: int) -> None:
    """Raise DivergedError for the first loss that is not finite, after `done` steps."""
    first = int(np.argmin(np.isfinite(losses)))  # 0 where all are
    require_finite(losses[first], "the loss", done + first + 1)
