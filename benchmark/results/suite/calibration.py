"""Calibration of forecasts, each data set forecast from the others."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from benchmark.protocol.arrays import Floats, Ints
from benchmark.results.suite.forecast import expect, within_best
from benchmark.results.suite.measured import Measured

EDGES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0)  # of forecast probabilities


@dataclass(frozen=True)
class Bin:
    """Cases, a strategy on a data set each, of which about the same probability was forecast.

    Attributes:
        low, high: of the probabilities.
        cases, sets: how many, on how many data sets.
        forecast, observed: mean probability, and observed frequency.
        binomial: standard error of `observed` if the forecast were right and cases independent.
        error: standard error over data sets, on which cases depend on each other.
    """

    low: float
    high: float
    cases: int
    sets: int
    forecast: float
    observed: float
    binomial: float
    error: float


@dataclass(frozen=True)
class Calibration:
    """Forecasts of each data set from the others, against what was measured there.

    Attributes:
        sets: number of data sets.
        bins: of P(within `ROPE` of the best), and all cases as one.
        brier, base: mean squared error of these probabilities, and of how often the strategy was
            within `ROPE` of the best on the other data sets.
        covered: share of differences inside their 90 % interval, and its standard error over data
            sets.
        error, plain: root mean square error of expected differences, and of the strategies' means
            over the other data sets.
    """

    sets: int
    bins: tuple[Bin, ...]
    whole: Bin
    brier: float
    base: float
    covered: tuple[float, float]
    error: float
    plain: float


def calibrate(found: Measured) -> Calibration:
    """Forecast each data set from the others, and compare."""
    places, means = found.standardised(found.properties), found.means()
    truth, rows = within_best(means), np.arange(len(means))
    said, base, gains, plain = [], [], [], []
    for row in rows:
        others = rows != row
        within, gain = expect(places[others], means[others], places[row])
        said.append(within)
        gains.append(gain)
        base.append(_means(truth[others]))
        plain.append(_means(means[others]))
    known = np.isfinite(truth) & np.isfinite(said)
    of_set = np.nonzero(known)[0]
    forecast, observed = np.array(said)[known], truth[known]
    compared = known[:, 1:]
    expected, low, high = np.moveaxis(np.array(gains), 2, 0)
    inside = np.where(compared, (means >= low) & (means <= high), np.nan)
    shares = _means(inside.T)
    bins = (
        _bin(forecast, observed, of_set, low_edge, high_edge)
        for low_edge, high_edge in pairwise(EDGES)
    )
    return Calibration(
        sets=len(means),
        bins=tuple(each for each in bins if each.cases),
        whole=_bin(forecast, observed, of_set, 0, 1),
        brier=float(np.mean((forecast - observed) ** 2)),
        base=float(np.mean((np.array(base)[known] - observed) ** 2)),
        covered=(float(np.nanmean(inside)), float(np.nanstd(shares, ddof=1) / len(means) ** 0.5)),
        error=float(np.sqrt(np.mean((means - expected)[compared] ** 2))),
        plain=float(np.sqrt(np.mean((means - np.array(plain))[compared] ** 2))),
    )


def _means(values: Floats) -> Floats:
    """Mean of each column over what is known; nan for a column of nothing."""
    known = np.isfinite(values)
    count = known.sum(axis=0)
    total = np.where(known, values, 0).sum(axis=0)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def _bin(forecast: Floats, observed: Floats, of_set: Ints, low: float, high: float) -> Bin:
    inside = (forecast >= low) & ((forecast < high) | (high == EDGES[-1]))
    cases = int(inside.sum())
    if not cases:
        return Bin(low, high, 0, 0, np.nan, np.nan, np.nan, np.nan)
    said, sets = forecast[inside], of_set[inside]
    off = np.bincount(sets, observed[inside] - said)
    return Bin(
        low=low,
        high=high,
        cases=cases,
        sets=len(np.unique(sets)),
        forecast=float(said.mean()),
        observed=float(observed[inside].mean()),
        binomial=float(np.sqrt((said * (1 - said)).sum()) / cases),
        error=float(np.sqrt((off**2).sum()) / cases),
    )
