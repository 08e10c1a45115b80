"""Rows drawn at random by what a class is to have; imbalanced-learn draws."""

import numpy as np

from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.strategy import Resampling


def oversampled(labels: Ints, wanted: Floats, rng: np.random.Generator) -> Resampling:
    """All rows, and repeats at random until class c has ``wanted[c]``, if it has any."""
    from imblearn.over_sampling import RandomOverSampler

    counts = np.bincount(labels)
    rows = {c: max(n, round(wanted[c])) for c, n in enumerate(counts.tolist()) if n}
    return _drawn_by(RandomOverSampler, labels, rows, rng)


def undersampled(labels: Ints, ratio: float, rng: np.random.Generator) -> Resampling:
    """Rows at random until no class has more than the smallest one / ratio."""
    from imblearn.under_sampling import RandomUnderSampler

    counts = np.bincount(labels)
    most = round(counts[counts > 0].min() / ratio)
    rows = {c: min(n, most) for c, n in enumerate(counts.tolist()) if n}
    return _drawn_by(RandomUnderSampler, labels, rows, rng)


def _drawn_by(
    sampler: type, labels: Ints, wanted: dict[int, int], rng: np.random.Generator
) -> Resampling:
    """What a sampler of imbalanced-learn chooses, class -> rows."""
    drawn = sampler(sampling_strategy=wanted, random_state=seed(rng))
    drawn.fit_resample(labels[:, None], labels)  # the features play no part in the drawing
    return Resampling(np.asarray(drawn.sample_indices_, np.int64))


def seed(rng: np.random.Generator) -> int:
    """For a library that takes no generator."""
    return int(rng.integers(2**31))
