"""Batches of row numbers, and the rows on the device."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.protocol.arrays import Array
from benchmark.protocol.strategy import Mix
from benchmark.training.seeding import MIXING, SHUFFLING, stream

LONGEST_CALL = 500  # steps; their row numbers are in memory at once
CALL_BYTES = 1 << 26  # of gathered rows; twice as much is in memory while training
PREDICTION_BYTES = 1 << 23  # of rows, at most, in a call of the network outside of training
PREDICTION_ROWS = 1 << 14  # at most, however small they are


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
