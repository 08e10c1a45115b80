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
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from benchmark.program import Program
from benchmark.seeding import MIXING, SHUFFLING, stream
from benchmark.strategy import Mix

Array = NDArray[Any]
Curve = list[tuple[int, float]]  # (step, value)
Item = TypeVar("Item")

CHECKPOINTS = 10  # looks at the validation split in a training
LOSS_POINTS = 5  # points of the loss curve between two looks
LONGEST_CALL = 500  # steps; their row numbers are in memory at once
CALL_BYTES = 1 << 26  # of gathered rows; twice as much is in memory while training
PREDICTION_BYTES = 1 << 23  # of rows, at most, in a call of the network outside of training
PREDICTION_ROWS = 1 << 14  # at most, however small they are


class DivergedError(Exception):
    """A number stopped being finite; the message says which, and at which step."""


def require_finite(values: Array, what: str, step: int) -> None:
    """Raises DivergedError for NaN and infinities."""
    finite = np.isfinite(values)
    if not finite.all():
        raise DivergedError(f"{what}: {values[~finite][0]} at step {step}")


@dataclass(frozen=True)
class Batches:
    """An endless stream of batches: every row once, shuffled, then all over again."""

    rows: NDArray[np.int64]  # row numbers into x and y, repeats allowed
    weights: NDArray[np.float64]  # (rows,), mean 1
    size: int
    seed: int
    stage: int = 0
    network: int = 0
    mixer: Mixer | None = None

    def steps(self, count: int) -> Iterator[tuple[Array, Array, Mixture | None]]:
        """Row numbers, weights and mixture, (count, size) each, again and again."""
        rng = stream(self.seed, SHUFFLING, self.stage, self.network)
        mixing = stream(self.seed, MIXING, self.stage, self.network)
        needed = count * self.size
        left = np.empty(0, np.int64)
        while True:
            parts, found = [left], len(left)
            while found < needed:
                parts.append(rng.permutation(len(self.rows)))
                found += len(self.rows)
            positions = np.concatenate(parts)
            chosen, left = positions[:needed].reshape(count, self.size), positions[needed:]
            rows, weights = self.rows[chosen].astype(np.int32), self.weights[chosen]
            if self.mixer is None:
                yield rows, weights.astype(np.float32), None
            else:
                yield rows, *self.mixer.mixed(chosen, weights, mixing)


Mixture = tuple[Array, Array, Array]
"""Of each row, all (steps, batch): where in its batch its partner stands, the share of its own
features, and what its partner's label weighs"""


@dataclass(frozen=True)
class Mixer:
    """Draws what the rows of a batch are mixed with; the network's program mixes them."""

    mix: Mix
    labels: NDArray[np.int64]  # (rows,), of the rows of the batches
    counts: NDArray[np.int64]  # (classes,)

    def mixed(
        self, chosen: Array, weights: Array, rng: np.random.Generator
    ) -> tuple[Array, Mixture]:
        """What each row's own label weighs, and the mixture, for positions (steps, batch)."""
        places = np.broadcast_to(np.arange(chosen.shape[1]), chosen.shape)
        partners = rng.permuted(places, axis=1)
        labels = self.labels[chosen]
        theirs = np.take_along_axis(labels, partners, axis=1)
        drawn = self.mix(labels.ravel(), theirs.ravel(), self.counts, rng)
        own, shares = (part.reshape(chosen.shape) for part in (drawn.labels, drawn.features))
        rest = (1 - own) * np.take_along_axis(weights, partners, axis=1)
        mixture = (partners.astype(np.int32), shares.astype(np.float32), rest.astype(np.float32))
        return (own * weights).astype(np.float32), mixture


@dataclass(frozen=True)
class Rows:
    """Features x (rows, ...) and labels y (rows,), on the device or where the host has them."""

    x: Any
    y: Any
    on_device: bool
    row_bytes: int

    @classmethod
    def place(cls, x: Array, y: Array, room: int) -> Rows:
        """Copied to the device if they take no more than `room` bytes there."""
        import tensorflow as tf

        y = y.astype(np.int32)
        row_bytes = max(1, x.nbytes // len(x))
        if x.nbytes > room:
            return cls(x, y, False, row_bytes)
        return cls(tf.constant(x), tf.constant(y), True, row_bytes)

    def take(self, numbers: Array) -> tuple[Any, Any, Any]:
        """All x and y and the row `numbers` (int32, any shape), or these rows alone and None."""
        import tensorflow as tf

        if self.on_device:
            return self.x, self.y, tf.constant(numbers)
        return tf.constant(self.x[numbers]), tf.constant(self.y[numbers]), None

    def steps_a_call(self, batch: int) -> int:
        """Steps whose rows fit in a call."""
        if self.on_device:
            return LONGEST_CALL
        return max(1, min(LONGEST_CALL, CALL_BYTES // (batch * self.row_bytes)))

    def predictions_a_call(self) -> int:
        """Rows whose activations are no burden."""
        return max(1, min(PREDICTION_ROWS, PREDICTION_BYTES // self.row_bytes))


@dataclass(frozen=True)
class Stretch:
    """Steps of one program over one stream of batches."""

    program: Program
    batches: Batches
    steps: int


@dataclass(frozen=True)
class Trained:
    """Weights at the best look at validation and after the last step, and the way there."""

    program: Program  # the last one
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
    stretches: Iterable[Stretch],
    rows: Rows,
    steps: int,
    eligible: int,
    clock: Clock,
    look: Callable[[Program, int], dict[str, float]],
    report: Callable[[int], None],
) -> Trained:
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
    return Trained(program, best, program.model.get_weights(), best_step, steps, curves)


def losses(stretch: Stretch, rows: Rows, chunk: int, clock: Clock) -> Iterator[Array]:
    """Takes the steps of a stretch, at most `chunk` a call; the losses of each call's."""
    import tensorflow as tf

    chunk = min(chunk, rows.steps_a_call(stretch.batches.size))
    advance, left = stretch.program.advance, stretch.steps
    calls = (
        (*rows.take(numbers), tf.constant(weights), mixture and tuple(map(tf.constant, mixture)))
        for numbers, weights, mixture in stretch.batches.steps(chunk)
    )
    for number, call in enumerate(_ahead(calls)):
        if number == 0:
            clock.turn("compilation")
            advance(*call, tf.constant(0))
            clock.turn("training")
        count = min(chunk, left)
        yield advance(*call, tf.constant(count)).numpy()[:count]
        left -= count
        if left == 0:
            return


def predictor(program: Program, rows: Rows) -> Callable[[Array], Array]:
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


def _ahead(items: Iterator[Item]) -> Iterator[Item]:
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
