"""Statistics of the strategies x seeds table: pure functions of arrays.

A seed is a random split of one data set. Two seeds share test rows, so their results are
not independent, and what takes them for independent is too narrow: on 400 simulated data
sets, at ten seeds, 95 % intervals of Student's t held the true difference in 59 to 89 % and a
bootstrap over seeds in 50 to 79 % (``uv run pytest -s tests/test_coverage.py``). The functions
here take the *overlap*, the share of test rows that two seeds have in common on average
(see `overlap`), and widen by it, after Nadeau and Bengio 2003, "Inference for the
generalization error", section 3: where every row is used, overlap / (1 - overlap) is their
n_test / n_train. They held it in 95 to 98 %.

Differences are one number a seed, float (seeds,); a table is float (strategies, seeds).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.protocol.arrays import Floats

LEVEL = 0.05  # intervals are of 1 - LEVEL, claims are made below LEVEL
POSITIVE_SHARE = 2 / 3  # what positive rows count for in the overlap; F1 moves mostly with them


@dataclass(frozen=True)
class Difference:
    """What paired differences say of the expected difference on fresh data of this size."""

    mean: float
    low: float  # ends of the 95 % interval; nan for one seed, or without a spread
    high: float
    p: float  # two-sided, that there is none; 1 where there is no interval
    above: float  # probability that it is above zero; nan likewise
    deviation: float  # standard deviation over seeds; nan for one seed
    seeds: int


def difference(differences: Floats, overlap: float) -> Difference:
    """Mean, interval and test of paired differences, Student's t with n - 1 degrees.

    Source: Nadeau and Bengio 2003; `above` is the posterior of Corani and Benavoli 2015, "A
    Bayesian approach for comparing cross-validated algorithms on multiple data sets", eq. 7.

    Raises:
        ValueError: if there are none, or one is not finite.
    """
    from scipy.special import stdtr  # Student's t, without the overhead of scipy.stats

    values = np.asarray(differences, np.float64)
    if not len(values) or not np.isfinite(values).all():
        raise ValueError("paired differences have to be finite, and there must be at least one")
    n, mean = len(values), float(values.mean())
    if n == 1:
        return Difference(mean, math.nan, math.nan, 1.0, math.nan, math.nan, 1)
    deviation = float(values.std(ddof=1))
    error = deviation * standard_error_factor(n, overlap)
    if error < 1e-12:  # the same at every seed
        if abs(mean) < 1e-12:
            return Difference(mean, mean, mean, 1.0, 0.5, deviation, n)
        # a spread of zero is a coincidence of counts, not a certainty
        return Difference(mean, math.nan, math.nan, 1.0, math.nan, deviation, n)
    half = _critical(n, LEVEL) * error
    p = 2 * float(stdtr(n - 1, -abs(mean) / error))
    above = float(stdtr(n - 1, mean / error))
    return Difference(mean, mean - half, mean + half, p, above, deviation, n)


def overlap(tested: Floats, available: Floats) -> float:
    """The overlap of splits that draw `tested` of `available` rows, (classes,) each.

    The share is another for each class where a task does not use all of its rows. Of two
    classes, (negatives, positives), the positive one counts more; of more it is that of all rows.
    """
    if len(tested) != 2:
        return float(np.sum(tested) / np.sum(available))
    negatives, positives = np.asarray(tested) / np.asarray(available)
    return float((1 - POSITIVE_SHARE) * negatives + POSITIVE_SHARE * positives)


def standard_error_factor(seeds: int, overlap: float) -> float:
    """Standard error of the mean over seeds / their standard deviation.

    With many seeds it does not go to zero: the data set is the same one.
    """
    return math.sqrt(1 / seeds + overlap / (1 - overlap))


def holm(p: Floats) -> Floats:
    """p-values adjusted for how many there are, so that all claims hold together.

    Source: Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    order = np.argsort(p, kind="stable")
    factors = len(order) - np.arange(len(order))
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(np.asarray(p)[order] * factors))
    return adjusted


def interquartile_mean(values: Floats) -> float:
    """Mean of the middle half. Source: Agarwal et al. 2021, "Deep RL at the edge of the
    statistical precipice". Under four values nothing is cut off, as scipy's trim_mean has it.
    """
    from scipy.stats import trim_mean

    return float(trim_mean(values, 0.25))


def ranks(table: Floats) -> Floats:
    """Mean over seeds of each strategy's rank at a seed, 1 is the highest; ties share."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(-table, axis=0).mean(axis=1), np.float64)


def rank_intervals(table: Floats, overlap: float) -> NDArray[np.int64]:
    """Lowest and highest rank that each strategy may have, (strategies, 2), 95 % for all together.

    One more than the strategies that are better beyond chance, and the number of strategies less
    those that are worse, by Holm over all pairs. Source: Mogstad, Romano, Shaikh and Wilhelm
    2024, "Inference for ranks with applications to mobility across neighbourhoods and academic
    achievement across countries", section 3.
    """
    count = len(table)
    pairs = [(one, two) for one in range(count) for two in range(one + 1, count)]
    found = [difference(table[one] - table[two], overlap) for one, two in pairs]
    bounds = np.tile([1, count], (count, 1))
    for (one, two), pair, p in zip(pairs, found, holm(np.array([f.p for f in found])), strict=True):
        if p < LEVEL:
            better, worse = (one, two) if pair.mean > 0 else (two, one)
            bounds[worse, 0] += 1
            bounds[better, 1] -= 1
    return bounds


def seeds_needed(found: Difference, overlap: float, level: float = LEVEL) -> int | None:
    """About how many seeds would show a difference as large as the one found.

    None if no number would, as the data set is too small, or if nothing differs.
    """
    if found.seeds < 2 or abs(found.mean) < 1e-12:
        return None
    for seeds in range(2, MOST_SEEDS + 1):
        error = found.deviation * standard_error_factor(seeds, overlap)
        if abs(found.mean) > _critical(seeds, level) * error:
            return seeds
    return None


NORMAL = 1.959964  # standard errors in half of a 95 % interval
MOST_SEEDS = 200  # to which anyone would go


def resolvable(found: Difference, overlap: float, level: float = LEVEL) -> float:
    """The smallest difference that would have counted as more than chance; inf for one seed."""
    if found.seeds < 2:
        return math.inf
    error = found.deviation * standard_error_factor(found.seeds, overlap)
    return _critical(found.seeds, level) * error


def f1_half_width(positives: NDArray[np.int64], f1: float | None = None) -> Floats:
    """Half the width of the 95 % interval of a class's F1 on so many rows of that class.

    F1 = 2J / (1 + J) of the Jaccard index J = TP / (TP + FP + FN), which is a binomial share of
    those TP + FP + FN rows: the delta method gives F1 the variance F(1 - F)(2 - F) / 2P where
    precision and recall are alike. Without `f1` it is at most that of the F1 where it is widest,
    1 - 3^-1/2: 0.86 / sqrt(P).
    Source: the delta method as in Takahashi et al. 2022, "Confidence interval for micro-averaged
    F1 and macro-averaged F1 scores", for one class; a test simulates it.
    """
    f = 1 - 3**-0.5 if f1 is None else f1
    with np.errstate(divide="ignore"):
        return NORMAL * np.sqrt(f * (1 - f) * (2 - f) / (2 * np.asarray(positives, np.float64)))


def _critical(seeds: int, level: float) -> float:
    """How many standard errors are beyond chance at this level, two-sided."""
    from scipy.special import stdtrit

    return float(stdtrit(seeds - 1, 1 - level / 2))
