"""Synthetic images of any number of classes, each with its own texture.

A texture is a sum of waves in three colours. An image shifts and mirrors the texture of its
class, and mixes it with a random texture and with noise.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmark.protocol.arrays import Floats, Ints

WAVES = 4
SHARE = (0.25, 0.75)  # range of the share that the texture of the class has in an image
NOISE = 18.0  # standard deviation, of 255


def images(labels: Ints, size: int, seed: int) -> NDArray[np.uint8]:
    """Make one image per label, uint8 (rows, size, size, 3); the same at every call."""
    textures = {int(label): _texture([seed, 1, int(label)], size) for label in np.unique(labels)}
    rows = np.empty((len(labels), size, size, 3), np.uint8)
    for row, label in enumerate(labels.tolist()):
        rng = np.random.default_rng([seed, 2, row])
        shifted = np.roll(textures[label], rng.integers(0, size, 2), axis=(0, 1))
        texture = shifted[:, ::-1] if rng.random() < 0.5 else shifted
        share = rng.uniform(*SHARE)
        mixed = share * texture + (1 - share) * _texture([seed, 3, row], size)
        rows[row] = np.clip(mixed + rng.normal(0, NOISE, mixed.shape), 0, 255)
    return rows


def _texture(seed: list[int], size: int) -> Floats:
    """Return waves that continue across the edges, float (size, size, 3) around 0 to 255."""
    rng = np.random.default_rng(seed)
    places = 2 * np.pi * np.arange(size) / size
    total = np.zeros((size, size, 3))
    for _ in range(WAVES):
        down, across = rng.integers(-4, 5, 2)
        angle = down * places[:, None] + across * places[None, :]
        total += rng.normal(size=3) * np.cos(angle + rng.uniform(0, 2 * np.pi))[..., None]
    return 127.5 + 60 * total / np.sqrt(WAVES)
