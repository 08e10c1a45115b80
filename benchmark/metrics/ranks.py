"""Several strategies over many data sets by ranks: Friedman, Nemenyi, signed ranks with Holm.

Source: Demsar 2006, "Statistical comparisons of classifiers over multiple data sets".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.special import ndtr

from benchmark.metrics import stats
from benchmark.protocol.arrays import Floats

MOST_EXACT = 50  # data sets up to which the distribution of signed ranks is exact


@dataclass(frozen=True)
class Ranks:
    """Ranks of strategies over data sets, 1 is the best.

    Attributes:
        average: rank of each strategy over the data sets, (strategies,).
        p: of Friedman's test in the form of Iman and Davenport: all are equal.
        statistic: F of that test.
        critical: difference of average ranks from which two differ (Nemenyi).
        groups: first and last place, by average rank, of runs of strategies that do not differ.
    """

    average: Floats
    p: float
    statistic: float
    critical: float
    groups: tuple[tuple[int, int], ...]


def ranks(scores: Floats, level: float = stats.LEVEL) -> Ranks:
    """Rank strategies on each data set and test the average ranks, ties sharing their ranks.

    Args:
        scores: (data sets, strategies), larger is better; two of each or more.
        level: significance level.

    Raises:
        ValueError: for fewer than two data sets or strategies, or a missing score.
    """
    from scipy.stats import f, rankdata

    sets, strategies = scores.shape
    if min(sets, strategies) < 2 or not np.isfinite(scores).all():
        raise ValueError("two data sets and two strategies or more are needed, with all scores")
    average = rankdata(-scores, axis=1).mean(axis=0)
    chi = 12 * sets / (strategies * (strategies + 1)) * float((average**2).sum())
    chi -= 3 * sets * (strategies + 1)
    rest = sets * (strategies - 1) - chi
    statistic = (sets - 1) * chi / rest if rest > 1e-9 else np.inf
    p = float(f.sf(statistic, strategies - 1, (strategies - 1) * (sets - 1)))
    critical = critical_difference(strategies, sets, level)
    return Ranks(average, p, float(statistic), critical, _groups(np.sort(average), critical))


def critical_difference(strategies: int, sets: int, level: float = stats.LEVEL) -> float:
    """Return the difference of average ranks that is significant: q sqrt(k (k + 1) / 6 N).

    q is that of the studentized range divided by sqrt 2 (Demsar 2006, section 3.2.2).
    """
    from scipy.stats import studentized_range

    q = studentized_range.ppf(1 - level, strategies, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(strategies * (strategies + 1) / (6 * sets)))


def _groups(average: Floats, critical: float) -> tuple[tuple[int, int], ...]:
    """Return the longest runs of sorted average ranks that span less than `critical`."""
    found: list[tuple[int, int]] = []
    for first, start in enumerate(average.tolist()):
        last = int(np.searchsorted(average, start + critical, side="left")) - 1
        if last > first and not (found and found[-1][1] >= last):
            found.append((first, last))
    return tuple(found)


def signed_rank(differences: Floats) -> float:
    """Return the two-sided p-value of Wilcoxon's signed-rank test; 1 where nothing differs.

    The ranks of zeros are split evenly, as in Demsar 2006. The values of scipy's `wilcoxon`, whose
    checks and wrappers take fifty times as long: halves of a suite ask thousands of times.

    Args:
        differences: of two strategies, (data sets,).
    """
    if not np.any(differences):
        return 1.0
    sets = len(differences)
    _, places, ties = np.unique(np.abs(differences), return_inverse=True, return_counts=True)
    ranked = (np.cumsum(ties) - (ties - 1) / 2)[places]
    above = float(ranked[differences > 0].sum() + ranked[differences == 0].sum() / 2)
    # without zeros and ties the exact distribution, which is known for few data sets
    if len(ties) == sets <= MOST_EXACT and np.all(differences):
        chances = _distribution(sets)
        least = min(int(above), len(chances) - 1 - int(above))
        return min(1.0, 2 * float(chances[: least + 1].sum()))
    variance = sets * (sets + 1) * (2 * sets + 1) / 24 - (ties**3 - ties).sum() / 48
    return float(2 * ndtr(-abs(above - sets * (sets + 1) / 4) / np.sqrt(variance)))


@cache
def _distribution(sets: int) -> Floats:
    """Probability of each sum of positive ranks where signs are fair, (sums,)."""
    chances = np.ones(1)
    for rank in range(1, sets + 1):
        chances = np.append(chances, np.zeros(rank)) + np.append(np.zeros(rank), chances)
    return np.asarray(chances / 2.0**sets)


def signed_ranks(differences: Floats) -> Floats:
    """Return the p-values of several strategies against one, adjusted by Holm.

    Args:
        differences: (data sets, strategies).
    """
    return stats.holm(np.array([signed_rank(own) for own in differences.T]))
