"""How sure one can be of which strategy is best: a joint posterior of their expected scores.

Everything is a function of one table, float (strategies, seeds), of a measure that is better
when larger. What all strategies share at a seed (its split) cancels: only contrasts matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.protocol.arrays import Floats

PRIOR_SPREAD = 0.1  # scale of the half-Cauchy prior of the spread of expected scores
PRIOR_DEGREES = 4  # of freedom of the prior variance, at most
DRAWS = 20_000
WITHIN = 0.01  # of the best: a difference that nobody would change a strategy for


@dataclass(frozen=True)
class Posterior:
    """Draws of the expected scores, each less their mean, (draws, strategies)."""

    draws: Floats

    def best(self) -> Floats:
        """Probability of having the largest expected score, (strategies,)."""
        winners = np.argmax(self.draws, axis=1)
        return np.bincount(winners, minlength=self.draws.shape[1]) / len(self.draws)

    def within(self, margin: float = WITHIN) -> Floats:
        """Probability of lying within `margin` of the largest expected score, (strategies,)."""
        behind = self.draws.max(axis=1, keepdims=True) - self.draws
        return np.asarray((behind <= margin).mean(axis=0), np.float64)

    def regret(self) -> Floats:
        """Expected score lost against the best one by choosing each strategy, (strategies,)."""
        behind = self.draws.max(axis=1, keepdims=True) - self.draws
        return np.asarray(behind.mean(axis=0), np.float64)


def posterior(
    table: Floats, share: float, rng: np.random.Generator, draws: int = DRAWS
) -> Posterior:
    """Draw from the posterior of the strategies' expected scores.

    The covariance over seeds is moderated, see `moderated`. The expected scores have a common
    mean and a spread with a half-Cauchy prior, which shrinks the best of many noisy ones.
    Source of the prior: Gelman 2006, "Prior distributions for variance parameters in
    hierarchical models".

    Args:
        table: (strategies, seeds), at least two seeds.
        share: variance of the mean over infinitely many seeds of the same rows, as a share of
            the variance over seeds; see ``stats.standard_error_factor``.
    """
    strategies, seeds = table.shape
    if strategies == 1:
        return Posterior(np.zeros((draws, 1)))
    contrasts = _contrasts(strategies)
    centre = contrasts.T @ table.mean(axis=1)
    covariance, degrees = moderated(contrasts.T @ table)
    variances, axes = np.linalg.eigh(covariance * (1 / seeds + share))
    variances = np.maximum(variances, 1e-12)
    effects = axes.T @ centre
    # the noise is known only up to its degrees of freedom
    noise = variances * (degrees / rng.chisquare(degrees, (draws, 1)))
    spread = _spreads(effects, noise, rng)
    kept = spread**2 / (spread**2 + noise)
    means = kept * effects + np.sqrt(kept * noise) * rng.normal(size=noise.shape)
    return Posterior(means @ (contrasts @ axes).T)


def moderated(values: Floats) -> tuple[Floats, float]:
    """Return the moderated covariance over seeds of contrasts, and its degrees of freedom.

    The prior has min(4, (k - 1) nu) degrees of freedom, where nu is those of the sample and
    k = (tr S)^2 / tr S^2 counts the independent variances among the contrasts. Source of the
    moderation: Smyth 2004, "Linear models and empirical Bayes methods for assessing differential
    expression in microarray experiments", eq. 3; k takes the place of its number of genes.

    Args:
        values: (contrasts, seeds).
    """
    count, seeds = values.shape
    nu = seeds - 1
    sample = np.atleast_2d(np.cov(values))
    total = float(np.trace(sample))
    if total <= 0:
        return sample, float(nu)
    effective = total**2 / float(np.sum(sample**2))
    prior = min(PRIOR_DEGREES, (effective - 1) * nu) if count >= 2 else 0.0
    target = np.eye(count) * total / count
    return (prior * target + nu * sample) / (prior + nu), prior + nu


def _contrasts(strategies: int) -> Floats:
    """Orthonormal contrasts of strategies, (strategies, strategies - 1)."""
    centred = np.eye(strategies) - 1 / strategies
    return np.linalg.svd(centred)[0][:, : strategies - 1]


def prior_spreads(count: int = 60) -> Floats:
    """Quantiles of the half-Cauchy prior, each of the same mass, (count,)."""
    return np.asarray(PRIOR_SPREAD * np.tan(np.pi / 2 * (np.arange(count) + 0.5) / count))


def _spreads(effects: Floats, noise: Floats, rng: np.random.Generator) -> Floats:
    """Draw a spread of the expected scores for each draw of the noise, (draws, 1)."""
    grid = prior_spreads()
    variance = noise[:, None, :] + grid[:, None] ** 2
    loglik = -0.5 * (np.log(variance) + effects**2 / variance).sum(axis=2)
    cumulative = np.cumsum(np.exp(loglik - loglik.max(axis=1, keepdims=True)), axis=1)
    chosen = (cumulative < rng.random((len(noise), 1)) * cumulative[:, -1:]).sum(axis=1)
    return np.asarray(grid[np.minimum(chosen, len(grid) - 1)][:, None], np.float64)
