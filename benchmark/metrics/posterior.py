"""How sure one can be of which strategy is best: a joint posterior of their expected scores.

Everything is a function of one table, float (strategies, seeds), of a measure that is better
when larger. What all strategies share at a seed (its split) cancels: only contrasts matter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from benchmark.metrics import stats
from benchmark.protocol.arrays import Floats

PRIOR_SPREAD = 0.1  # scale of the half-Cauchy prior of the spread of expected scores
DRAWS = 5_000
FUTURES = 100  # that a forecast draws
WITHIN = 0.01  # of the best: a difference that nobody would change a strategy for


@dataclass(frozen=True)
class Posterior:
    """Draws of the expected scores, each less their mean, (draws, strategies)."""

    draws: Floats

    def best(self) -> Floats:
        """Probability of having the largest expected score, (strategies,); copies tie."""
        return self.within(1e-9)

    def within(self, margin: float = WITHIN) -> Floats:
        """Probability of lying within `margin` of the largest expected score, (strategies,)."""
        behind = self.draws.max(axis=1, keepdims=True) - self.draws
        return np.asarray((behind <= margin).mean(axis=0), np.float64)

    def regret(self) -> Floats:
        """Expected score lost against the best one by choosing each strategy, (strategies,)."""
        behind = self.draws.max(axis=1, keepdims=True) - self.draws
        return np.asarray(behind.mean(axis=0), np.float64)


@dataclass(frozen=True)
class Evidence:
    """What a table says of the strategies' expected scores, in orthonormal contrasts.

    Attributes:
        contrasts: (strategies, contrasts); strategies with the same scores share a row.
        centre: mean over seeds, (contrasts,).
        seeds: their number.
        covariance: over seeds, moderated, with its `degrees` of freedom.
        rows: covariance of the means that comes from the test rows.
        correlation: of two seeds beyond their test rows.
    """

    contrasts: Floats
    centre: Floats
    seeds: int
    covariance: Floats
    degrees: float
    rows: Floats
    correlation: float


def evidence(table: Floats, rows: Floats, correlation: float) -> Evidence:
    """Return the evidence of a table; the covariance over seeds is `moderated`.

    Strategies with the same scores at every seed count once: that they do not differ says nothing
    of how far others do.

    Args:
        table: (strategies, seeds), at least two seeds.
        rows: covariance of the means that comes from the test rows, (strategies, strategies).
        correlation: of two seeds beyond their test rows.
    """
    distinct, first, copy = np.unique(table, axis=0, return_index=True, return_inverse=True)
    contrasts, nothing = _contrasts(len(distinct)), np.zeros((0, 0))
    spread = moderated(contrasts.T @ distinct) if len(distinct) > 1 else (nothing, 1.0)
    return Evidence(
        contrasts=contrasts[copy.ravel()],
        centre=contrasts.T @ distinct.mean(axis=1),
        seeds=table.shape[1],
        covariance=spread[0],
        degrees=spread[1],
        rows=positive(contrasts.T @ rows[np.ix_(first, first)] @ contrasts),
        correlation=correlation,
    )


def posterior(known: Evidence, rng: np.random.Generator, draws: int = DRAWS) -> Posterior:
    """Draw from the posterior of the strategies' expected scores.

    The covariance of the means is that of `stats.differences`. The expected scores have a common
    mean and a spread with a half-Cauchy prior, which shrinks the best of many noisy ones. Source
    of the prior: Gelman 2006, "Prior distributions for variance parameters in hierarchical models".
    """
    return Posterior(_effects(known, rng, draws) @ known.contrasts.T)


def _effects(known: Evidence, rng: np.random.Generator, draws: int) -> Floats:
    """Draw expected scores in contrasts, (draws, contrasts)."""
    if not len(known.centre):
        return np.zeros((draws, 0))
    over_seeds = known.covariance * (1 / known.seeds + known.correlation)
    _, axes = np.linalg.eigh(over_seeds + known.rows)
    effects = axes.T @ known.centre
    of_seeds, of_rows = (np.diag(axes.T @ part @ axes) for part in (over_seeds, known.rows))
    # the variance over seeds is known only up to its degrees of freedom
    scale = known.degrees / rng.chisquare(known.degrees, (draws, 1))
    noise = np.maximum(of_seeds * scale + of_rows, 1e-12)
    spread = _spreads(effects, noise, rng)
    kept = spread**2 / (spread**2 + noise)
    means = kept * effects + np.sqrt(kept * noise) * rng.normal(size=noise.shape)
    return np.asarray(means @ axes.T, np.float64)


def forecast(
    known: Evidence, seeds: int, sure: float, rng: np.random.Generator, draws: int = 500
) -> float:
    """Return the probability that at `seeds` seeds one strategy is within `WITHIN` of the best.

    Further seeds are drawn around expected scores on these rows, and those from their posterior;
    each future is judged as the present is.

    Args:
        sure: probability of being within `WITHIN` from which that counts.
    """
    further = seeds - known.seeds
    if further <= 0 or not len(known.centre):
        return float(posterior(known, rng, draws).within().max() >= sure)
    here = replace(known, rows=np.zeros_like(known.rows), correlation=0.0)
    expected = _effects(here, rng, FUTURES)
    variances, axes = np.linalg.eigh(known.covariance / further)
    scale = known.degrees / rng.chisquare(known.degrees, (FUTURES, 1))
    noise = np.sqrt(np.maximum(variances, 0) * scale) * rng.normal(size=expected.shape)
    fresh = expected + noise @ axes.T
    futures = [
        replace(known, centre=centre, seeds=seeds, degrees=known.degrees + further)
        for centre in (known.seeds * known.centre + further * fresh) / seeds
    ]
    settled = [posterior(future, rng, draws).within().max() >= sure for future in futures]
    return float(np.mean(settled))


def positive(covariance: Floats) -> Floats:
    """Return the nearest covariance without negative variances along its axes."""
    variances, axes = np.linalg.eigh(covariance)
    return np.asarray((axes * np.maximum(variances, 0)) @ axes.T, np.float64)


def moderated(values: Floats) -> tuple[Floats, float]:
    """Return the moderated covariance over seeds of contrasts, and its degrees of freedom.

    It is shrunk to equal, independent variances as in `stats.moderate`.

    Args:
        values: (contrasts, seeds).
    """
    count, nu = values.shape[0], values.shape[1] - 1
    sample = np.atleast_2d(np.cov(values))
    prior = stats.prior_degrees(sample, nu) if count >= 2 else 0.0
    target = np.eye(count) * np.trace(sample) / count
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
