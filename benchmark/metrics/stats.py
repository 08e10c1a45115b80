"""Statistics of the strategies x seeds table: pure functions of arrays.

A seed is a random split of one data set. Two seeds share test rows, so their results are not
independent, and intervals that assume independence are too narrow: on 400 simulated data sets,
with ten seeds, 95 % intervals of Student's t covered the true difference in 59 to 89 % and a
bootstrap over seeds in 50 to 79 % (``uv run pytest -s tests/metrics/test_coverage.py``). The
functions here take the *overlap*, the share of test rows that two seeds have in common on average
(see `overlap`), and widen intervals by it, after Nadeau and Bengio 2003, "Inference for the
generalization error", section 3: where every row is used, overlap / (1 - overlap) is their
n_test / n_train. These intervals covered it in 95 to 98 %.

Differences are one number per seed, float (seeds,); a table is float (strategies, seeds).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.protocol.arrays import Floats

LEVEL = 0.05  # significance level; intervals have 1 - LEVEL
POSITIVE_SHARE = 2 / 3  # weight of positive rows in the overlap; F1 depends on them most


@dataclass(frozen=True)
class Difference:
    """Estimate, from paired differences, of the expected difference on fresh data of this size."""

    mean: float
    low: float  # ends of the 95 % interval; nan for one seed, or without a spread
    high: float
    p: float  # two-sided, of no difference; 1 where there is no interval
    above: float  # probability that the difference is above zero; nan likewise
    deviation: float  # standard deviation over seeds; nan for one seed
    seeds: int


def difference(differences: Floats, overlap: float) -> Difference:
    """Estimate the mean of paired differences: interval and test by Student's t, n - 1 degrees.

    Source: Nadeau and Bengio 2003; `above` is the posterior of Corani and Benavoli 2015, "A
    Bayesian approach for comparing cross-validated algorithms on multiple data sets", eq. 7.

    Raises:
        ValueError: if there are no differences, or one is not finite.
    """
    from scipy.special import stdtr  # Student's t, without the overhead of scipy.stats

    values = np.asarray(differences, np.float64)
    if not len(values) or not np.isfinite(values).all():
        raise ValueError("paired differences must be finite, and there must be at least one")
    n, mean = len(values), float(values.mean())
    if n == 1:
        return Difference(mean, math.nan, math.nan, 1.0, math.nan, math.nan, 1)
    deviation = float(values.std(ddof=1))
    error = deviation * standard_error_factor(n, overlap)
    if error < 1e-12:  # the same at every seed
        if abs(mean) < 1e-12:
            return Difference(mean, mean, mean, 1.0, 0.5, deviation, n)
        # a spread of zero is a coincidence of counts, not certainty
        return Difference(mean, math.nan, math.nan, 1.0, math.nan, deviation, n)
    half = _critical(n, LEVEL) * error
    p = 2 * float(stdtr(n - 1, -abs(mean) / error))
    above = float(stdtr(n - 1, mean / error))
    return Difference(mean, mean - half, mean + half, p, above, deviation, n)


def overlap(tested: Floats, available: Floats) -> float:
    """Return the overlap of splits that draw `tested` of `available` rows, (classes,) each.

    The share differs by class where a task does not use all of its rows. With two classes,
    (negatives, positives), the positive class counts more; with more, it is that of all rows.
    """
    if len(tested) != 2:
        return float(np.sum(tested) / np.sum(available))
    negatives, positives = np.asarray(tested) / np.asarray(available)
    return float((1 - POSITIVE_SHARE) * negatives + POSITIVE_SHARE * positives)


def standard_error_factor(seeds: int, overlap: float) -> float:
    """Return the standard error of the mean over seeds / their standard deviation.

    It does not go to zero with many seeds: the data set stays the same.
    """
    return math.sqrt(1 / seeds + overlap / (1 - overlap))


def holm(p: Floats) -> Floats:
    """Adjust p-values for their number, so that all claims hold together.

    Source: Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    order = np.argsort(p, kind="stable")
    factors = len(order) - np.arange(len(order))
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(np.asarray(p)[order] * factors))
    return adjusted


