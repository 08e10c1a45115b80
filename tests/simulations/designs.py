"""Kinds of tables: those of the documentation's experiments, and random ones."""

from __future__ import annotations

import numpy as np

from benchmark.protocol.arrays import Floats
from tests.simulations.tables import Design

# expected F1, the baseline first and then from simple to less simple, and noise of a difference
SYNTHETIC_PHOTOS = (0.09, 0.40, 0.66, 0.74, 0.33, 0.07)
REAL_PHOTOS = (0.334, 0.387, 0.329, 0.355, 0.386, 0.337, 0.256, 0.216, 0.403, 0.337, 0.273)
INSURANCE = (0.012, 0.455, 0.455, 0.453, 0.455, 0.437, 0.454, 0.450, 0.456, 0.455, 0.453)


def synthetic_photos(rng: np.random.Generator) -> Design:
    """The README's first command."""
    return Design(np.array(SYNTHETIC_PHOTOS), 0.08)


def real_photos(rng: np.random.Generator) -> Design:
    """Eleven strategies on photos, learned from scratch."""
    return Design(np.array(REAL_PHOTOS), 0.06)


def spread(rng: np.random.Generator) -> Design:
    """Six strategies whose expected scores have a spread of 0.15."""
    return Design(0.5 + 0.15 * rng.normal(size=6), 0.08)


REGRET = {
    "synthetic photos": synthetic_photos,
    "real photos": real_photos,
    "spread 0.15": spread,
}


def one_better(strategies: int, difference: float) -> Floats:
    """Expected scores of a baseline, and others of which the last is better."""
    truth = np.full(strategies + 1, 0.4)
    truth[-1] += difference
    return truth


POWER = {  # name: (design, correlation that is right for it)
    "six strategies, noise .06, difference .10": Design(one_better(5, 0.10), 0.06),
    "six strategies, noise .06, difference .30": Design(one_better(5, 0.30), 0.06),
    "eleven strategies, noise .03, difference .05": Design(one_better(10, 0.05), 0.03),
    "eleven strategies, noise .014, difference .05": Design(one_better(10, 0.05), 0.014),
    "35 strategies, noise .06, difference .30": Design(one_better(34, 0.30), 0.06),
}
