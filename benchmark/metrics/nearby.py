"""The distribution of values near a place, from values at other places."""

from __future__ import annotations

import numpy as np

from benchmark.protocol.arrays import Floats

BANDWIDTHS = (0.02, 1e3)  # in units of the places; searched by bisection of the logarithm
STEPS = 40


def effective(weights: Floats) -> float:
    """Return how many equal weights would carry as much: (sum)^2 / sum of squares (Kish 1965)."""
    return float(weights.sum() ** 2 / (weights**2).sum())


def weigh(places: Floats, own: Floats, number: float) -> Floats:
    """Return weights of places by how near they are to one's own.

    A Gaussian kernel, divided by the density of the places around each (Coifman and Lafon 2006):
    without that, those in the middle, which are near to all, would count too much everywhere.

    Args:
        places: (places, dimensions), in units that make all dimensions alike.
        own: (dimensions,).
        number: that the weights count for (`effective`); it sets the bandwidth. All weights are
            equal where there are no more places.
    """
    if len(places) <= number:
        return np.ones(len(places))
    distances = ((places - own) ** 2).sum(axis=1)
    distances = distances - distances.min()  # a far place has neighbours, too
    between = ((places[:, None] - places) ** 2).sum(axis=2)
    low, high = np.log(BANDWIDTHS)
    for _ in range(STEPS):
        middle = (low + high) / 2
        few = effective(_weights(distances, between, middle)) < number
        low, high = (middle, high) if few else (low, middle)
    return _weights(distances, between, high)


def _weights(distances: Floats, between: Floats, log_bandwidth: float) -> Floats:
    scale = -0.5 * np.exp(-2 * log_bandwidth)
    return np.asarray(np.exp(scale * distances) / np.exp(scale * between).sum(axis=1))


def interval(values: Floats, weights: Floats, share: float) -> tuple[float, float]:
    """Return the interval that holds a further value with this probability.

    Quantiles of the weighted values, to which the further one is added with their average weight
    at a place unknown; this makes them exact for equal weights, but for the linear interpolation
    between two values (conformal prediction, Vovk et al. 2005; weighted, Guan 2023). The extreme
    values where there are too few for quantiles so far out.
    """
    order = np.argsort(values, kind="stable")
    ranked, parts = values[order], weights[order] / weights.sum()
    tail, whole = (1 - share) / 2, 1 + 1 / effective(parts)
    low = np.interp(tail, np.cumsum(parts) / whole, ranked)
    high = np.interp(tail, np.cumsum(parts[::-1]) / whole, ranked[::-1])
    return float(low), float(high)
