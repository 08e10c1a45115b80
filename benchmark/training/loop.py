"""The training loop: many optimizer steps per call, over rows gathered by index.

Resampled epochs are streams of row numbers, never copies of rows. The next
batches are gathered while the device works.
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
from benchmark.training.batches import Batches, Rows
from benchmark.training.compiled import CompiledNetwork

Item = TypeVar("Item")

CHECKPOINTS = 10  # looks at the validation split in a training
LOSS_POINTS = 5  # points of the loss curve between two looks


class DivergedError(Exception):
    """A number stopped being finite; the message says which, and at which step."""


def require_finite(values: Array, what: str, step: int) -> None:
    """Raises DivergedError for NaN and infinities."""
    finite = np.isfinite(values)
    if not finite.all():
        raise DivergedError(f"{what}: {values[~finite][0]} at step {step}")


@dataclass(frozen=True)
class Segment:
    """Steps of one program over one stream of batches."""

    program: CompiledNetwork
    batches: Batches
    steps: int


@dataclass(frozen=True)
class TrainedWeights:
    """Weights at the best look at validation and after the last step, and the way there."""

    program: CompiledNetwork  # the last one
    best: list[Array]
    last: list[Array]
    best_step: int
    last_step: int
    curves: dict[str, Curve]


class Clock:
    """Adds up seconds by the name of what they are spent on."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._name, self._since = "", time.perf_counter()

    def turn(self, name: str) -> None:
        """From now on, seconds count as `name`; "" is nothing."""
        now = time.perf_counter()
        self._seconds[self._name] = self._seconds.get(self._name, 0.0) + now - self._since
        self._name, self._since = name, now

    def read(self) -> dict[str, float]:
        """Seconds by name, up to the last turn."""
        return {name: seconds for name, seconds in self._seconds.items() if name}


def train(
    stretches: Iterable[Segment],
    rows: Rows,
    steps: int,
    eligible: int,
    clock: Clock,
    look: Callable[[CompiledNetwork, int], dict[str, float]],
    report: Callable[[int], None],
) -> TrainedWeights:
    """Trains for `steps` steps and keeps the weights of the best look at validation.

    Args:
        stretches: one after the other, each asked for when the one before it is trained.
        steps: of all stretches.
        eligible: how many of the last steps a checkpoint may come from. What is looked at
            before them is only drawn.
        clock: is told what is done: compilation, training (its steps alone), evaluation.
        look: returns validation metrics of the program's network as it is after that many
            steps; the first of them chooses the checkpoint (larger is better).
        report: is told the number of finished steps now and then.

    Raises:
        DivergedError: when the loss of a step is not finite, or `look` raises it.
    """
    chunk = math.ceil(steps / (CHECKPOINTS * LOSS_POINTS))
    curves: dict[str, Curve] = {"train/loss": []}
    best: list[Array] = []
    best_value, best_step = -math.inf, 0
    done, looks = 0, 0
    for stretch in stretches:
        program = stretch.program
        for found in losses(stretch, rows, chunk, clock):
            clock.turn("evaluation")
            _require_finite(found, done)
            done += len(found)
            curves["train/loss"].append((done, float(found.mean(dtype=np.float64))))
            report(done)
            if done * CHECKPOINTS >= (looks + 1) * steps:
                looks = done * CHECKPOINTS // steps
                values = look(program, done)
                for name, value in values.items():
                    curves.setdefault(name, []).append((done, value))
                value = next(iter(values.values()))
                if value > best_value and done > steps - eligible:
                    best, best_value, best_step = program.model.get_weights(), value, done
            clock.turn("training")  # waiting for the next batches counts as training
    return TrainedWeights(program, best, program.model.get_weights(), best_step, steps, curves)


def losses(stretch: Segment, rows: Rows, chunk: int, clock: Clock) -> Iterator[Array]:
    """Takes the steps of a stretch, at most `chunk` a call; the losses of each call's."""
    import tensorflow as tf

    chunk = min(chunk, rows.steps_a_call(stretch.batches.size))
    advance, left = stretch.program.advance, stretch.steps
    calls = (
        (*rows.take(numbers), tf.constant(weights), mixture and tuple(map(tf.constant, mixture)))
        for numbers, weights, mixture in stretch.batches.steps(chunk)
    )
    for number, call in enumerate(_prefetched(calls)):
        if number == 0:
            clock.turn("compilation")
            advance(*call, tf.constant(0))
            clock.turn("training")
        count = min(chunk, left)
        yield advance(*call, tf.constant(count)).numpy()[:count]
        left -= count
        if left == 0:
            return


def predictor(program: CompiledNetwork, rows: Rows) -> Callable[[Array], Array]:
    """A function from row numbers (n,) to logits, float64 (n, classes)."""

    def predict(numbers: Array) -> Array:
        if not len(numbers):  # a search has no test split
            return np.empty((0, program.model.output_shape[-1]))
        # calls of one shape, so that one trace serves all; at most a row a call is padding
        calls = math.ceil(len(numbers) / rows.predictions_a_call())
        padded = np.resize(numbers, calls * math.ceil(len(numbers) / calls)).astype(np.int32)
        parts = []
        for part in padded.reshape(calls, -1):
            x, _, places = rows.take(part)
            parts.append(program.forward(x, places).numpy())
        return np.concatenate(parts)[: len(numbers)].astype(np.float64)

    return predict


def _prefetched(items: Iterator[Item]) -> Iterator[Item]:
    """The same items, each made in a thread of its own while the one before it is in use."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items)
        while True:
            item = coming.result()
            coming = pool.submit(next, items)
            yield item


def _require_finite(losses: Array, done: int) -> None:
    first = int(np.argmin(np.isfinite(losses)))  # 0 where all are
    require_finite(losses[first], "the loss", done + first + 1)
