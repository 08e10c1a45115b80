"""Two strategies over many data sets: a Bayesian hierarchical model of their differences.

Each data set has a difference delta_i, known with an error; the delta_i are a sample of Student's
t around delta_0. What is asked is the difference on a further data set. Source: Corani, Benavoli,
Demsar, Mangili and Zaffalon 2017, "Statistical comparison of classifiers through Bayesian
hierarchical modelling", with the priors of its library baycomp. There the error of a data set is
found from the correlation of its scores alone; here it is given, so that it may come from the seeds
and from the test rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from benchmark.protocol.arrays import Bools, Floats, Ints

CHAINS = 16
WARM_UP = 25  # iterations of each chain that are dropped
KEPT = 160  # iterations of each chain
SHAPES, RATES = (1.0, 2.0), (0.01, 0.1)  # of the Gamma prior of the degrees of freedom less 1
DEGREES = 1 + np.geomspace(0.05, 400, 36)  # grid of the degrees of freedom
LEAST_ERROR = 1e-4  # of a data set: scores that are equal at every seed may differ at the next
# grid of the spread, in units of that of the estimates; its end is the end of the flat prior
SPREADS = np.geomspace(0.01, 20, 48)


@dataclass(frozen=True)
class Estimates:
    """Differences on data sets, (data sets,) each."""

    means: Floats
    errors: Floats  # standard errors
    degrees: Floats  # of freedom of the errors

    def take(self, rows: Ints | Bools) -> Estimates:
        """Return those of some data sets, by number or mask."""
        return Estimates(self.means[rows], self.errors[rows], self.degrees[rows])


@dataclass(frozen=True)
class Field:
    """Draws of what the model says of the data sets there are, and of a further one.

    Attributes:
        centre, spread, degrees: of the differences on data sets, (draws,) each.
        below, within, above: probability that the difference on a further data set is below
            -rope, within the rope, above it; (draws,) each.
        effects: differences on the data sets, shrunk towards the centre, (draws, data sets).
    """

    centre: Floats
    spread: Floats
    degrees: Floats
    below: Floats
    within: Floats
    above: Floats
    effects: Floats

    def wins(self) -> tuple[float, float, float]:
        """Probability that worse, equal or better is what most data sets are (baycomp's)."""
        largest = np.argmax([self.below, self.within, self.above], axis=0)
        below, within, above = np.bincount(largest, minlength=3) / len(largest)
        return float(below), float(within), float(above)

    def next_one(self) -> tuple[float, float, float]:
        """Probability that a further data set is below the rope, within it, above it."""
        return float(self.below.mean()), float(self.within.mean()), float(self.above.mean())

    def further(self, rng: np.random.Generator) -> Floats:
        """Draw true differences on further data sets, (draws,)."""
        noise = rng.standard_t(self.degrees)
        return np.asarray(self.centre + self.spread * noise, np.float64)


def from_scores(differences: Floats, correlation: float) -> Estimates:
    """Return the estimates that Corani's model makes of paired differences.

    With sigma_i integrated out under its flat prior, what remains of the correlated normal scores
    is Student's t on seeds - 2 degrees of freedom.

    Args:
        differences: (data sets, seeds), three seeds or more.
        correlation: of two seeds; 1 / folds for cross-validation.
    """
    seeds = differences.shape[1]
    if seeds < 3:
        raise ValueError("three seeds or more are needed")
    means = differences.mean(axis=1)
    inner = ((differences - means[:, None]) ** 2).sum(axis=1) / (1 - correlation)
    outer = (1 + (seeds - 1) * correlation) / seeds
    errors = np.sqrt(inner * outer / (seeds - 2))
    return Estimates(means, errors, np.full(len(means), seeds - 2.0))


def field(known: Estimates, rope: float, rng: np.random.Generator) -> Field:
    """Draw from the posterior by Gibbs sampling, in chains side by side.

    Both t distributions are normal given a weight for each data set. The spread is drawn with
    the centre and the data sets' effects integrated out, so that small spreads mix.

    Args:
        rope: half the width of the region of practical equivalence.

    Raises:
        ValueError: for fewer than two data sets, or values that are not finite.
    """
    if len(known.means) < 2 or not np.isfinite([known.means, known.errors]).all():
        raise ValueError("two data sets or more are needed, with finite means and errors")
    scale = max(float(np.std(known.means)), LEAST_ERROR)
    sampler = _Sampler(
        known.means,
        np.maximum(known.errors, LEAST_ERROR) ** 2,
        known.degrees,
        float(np.abs(known.means).max()) + LEAST_ERROR,
        SPREADS * scale,
        rng,
    )
    kept = [sampler.step() for _ in range(WARM_UP + KEPT)][WARM_UP:]
    centre, spread, degrees = (np.concatenate([one[i] for one in kept]) for i in range(3))
    below = special.stdtr(degrees, (-rope - centre) / spread)
    above = special.stdtr(degrees, (centre - rope) / spread)
    effects = np.concatenate([one[3] for one in kept])
    return Field(centre, spread, degrees, below, 1 - below - above, above, effects)


class _Sampler:
    """The state of the chains; `step` draws all of it once."""

    def __init__(
        self,
        means: Floats,
        variances: Floats,
        degrees: Floats,
        most: float,
        grid: Floats,
        rng: np.random.Generator,
    ) -> None:
        self.means, self.variances, self.own = means, variances, degrees
        self.most, self.grid, self.rng = most, grid, rng
        self.widths = np.log(np.gradient(grid))  # of the flat prior on the grid
        self.log_prior = _log_prior_of_degrees()
        halves = special.gammaln((DEGREES + 1) / 2) - special.gammaln(DEGREES / 2)
        self.constant = halves - np.log(DEGREES) / 2  # of the density of Student's t
        shape = (CHAINS, len(means))
        self.error_weights = np.ones(shape)
        self.weights = np.ones(shape)
        self.nu = np.full(CHAINS, 5.0)

    def step(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Return centre, spread, degrees of freedom (chains,) and effects (chains, data sets)."""
        noise = self.variances / self.error_weights
        spread = self._spread(noise)
        between = (spread**2)[:, None] / self.weights
        precision = 1 / (noise + between)
        total = precision.sum(axis=1)
        centre = self._truncated((precision * self.means).sum(axis=1) / total, total**-0.5)
        kept = between / (between + noise)
        middle = centre[:, None] + kept * (self.means - centre[:, None])
        effects = middle + np.sqrt(kept * noise) * self.rng.normal(size=noise.shape)
        off = ((effects - centre[:, None]) / spread[:, None]) ** 2
        self.nu = self._degrees(off)  # before the weights, which it integrates out
        shape = (self.nu[:, None] + 1) / 2
        self.weights = self.rng.gamma(shape, 2 / (self.nu[:, None] + off))
        own = (self.means - effects) ** 2 / self.variances
        self.error_weights = self.rng.gamma((self.own + 1) / 2, 2 / (self.own + own))
        return centre, spread, self.nu, effects

    def _spread(self, noise: Floats) -> Floats:
        """Draw the spread of the data sets, (chains,), centre and effects integrated out."""
        variance = (1 / self.weights.T)[:, :, None] * self.grid**2  # (data sets, chains, grid)
        variance += noise.T[:, :, None]
        logs = _sum_of_logs(variance)
        precision = np.divide(1, variance, out=variance).reshape(len(variance), -1)
        off = self.means - self.means.mean()
        total, first, second = (np.stack([off**0, off, off**2]) @ precision).reshape(3, *logs.shape)
        loglik = -0.5 * (logs + np.log(total) + second - first**2 / total)
        return np.asarray(self.grid[self._pick(loglik + self.widths)])

    def _degrees(self, off: Floats) -> Floats:
        """Draw the degrees of freedom, (chains,), the weights integrated out."""
        logs = _sum_of_logs(1 + off.T[:, :, None] / DEGREES)
        loglik = off.shape[1] * self.constant - (DEGREES + 1) / 2 * logs
        return np.asarray(DEGREES[self._pick(loglik + self.log_prior)])

    def _pick(self, logs: Floats) -> Ints:
        """Draw a place on the grid for each chain, from logs of its masses, (chains, grid)."""
        masses = np.cumsum(np.exp(logs - logs.max(axis=1, keepdims=True)), axis=1)
        drawn = self.rng.random((len(logs), 1)) * masses[:, -1:]
        return np.asarray(np.minimum((masses < drawn).sum(axis=1), logs.shape[1] - 1), np.int64)

    def _truncated(self, centre: Floats, error: Floats) -> Floats:
        """Draw the centre between -most and most."""
        low, high = (special.ndtr((end - centre) / error) for end in (-self.most, self.most))
        drawn = special.ndtri(low + (high - low) * self.rng.random(len(centre)))
        return np.asarray(np.clip(centre + error * drawn, -self.most, self.most))


def _sum_of_logs(values: Floats) -> Floats:
    """Sum the logs over the first axis: logs of products of eight, a third of the time.

    The values are variances and squares of standardised differences: eight stay within range.
    """
    eights = (values[start : start + 8] for start in range(0, len(values), 8))
    return np.asarray(sum(np.log(np.multiply.reduce(some)) for some in eights))


def _log_prior_of_degrees() -> Floats:
    """Log of the prior mass of each place of `DEGREES`: Gamma with uniform shape and rate."""
    shapes, rates = (np.linspace(*ends, 40) for ends in (SHAPES, RATES))
    shape, rate, x = shapes[:, None, None], rates[None, :, None], DEGREES - 1
    logs = shape * np.log(rate) - special.gammaln(shape) + (shape - 1) * np.log(x) - rate * x
    return np.asarray(np.log(np.exp(logs).mean(axis=(0, 1)) * np.gradient(DEGREES)))
