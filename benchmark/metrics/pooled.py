"""Regression of differences on properties of data sets, pooled over strategies.

A Gaussian model: the difference of a strategy on a data set is a level of the strategy, plus
slopes on the properties, plus an effect that all strategies share on that data set, plus what is
left, plus the known error. Levels and slopes of strategies scatter around common ones, so that a
strategy with few or noisy results borrows from the others. All of it integrates out: the spreads
are averaged over a grid by their likelihood. Source: Gelman and Hill 2007, "Data analysis using
regression and multilevel models", chapter 13.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from benchmark.protocol.arrays import Floats, Ints

# grids of the spreads, in units of the spread of the differences
LEVEL = 0.5  # of a strategy's level around the common one
SLOPES = (0.03, 0.1, 0.3)  # of the common slopes around zero
OWN_SLOPES = (0.03, 0.1, 0.3)  # of a strategy's slopes around the common ones
SHARED = (0.03, 0.2, 0.5)  # of what all strategies share on a data set
REST = (0.03, 0.1, 0.3, 0.6, 1.0)  # of what is left
COMMON_LEVEL = 1.0  # spread of the common level around zero


@dataclass(frozen=True)
class Observed:
    """Differences, one per row.

    Attributes:
        values, errors: (rows,).
        strategy, data_set: number of each, (rows,).
        properties: of the row's data set, standardised, (rows, properties).
    """

    values: Floats
    errors: Floats
    strategy: Ints
    data_set: Ints
    properties: Floats


@dataclass(frozen=True)
class Fitted:
    """The model given the observed differences, at each place of the grid.

    It is linear in effects: a common level and slopes, those of each strategy, and one effect per
    data set, in this order (see `_design`).

    Attributes:
        design: (rows, effects).
        logs: log likelihood, (places,).
        rests: variance of what is left, (places,).
        shared: variance of the effects of data sets, (places,).
        means: of the effects, (places, effects).
        covariances: of the effects, (places, effects, effects).
    """

    observed: Observed
    strategies: int
    design: Floats
    logs: Floats
    rests: Floats
    shared: Floats
    means: Floats
    covariances: Floats

    @property
    def weights(self) -> Floats:
        """Of the places, (places,)."""
        return _weights(self.logs)


def fit(observed: Observed) -> Fitted:
    """Fit the model.

    Raises:
        ValueError: for values that are not finite.
    """
    if not all(np.isfinite(x).all() for x in (observed.values, observed.errors)):
        raise ValueError("differences and errors must be finite")
    scale = max(float(np.std(observed.values)), 1e-6)
    strategies, sets = int(observed.strategy.max()) + 1, int(observed.data_set.max()) + 1
    own = np.eye(sets)[observed.data_set]
    design = np.column_stack([_design(observed.strategy, observed.properties, strategies), own])
    y, errors = observed.values, np.maximum(observed.errors, 1e-3 * scale)
    logs, rests, shares, means, covariances = [], [], [], [], []
    for rest in REST:
        noise = errors**2 + (rest * scale) ** 2
        weighed = design / noise[:, None]
        information, score = design.T @ weighed, weighed.T @ y
        for slope, own_slope, shared in product(SLOPES, OWN_SLOPES, SHARED):
            spreads = _spreads(observed, strategies, sets, slope, own_slope, shared) * scale
            precision = information + np.diag(spreads**-2)
            covariance = np.linalg.inv(precision)
            mean = covariance @ score
            size = np.linalg.slogdet(precision)[1] + 2 * np.log(spreads).sum()
            fit_of = y @ (y / noise) - mean @ score
            logs.append(-0.5 * (fit_of + size + np.log(noise).sum()))
            rests.append((rest * scale) ** 2)
            shares.append((shared * scale) ** 2)
            means.append(mean)
            covariances.append(covariance)
    arrays = (np.array(each) for each in (logs, rests, shares, means, covariances))
    return Fitted(observed, strategies, design, *arrays)


def _design(strategy: Ints, properties: Floats, strategies: int) -> Floats:
    """Columns of the common level and slopes, then of each strategy's: (rows, effects)."""
    common = np.column_stack([np.ones(len(strategy)), properties])
    mine = np.eye(strategies)[strategy]
    own = (mine[:, :, None] * common[:, None, :]).reshape(len(strategy), -1)
    return np.column_stack([common, own])


def _spreads(
    observed: Observed, strategies: int, sets: int, slope: float, own_slope: float, shared: float
) -> Floats:
    """Prior standard deviation of each effect, in units of the scale."""
    count = observed.properties.shape[1]
    own = [LEVEL, *[own_slope] * count]
    return np.array([COMMON_LEVEL, *[slope] * count, *(own * strategies), *[shared] * sets])


@dataclass(frozen=True)
class Slopes:
    """Slopes of strategies on properties: means and standard errors, (strategies, properties)."""

    means: Floats
    errors: Floats


def slopes(fitted: Fitted) -> Slopes:
    """Return the change of each strategy's difference for a standard deviation of a property."""
    count = fitted.observed.properties.shape[1]
    rows = np.concatenate(
        [
            _design(np.array([s]), unit[None], fitted.strategies)
            - _design(np.array([s]), 0 * unit[None], fitted.strategies)
            for s in range(fitted.strategies)
            for unit in np.eye(count)
        ]
    )
    known = rows.shape[1]
    first = fitted.means[:, :known] @ rows.T
    variances = ((rows @ fitted.covariances[:, :known, :known]) * rows).sum(axis=2)
    means = fitted.weights @ first
    squares = fitted.weights @ (variances + first**2)
    shape = (fitted.strategies, count)
    errors = np.sqrt(np.maximum(squares - means**2, 0))
    return Slopes(means.reshape(shape), errors.reshape(shape))


def _weights(logs: Floats) -> Floats:
    weights = np.exp(logs - logs.max())
    return np.asarray(weights / weights.sum())
