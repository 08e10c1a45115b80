"""Random numbers that depend on the seed alone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

RESAMPLING, SHUFFLING, MIXING = 1, 2, 3  # purposes of random streams


def stream(seed: int, purpose: int, stage: int = 0, network: int = 0) -> np.random.Generator:
    """Return the random generator for one purpose, stage and network of a training."""
    return np.random.default_rng([seed, purpose, stage, network])


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed Keras, and give it a generator of its own until the block ends.

    Keras draws the seeds of layers from Python's global generator, from which other threads of a
    Dask worker draw as well: initial weights would depend on their timing.
    """
    import keras
    from keras.src.random import seed_generator

    keras.utils.set_random_seed(seed)
    shared = seed_generator.python_random
    seed_generator.python_random = random.Random(seed)
    try:
        yield
    finally:
        seed_generator.python_random = shared