def interquartile_mean(values: Floats) -> float:
    """Return the mean of the middle half (IQM).

    Fewer than four values are not trimmed, as in scipy's trim_mean. Source: Agarwal et al. 2021,
    "Deep RL at the edge of the statistical precipice".
    """
    from scipy.stats import trim_mean

    return float(trim_mean(values, 0.25))


def ranks(table: Floats) -> Floats:
    """Return each strategy's rank, averaged over seeds, (strategies,); 1 is best, ties share."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(-table, axis=0).mean(axis=1), np.float64)


def rank_intervals(table: Floats, overlap: float) -> NDArray[np.int64]:
    """Return lowest and highest rank of each strategy, (strategies, 2), 95 % for all together.

    The lowest is one more than the number of significantly better strategies, the highest the
    number of strategies less the significantly worse ones, by Holm over all pairs. Source: Mogstad,
    Romano, Shaikh and Wilhelm 2024, "Inference for ranks with applications to mobility across
    neighbourhoods and academic achievement across countries", section 3.
    """
    count = len(table)
    pairs = [(first, second) for first in range(count) for second in range(first + 1, count)]
    differences = [difference(table[first] - table[second], overlap) for first, second in pairs]
    adjusted = holm(np.array([pair.p for pair in differences]))
    bounds = np.tile([1, count], (count, 1))
    for (first, second), pair, p in zip(pairs, differences, adjusted, strict=True):
        if p < LEVEL:
            better, worse = (first, second) if pair.mean > 0 else (second, first)
            bounds[worse, 0] += 1
            bounds[better, 1] -= 1
    return bounds


def seeds_needed(observed: Difference, overlap: float, level: float = LEVEL) -> int | None:
    """Estimate how many seeds would show a difference of the observed size.

    None if no number would, because the data set is too small, or if nothing differs.
    """
    if observed.seeds < 2 or abs(observed.mean) < 1e-12:
        return None
    for seeds in range(2, MOST_SEEDS + 1):
        error = observed.deviation * standard_error_factor(seeds, overlap)
        if abs(observed.mean) > _critical(seeds, level) * error:
            return seeds
    return None


NORMAL = 1.959964  # standard errors in half of a 95 % interval
MOST_SEEDS = 200  # more would not be run


def resolvable(observed: Difference, overlap: float, level: float = LEVEL) -> float:
    """Return the smallest difference that would have been significant; inf for one seed."""
    if observed.seeds < 2:
        return math.inf
    error = observed.deviation * standard_error_factor(observed.seeds, overlap)
    return _critical(observed.seeds, level) * error


def f1_half_width(positives: NDArray[np.int64], f1: float | None = None) -> Floats:
    """Return half the width of the 95 % interval of a class's F1, for so many rows of the class.

    F1 = 2J / (1 + J) of the Jaccard index J = TP / (TP + FP + FN), which is a binomial share of
    those TP + FP + FN rows: the delta method gives F1 the variance F(1 - F)(2 - F) / 2P where
    precision and recall are equal. Source: the delta method as in Takahashi et al. 2022,
    "Confidence interval for micro-averaged F1 and macro-averaged F1 scores", for one class; a test
    simulates it.

    Args:
        positives: rows of the class, P.
        f1: None takes the F1 where the interval is widest, 1 - 3^-1/2: 0.86 / sqrt(P).
    """
    f = 1 - 3**-0.5 if f1 is None else f1
    with np.errstate(divide="ignore"):
        return NORMAL * np.sqrt(f * (1 - f) * (2 - f) / (2 * np.asarray(positives, np.float64)))


def _critical(seeds: int, level: float) -> float:
    """Return the two-sided critical value of Student's t, in standard errors."""
    from scipy.special import stdtrit

    return float(stdtrit(seeds - 1, 1 - level / 2))
