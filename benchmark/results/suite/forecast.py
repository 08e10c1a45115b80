"""A forecast for a data set that was not run, from those that were and are like it.

Whole data sets are drawn, each with a weight by its likeness: what strategies have in common on
one, and that they often decide alike there, is kept as it was measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from benchmark.metrics import nearby
from benchmark.protocol.arrays import Floats
from benchmark.results.suite.field import ROPE
from benchmark.results.suite.measured import Measured, on_scale

BASELINE = "none"
COVERED = 0.9  # of intervals
LIKE = 20  # data sets that the weights count for: of fewer there is no interval of 90 %


@dataclass(frozen=True)
class Outlook:
    """A forecast for a data set that was not run.

    Attributes:
        within: strategy, the baseline among them -> probability that it is within `ROPE` of the
            best.
        gains: strategy -> expected difference to the baseline, and its 90 % interval.
        alike: names of the data sets most alike.
        near: strategy -> on how many of these it was within `ROPE` of the best.
        inside: whether each property lies within those of the data sets.
    """

    within: Mapping[str, float]
    gains: Mapping[str, tuple[float, float, float]]
    alike: tuple[str, ...]
    near: Mapping[str, int]
    inside: bool


def outlook(found: Measured, properties: Mapping[str, float]) -> Outlook:
    """Forecast what would be measured of the strategies on a data set with these properties."""
    raw = np.array(on_scale(properties, found.names))
    places, own = found.standardised(found.properties), found.standardised(raw)
    means = found.means()
    within, gains = expect(places, means, own)
    alike = np.argsort(((places - own) ** 2).sum(axis=1), kind="stable")[:LIKE]
    near = np.nansum(within_best(means)[alike], axis=0)
    labels = (BASELINE, *found.strategies)
    return Outlook(
        within=dict(zip(labels, within.tolist(), strict=True)),
        gains={
            label: (float(mean), float(low), float(high))
            for label, (mean, low, high) in zip(found.strategies, gains, strict=True)
        },
        alike=tuple(found.sets[row] for row in alike),
        near=dict(zip(labels, near.astype(int).tolist(), strict=True)),
        inside=bool(
            ((raw >= found.properties.min(axis=0)) & (raw <= found.properties.max(axis=0))).all()
        ),
    )


def expect(places: Floats, means: Floats, own: Floats) -> tuple[Floats, Floats]:
    """Forecast from data sets by their likeness.

    Args:
        places: standardised properties, (data sets, properties).
        means: differences, nan where there is none, (data sets, strategies).
        own: standardised properties of the data set that is forecast, (properties,).

    Returns:
        The probability that the baseline and each strategy is within `ROPE` of the best,
        (1 + strategies,); expected differences with intervals, (strategies, 3). nan for strategies
        that no data set has.
    """
    weights = nearby.weigh(places, own, LIKE)
    within = within_best(means)
    share = np.full(within.shape[1], np.nan)
    gains = np.full((means.shape[1], 3), np.nan)
    for column in range(within.shape[1]):
        there = np.isfinite(within[:, column])
        if not there.any():
            continue
        share[column] = np.average(within[there, column], weights=weights[there])
        if column:
            values = means[there, column - 1]
            mean = np.average(values, weights=weights[there])
            gains[column - 1] = mean, *nearby.interval(values, weights[there], COVERED)
    return share, gains


def within_best(means: Floats) -> Floats:
    """Return 1 where the baseline, and each strategy, is within `ROPE` of the best, 0 where not.

    (data sets, 1 + strategies), nan where a strategy has no difference.
    """
    every = np.column_stack([np.zeros(len(means)), means])
    within = every >= np.nanmax(every, axis=1, keepdims=True) - ROPE
    return np.where(np.isfinite(every), within, np.nan)
