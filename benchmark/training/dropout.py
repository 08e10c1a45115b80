"""Dropout that compiles to fast code. Imports Keras: import this module late.

Where a network has only dense layers, the random numbers of Keras' dropout take longer than
everything else once XLA compiles them.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("skewbench")
class Dropout(layers.Dropout):  # type: ignore[misc]
    """Dropout whose masks are a hash of seed, step and position."""

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Set a share `rate` of the units to 0 in training, and scale up the others."""
        if not training or not self.rate:
            return inputs
        seed, step = ops.unstack(ops.cast(self.seed_generator.next(), "uint32"), 2)
        stream = _mixed(_mixed(seed) + step)
        positions = ops.cast(ops.arange(ops.size(inputs)), "uint32")
        numbers = ops.reshape(_mixed(positions + stream), ops.shape(inputs))
        dropped = numbers < _word(int(self.rate * (1 << 32)))
        return ops.where(dropped, ops.zeros_like(inputs), inputs / (1 - self.rate))


def _mixed(words: Any) -> Any:
    """Scramble 32-bit words, one to one.

    Source: Appleby 2011, MurmurHash3, the finalizer `fmix32`.
    """
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        words = _folded(words, shift) * _word(factor)
    return _folded(words, 16)


def _folded(words: Any, shift: int) -> Any:
    return ops.bitwise_xor(words, ops.bitwise_right_shift(words, _word(shift)))


def _word(value: int) -> Any:
    return ops.convert_to_tensor(value, "uint32")
