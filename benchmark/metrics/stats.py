"""Statistics of paired differences over seeds: intervals, tests, adjustment for their number.

A seed is a random split of one data set. A mean over seeds errs for two reasons: training and
splitting vary from seed to seed, and all seeds draw their test rows from the same data. The first
is measured by the variance over seeds, moderated over the comparisons of a table; the second by
the influence of the rows (`influence.row_covariance`). What seeds share beyond that (training
rows) is a small correlation, chosen by simulation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.protocol.arrays import Floats

ROW_DEGREES = 1  # of freedom that each pair of seeds adds to C, chosen by simulation
LEVEL = 0.05  # significance level; intervals have 1 - LEVEL
PRIOR_DEGREES = 4  # of freedom of the prior variance, at most
# correlation of two seeds beyond their test rows, chosen by coverage on real rows
AT_OWN_THRESHOLDS = 0.25
WITHOUT_THRESHOLDS = 0.02  # at tuned thresholds too


@dataclass(frozen=True)
class Difference:
    """Estimate of an expected difference on fresh rows, from paired differences over seeds."""

    mean: float
    error: float  # standard error of the mean; nan for one seed, or without a spread
    degrees: float  # of freedom of the error
    deviation: float  # standard deviation over seeds, as it is; nan for one seed
    seeds: int

    @property
    def known(self) -> bool:
        """Whether there is an interval."""
        return not math.isnan(self.error)

    @property
    def low(self) -> float:
        """Lower end of the 95 % interval; nan where there is none."""
        return self.interval(LEVEL)[0]

    @property
    def high(self) -> float:
        """Upper end of the 95 % interval; nan where there is none."""
        return self.interval(LEVEL)[1]

    @property
    def p(self) -> float:
        """Two-sided p-value of no difference; 1 where there is no interval."""
        return 2 * min(self.above, 1 - self.above) if self.known else 1.0

    @property
    def above(self) -> float:
        """Probability that the difference is above zero, under a flat prior; nan if unknown."""
        return self.above_value(0.0)

    def above_value(self, value: float) -> float:
        """Probability that it is above `value`, see `above`."""
        from scipy.special import stdtr  # Student's t, without the overhead of scipy.stats

        if not self.error:  # nothing varies: they are equal, or differ for certain
            return 0.5 if self.mean == value else float(self.mean > value)
        return float(stdtr(self.degrees, (self.mean - value) / self.error))

    def interval(self, level: float) -> tuple[float, float]:
        """Return the ends of the (1 - level) interval; nan where there is none."""
        half = critical(self.degrees, level) * self.error if self.known else math.nan
        return self.mean - half, self.mean + half


def difference(
    values: Floats, rows: float = 0.0, correlation: float = AT_OWN_THRESHOLDS
) -> Difference:
    """Estimate one mean over seeds, see `differences`."""
    return differences([values], [rows], correlation)[0]


def differences(
    table: Sequence[Floats], rows: Sequence[float], correlation: float
) -> list[Difference]:
    """Estimate the mean of each of several paired differences: Var(mean) = s2 (1/n + a) + C.

    s2 is the moderated variance over seeds, see `moderate`; a the correlation; C the variance
    that comes from the test rows. The degrees of freedom of the sum are Satterthwaite's (1946, "An
    approximate distribution of estimates of variance components").

    Args:
        table: one array of differences per comparison, (seeds,) each; their numbers may differ.
        rows: C of each comparison; negative estimates count as 0.

    Raises:
        ValueError: if a comparison has no differences, or one is not finite.
    """
    values = [np.asarray(own, np.float64) for own in table]
    if not all(len(own) and np.isfinite(own).all() for own in values):
        raise ValueError("paired differences must be finite, and there must be at least one")
    found = []
    for own, (variance, degrees), c in zip(values, moderate(values), rows, strict=True):
        n, mean = len(own), float(own.mean())
        deviation = float(own.std(ddof=1)) if n > 1 else math.nan
        of_seeds, of_rows = variance * (1 / n + correlation), max(c, 0.0)
        error = math.sqrt(of_seeds + of_rows) if n > 1 else math.nan
        if n > 1 and of_rows > 0:
            pairs = n * (n - 1)  # of seeds: C is a mean over them
            parts = of_seeds**2 / degrees + of_rows**2 / (ROW_DEGREES * pairs)
            degrees = (of_seeds + of_rows) ** 2 / parts
        if n > 1 and error < 1e-12:
            # equal at every seed; any other spread of zero is a coincidence of counts
            error = 0.0 if abs(mean) < 1e-12 else math.nan
        found.append(Difference(mean, error, degrees, deviation, n))
    return found


def moderate(table: Sequence[Floats]) -> list[tuple[float, float]]:
    """Return the moderated variance of each comparison and its degrees of freedom.

    s2' = (d0 mean(s2) + nu s2) / (d0 + nu) on d0 + nu degrees. The prior has d0 = min(4, (k - 1)
    nu) degrees, none for fewer than three comparisons; k = (tr S)^2 / tr S^2 of the covariance S
    over the seeds that all share counts the independent variances. Comparisons of one seed take no
    part. Source: Smyth 2004, "Linear models and empirical Bayes methods for assessing differential
    expression in microarray experiments", eq. 3; k takes the place of its number of genes.
    """
    degrees = [max(len(own) - 1, 0) for own in table]
    variances = [float(own.var(ddof=1)) if len(own) > 1 else 0.0 for own in table]
    several = [own for own in table if len(own) > 1]
    prior = centre = 0.0
    if len(several) >= 3:
        shared = min(map(len, several))
        prior = prior_degrees(np.cov([own[:shared] for own in several]), shared - 1)
        centre = float(np.mean([own.var(ddof=1) for own in several]))
    return [
        ((prior * centre + nu * own) / max(prior + nu, 1e-300), prior + nu)
        for own, nu in zip(variances, degrees, strict=True)
    ]


def prior_degrees(covariance: Floats, nu: int) -> float:
    """Return the degrees of freedom of the prior variance, see `moderate`."""
    total = float(np.trace(covariance))
    if total <= 0:
        return 0.0
    independent = total**2 / float(np.sum(covariance**2))
    return max(0.0, min(PRIOR_DEGREES, (independent - 1) * nu))


def holm(p: Floats) -> Floats:
    """Adjust p-values for their number, so that all claims hold together.

    Source: Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    order = np.argsort(p, kind="stable")
    factors = len(order) - np.arange(len(order))
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(np.asarray(p)[order] * factors))
    return adjusted


