"""Strategies that train on mixtures of two rows; images only, as category codes cannot be mixed."""

from typing import Annotated

import numpy as np

from benchmark.protocol.arguments import Range, Space
from benchmark.protocol.arrays import Ints
from benchmark.protocol.strategy import Mixing, Strategy

Alpha = Annotated[float, Range(0, open_low=True), Space(0.1, 2, log=True)]


def mixup(alpha: Alpha = 1.0) -> Strategy:
    """Mixes each row, and its label, with another one of the batch.

    The share of a row is drawn from Beta(alpha, alpha). Source: Zhang et al. 2018, "mixup:
    beyond empirical risk minimization", eq. 1.
    """

    def mix(labels: Ints, partners: Ints, counts: Ints, rng: np.random.Generator) -> Mixing:
        share = rng.beta(alpha, alpha, len(labels))
        return Mixing(share, share)

    return Strategy(mix=mix, needs=frozenset({"image"}))


def remix(
    alpha: Alpha = 1.0,
    kappa: Annotated[float, Range(1), Space(1, 10)] = 3.0,
    tau: Annotated[float, Range(0, 1), Space(0, 1)] = 0.5,
) -> Strategy:
    """Mixup that gives the label to the rarer class.

    It does so where one class has `kappa` times the rows of the other and the share of the
    larger one's features is below `tau`. Source: Chou et al. 2020, "Remix: rebalanced mixup",
    eq. 7.
    """

    def mix(labels: Ints, partners: Ints, counts: Ints, rng: np.random.Generator) -> Mixing:
        share = rng.beta(alpha, alpha, len(labels))
        own, theirs = counts[labels], counts[partners]
        larger = (own >= kappa * theirs) & (share < tau)
        smaller = (theirs >= kappa * own) & (1 - share < tau)
        return Mixing(share, np.select([larger, smaller], [0.0, 1.0], share))

    return Strategy(mix=mix, needs=frozenset({"image"}))
