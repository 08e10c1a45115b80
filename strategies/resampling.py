"""Resampling: strategies that change which rows a network is trained on."""

from collections.abc import Callable
from typing import Annotated

import numpy as np

from benchmark.protocol.arguments import Range, Space
from benchmark.protocol.arrays import Ints
from benchmark.protocol.errors import UserError
from benchmark.protocol.strategy import Features, Resampling, Strategy
from strategies._sampling import oversampled, seed, undersampled

Ratio = Annotated[float, Range(0, 1, open_low=True), Space(0.1, 1, log=True)]


def undersample(ratio: Ratio = 1.0) -> Strategy:
    """Drop rows at random until no class has more than the smallest class / ratio."""

    def resample(
        labels: Ints, features: Callable[[], Features], rng: np.random.Generator
    ) -> Resampling:
        return undersampled(labels, ratio, rng)

    return Strategy(resample=resample)


def oversample(ratio: Ratio = 1.0) -> Strategy:
    """Repeat rows at random until no class has fewer than the largest class * ratio."""

    def resample(
        labels: Ints, features: Callable[[], Features], rng: np.random.Generator
    ) -> Resampling:
        counts = np.bincount(labels)
        return oversampled(labels, np.full(len(counts), round(counts.max() * ratio)), rng)

    return Strategy(resample=resample)


def sqrt_sampling(power: Annotated[float, Range(0, 1), Space(0, 1)] = 0.5) -> Strategy:
    """Draw class c in proportion to n_c^power: half-way to balance with the square root.

    The largest class keeps its rows, those of others are repeated at random. Source: Kang et al.
    2020, "Decoupling representation and classifier for long-tailed recognition", eq. 1, where power
    is q; q = 1/2 is Mahajan et al. 2018, q = 0 is ``oversample``.
    """

    def resample(
        labels: Ints, features: Callable[[], Features], rng: np.random.Generator
    ) -> Resampling:
        counts = np.bincount(labels)
        return oversampled(labels, counts.max() * (counts / counts.max()) ** power, rng)

    return Strategy(resample=resample)


def smote(ratio: Ratio = 1.0, k: Annotated[int, Range(1), Space(1, 15)] = 5) -> Strategy:
    """Generate rows between a rare row and its k nearest of the same class; tables only.

    Category columns take the most frequent value of the neighbours (SMOTENC; SMOTEN where all are).
    Source: Chawla et al. 2002, "SMOTE: synthetic minority over-sampling technique".
    """

    def resample(
        labels: Ints, features: Callable[[], Features], rng: np.random.Generator
    ) -> Resampling:
        from imblearn.over_sampling import SMOTE, SMOTEN, SMOTENC

        table = features()
        _require_neighbours(labels, _at_least(labels, ratio), k)
        options = {
            "sampling_strategy": _at_least(labels, ratio),
            "k_neighbors": k,
            "random_state": seed(rng),
        }
        if len(table.categorical) == table.values.shape[1]:
            sampler = SMOTEN(**options)
        elif table.categorical:
            sampler = SMOTENC(categorical_features=list(table.categorical), **options)
        else:
            sampler = SMOTE(**options)
        values, all_labels = sampler.fit_resample(table.values, labels)
        return Resampling(np.arange(len(values)), values[len(labels) :], all_labels[len(labels) :])

    return Strategy(resample=resample, needs=frozenset({"table"}))


def _require_neighbours(labels: Ints, target: dict[int, int], k: int) -> None:
    """Raise UserError if a class that needs new rows has too few to interpolate between."""
    for label, rows in enumerate(np.bincount(labels).tolist()):
        if 0 < rows <= k and rows < target[label]:
            raise UserError(
                f"smote needs more than k={k} training rows of class {label}, which has {rows}: "
                "lower k or use oversample"
            )


def _at_least(labels: Ints, ratio: float) -> dict[int, int]:
    """Return class -> rows after oversampling."""
    counts = np.bincount(labels)
    least = round(counts.max() * ratio)
    return {label: max(n, least) for label, n in enumerate(counts.tolist()) if n}
