"""Aggregates over data sets and seeds: interquartile mean, bootstrap, performance profiles.

Source: Agarwal et al. 2021, "Deep RL at the edge of the statistical precipice" (rliable).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.metrics import stats
from benchmark.protocol.arrays import Floats

DRAWS = 2000


@dataclass(frozen=True)
class Aggregate:
    """An aggregate with the ends of its interval."""

    mean: float
    low: float
    high: float


def interquartile_mean(
    scores: Floats, rng: np.random.Generator, level: float = stats.LEVEL, draws: int = DRAWS
) -> Aggregate:
    """Return the mean of the middle half of all scores, with a stratified bootstrap interval.

    Seeds are drawn anew within each data set, so the interval is about these data sets; what a
    further data set brings is the question of `hierarchical`.

    Args:
        scores: (data sets, seeds).
    """
    sets, seeds = scores.shape
    picked = rng.integers(seeds, size=(draws, sets, seeds))
    drawn = np.take_along_axis(scores[None], picked, axis=2).reshape(draws, -1)
    low, high = np.quantile(_trimmed(drawn), [level / 2, 1 - level / 2])
    return Aggregate(float(_trimmed(scores.reshape(1, -1))[0]), float(low), float(high))


def _trimmed(scores: Floats) -> Floats:
    """Mean of the middle half of each row, as scipy's trim_mean of a quarter."""
    cut = scores.shape[1] // 4
    ordered = np.sort(scores, axis=1)
    return np.asarray(ordered[:, cut : scores.shape[1] - cut].mean(axis=1))


def profile(gaps: Floats, within: Floats) -> Floats:
    """Return the share of data sets on which a strategy is within a gap of the best, (points,).

    The performance profile of Dolan and More 2002, of differences in place of ratios.

    Args:
        gaps: best score less that of the strategy, (data sets,).
        within: (points,).
    """
    return np.asarray((gaps[:, None] <= within + 1e-12).mean(axis=0), np.float64)