def simultaneous(
    one: Difference, comparisons: int, level: float, significant: bool
) -> tuple[float, float]:
    """Return the (1 - level) interval of one of several comparisons that hold together.

    By Bonferroni; where Holm's procedure, which is sharper, claims a sign, the interval ends at
    zero at most, so that it never contradicts the p-value beside it. The intervals of Bonferroni
    hold together, and so do the signs of Holm; both at once hold nearly as often. Exact ones are
    wider for what is significant: Strassburger and Bretz 2008, "Compatible simultaneous lower
    confidence bounds for the Holm procedure and other Bonferroni-based closed tests".
    """
    low, high = one.interval(level / comparisons)
    if significant and one.mean > 0:
        return max(low, 0.0), high
    if significant:
        return low, min(high, 0.0)
    return low, high


def interquartile_mean(values: Floats) -> float:
    """Return the mean of the middle half (IQM).

    Fewer than four values are not trimmed, as in scipy's trim_mean. Source: Agarwal et al. 2021,
    "Deep RL at the edge of the statistical precipice".
    """
    from scipy.stats import trim_mean

    return float(trim_mean(values, 0.25))


def chance_auc_variance(positives: float, negatives: float) -> float:
    """Return the variance of the ROC AUC of scores that tell nothing: that of the rank sum.

    Source: Mann and Whitney 1947, "On a test of whether one of two random variables is
    stochastically larger than the other".
    """
    return (positives + negatives + 1) / (12 * positives * negatives)


NORMAL = 1.959964  # standard errors in half of a 95 % interval


def f1_half_width(positives: Floats, others: Floats, precision: Floats, recall: Floats) -> Floats:
    """Return half the width of the 95 % interval of a class's F1 on one test split.

    F1 = 2 TP / (P + TP + FP), with a binomial TP and a Poisson FP, by the delta method. All
    arguments are broadcast together.

    Args:
        positives: test rows of the class, P.
        others: test rows of other classes, per so many as the population has for each row of the
            class; P unless rows are weighted.
    """
    false = recall * (1 - precision) / precision  # positives that are wrong, per row of the class
    size = 1 + recall + false
    hits, wrong = (1 + false) ** 2 * recall * (1 - recall), recall**2 * false
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = 4 * (hits / positives + np.where(wrong, wrong / others, 0)) / size**4
    return np.asarray(NORMAL * np.sqrt(variance), np.float64)


def widest_f1(positives: Floats, others: Floats) -> Floats:
    """Return `f1_half_width` at its widest over precision and recall, (classes,).

    Without weights it is 1.09 / sqrt(P), at precision 1 and recall .22; a test simulates it.
    """
    grid = np.linspace(0.02, 1, 50)
    precision, recall = (axis.ravel() for axis in np.meshgrid(grid, grid[:-1]))
    tried = f1_half_width(positives[:, None], others[:, None], precision, recall)
    return np.asarray(tried.max(axis=1), np.float64)


def critical(degrees: float, level: float) -> float:
    """Return the two-sided critical value of Student's t, in standard errors."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 1 - level / 2))
