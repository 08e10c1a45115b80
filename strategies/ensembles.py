"""Ensembles: strategies that train several networks."""

from collections.abc import Callable
from typing import Annotated

import numpy as np

from benchmark.protocol.arguments import Range
from benchmark.protocol.arrays import Ints
from benchmark.protocol.strategy import Features, Resampling, Strategy
from strategies._sampling import undersampled


def under_bagging(k: Annotated[int, Range(2, 50)] = 4) -> Strategy:
    """Average the probabilities of k networks, each trained on its own balanced subset.

    A subset has all rows of the smallest class and as many random rows of each other class. The
    networks share the steps, so the budget is that of one network. Source: Liu, Wu and Zhou 2009,
    "Exploratory undersampling for class-imbalance learning" (EasyEnsemble, 4 subsets), with
    networks in place of boosted stumps.
    """

    def resample(
        labels: Ints, features: Callable[[], Features], rng: np.random.Generator
    ) -> Resampling:
        return undersampled(labels, 1.0, rng)

    return Strategy(resample=resample, networks=k)
