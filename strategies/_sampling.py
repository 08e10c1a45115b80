"""Random over- and undersampling with imbalanced-learn, as row numbers."""

import numpy as np

from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.strategy import Resampling


def oversampled(labels: Ints, target: Floats, rng: np.random.Generator) -> Resampling:
    """Draw all rows, and random repeats until class c has ``target[c]`` rows, if it has any."""
    from imblearn.over_sampling import RandomOverSampler

    counts = np.bincount(labels)
    rows = {c: max(n, round(target[c])) for c, n in enumerate(counts.tolist()) if n}
    return _drawn_by(RandomOverSampler, labels, rows, rng)


def undersampled(labels: Ints, ratio: float, rng: np.random.Generator) -> Resampling:
    """Draw random rows so that no class has more than the smallest class / ratio."""
    from imblearn.under_sampling import RandomUnderSampler

    counts = np.bincount(labels)
    most = round(counts[counts > 0].min() / ratio)
    rows = {c: min(n, most) for c, n in enumerate(counts.tolist()) if n}
    return _drawn_by(RandomUnderSampler, labels, rows, rng)


def _drawn_by(
    sampler: type, labels: Ints, target: dict[int, int], rng: np.random.Generator
) -> Resampling:
    """Draw the rows that a sampler of imbalanced-learn chooses.

    Args:
        target: class -> rows.
    """
    drawn = sampler(sampling_strategy=target, random_state=seed(rng))
    drawn.fit_resample(labels[:, None], labels)  # features do not matter
    return Resampling(np.asarray(drawn.sample_indices_, np.int64))


def seed(rng: np.random.Generator) -> int:
    """Draw a seed, for a library that takes no generator."""
    return int(rng.integers(2**31))
