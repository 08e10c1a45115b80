"""Batches of row numbers, and the rows that they are gathered from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.protocol.arrays import Array
from benchmark.protocol.strategy import Mix
from benchmark.training.seeding import MIXING, SHUFFLING, stream

LONGEST_CALL = 500  # steps per call; their row numbers are in memory at once
CALL_BYTES = 1 << 26  # gathered rows per call; twice as much is in memory while training
PREDICTION_BYTES = 1 << 23  # most bytes of rows per call that predicts
PREDICTION_ROWS = 1 << 14  # most rows per call that predicts, however small


@dataclass(frozen=True)
class Batches:
    """An endless stream of batches: every row once, shuffled, then all again."""

    rows: NDArray[np.int64]  # row numbers into x and y, repeats allowed
    weights: NDArray[np.float64]  # (rows,), mean 1
    size: int
    seed: int
    stage: int = 0
    network: int = 0
    mixer: Mixer | None = None

    def steps(self, count: int) -> Iterator[tuple[Array, Array, Mixture | None]]:
        """Yield row numbers, weights and mixture, (count, size) each, endlessly."""
        rng = stream(self.seed, SHUFFLING, self.stage, self.network)
        mixing = stream(self.seed, MIXING, self.stage, self.network)
        needed = count * self.size
        left = np.empty(0, np.int64)
        while True:
            parts, available = [left], len(left)
            while available < needed:
                parts.append(rng.permutation(len(self.rows)))
                available += len(self.rows)
            positions = np.concatenate(parts)
            chosen, left = positions[:needed].reshape(count, self.size), positions[needed:]
            rows, weights = self.rows[chosen].astype(np.int32), self.weights[chosen]
            if self.mixer is None:
                yield rows, weights.astype(np.float32), None
            else:
                yield rows, *self.mixer.mix_batches(chosen, weights, mixing)


Mixture = tuple[Array, Array, Array]
"""For each row, (steps, batch) each: position of its partner in the batch, share of its own
features, and weight of its partner's label."""


@dataclass(frozen=True)
class Mixer:
    """Draws partners and shares for the rows of batches; the compiled network mixes them."""

    mix: Mix
    labels: NDArray[np.int64]  # (rows,), of the rows in batches
    counts: NDArray[np.int64]  # (classes,), rows per class

    def mix_batches(
        self, chosen: Array, weights: Array, rng: np.random.Generator
    ) -> tuple[Array, Mixture]:
        """Return the weight of each row's own label, and the mixture, (steps, batch) each.

        Args:
            chosen: positions in `labels` of the rows of the batches, (steps, batch).
        """
        positions = np.broadcast_to(np.arange(chosen.shape[1]), chosen.shape)
        partners = rng.permuted(positions, axis=1)
        labels = self.labels[chosen]
        partner_labels = np.take_along_axis(labels, partners, axis=1)
        mixing = self.mix(labels.ravel(), partner_labels.ravel(), self.counts, rng)
        own, shares = (part.reshape(chosen.shape) for part in (mixing.labels, mixing.features))
        rest = (1 - own) * np.take_along_axis(weights, partners, axis=1)
        mixture = (partners.astype(np.int32), shares.astype(np.float32), rest.astype(np.float32))
        return (own * weights).astype(np.float32), mixture


@dataclass(frozen=True)
class Rows:
    """Features x (rows, ...) and labels y (rows,), on the device or in host memory."""

    x: Any
    y: Any
    on_device: bool
    row_bytes: int

    @classmethod
    def place(cls, x: Array, y: Array, room: int) -> Rows:
        """Copy rows to the device if they take no more than `room` bytes there."""
        import tensorflow as tf

        y = y.astype(np.int32)
        row_bytes = max(1, x.nbytes // len(x))
        if x.nbytes > room:
            return cls(x, y, False, row_bytes)
        return cls(tf.constant(x), tf.constant(y), True, row_bytes)

    def take(self, numbers: Array) -> tuple[Any, Any, Any]:
        """Return x, y and row numbers: everything and `numbers`, or the rows alone and None.

        Args:
            numbers: int32, of any shape.
        """
        import tensorflow as tf

        if self.on_device:
            return self.x, self.y, tf.constant(numbers)
        return tf.constant(self.x[numbers]), tf.constant(self.y[numbers]), None

    def steps_per_call(self, batch: int) -> int:
        """Return the number of steps whose rows fit in one call."""
        if self.on_device:
            return LONGEST_CALL
        return max(1, min(LONGEST_CALL, CALL_BYTES // (batch * self.row_bytes)))

    def predictions_per_call(self) -> int:
        """Return the number of rows whose activations fit in one call."""
        return max(1, min(PREDICTION_ROWS, PREDICTION_BYTES // self.row_bytes))
