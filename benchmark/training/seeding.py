"""Random numbers that depend on the seed alone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

RESAMPLING, SHUFFLING, MIXING = 1, 2, 3  # streams of random numbers: what they are drawn for


def stream(seed: int, purpose: int, stage: int = 0, network: int = 0) -> np.random.Generator:
    """Random numbers for one purpose in one stage of the training of one network."""
    return np.random.default_rng([seed, purpose, stage, network])


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seeds Keras, and until the block ends lets it draw from a generator of its own.

    Keras takes the seeds of layers from Python's global generator, from which the
    other threads of a Dask worker draw as well: initial weights would depend on
    their timing.
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
