"""Differences to the baseline as rows of a plot: a line for the interval, a dot for the mean."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from benchmark.protocol.text import interval, probability
from benchmark.results.analysis import Analysis
from benchmark.results.comparison import Claim

DWARFS = 5  # times the median interval's far end


@dataclass(frozen=True)
class ForestRow:
    """One strategy; places are percent of the plot's width."""

    label: str
    mean: float
    low: float
    high: float
    kind: str  # "better", "worse" or "open"
    beyond: str  # "low" or "high" if the interval leaves the plot there
    text: str  # the difference
    ends: str  # its interval
    better: str  # P(better)
    value: float


@dataclass(frozen=True)
class Forest:
    """A plot of ΔF1 vs the baseline, best first.

    Attributes:
        zero: place of no difference, in percent.
        ticks: place -> number.
    """

    key: str
    title: str
    caption: str
    rows: list[ForestRow]
    zero: float
    ticks: dict[float, str]


def forests(analysis: Analysis) -> list[Forest]:
    """Return the plots at tuned and at own thresholds, on the same scale; none without claims."""
    words = analysis.words
    plots = (
        ("tuned", "test/f1_tuned", f"{words.f1} with {words.every} tuned"),
        ("own", "test/f1", f"{words.f1} at each strategy's own {words.threshold}"),
    )
    found = {key: analysis.claims_on(metric) for key, metric, _ in plots}
    claims = [claim for of_plot in found.values() for claim in of_plot]
    if not claims:
        return []
    forests = []
    for key, _, title in plots:
        if found[key]:
            low, high = _reach(found[key])
            forests.append(
                Forest(
                    key,
                    f"Δ{title}",
                    f"Difference to the baseline; the {analysis.confidence} intervals of the plot "
                    "hold together. P(better): probability of a difference above 0.",
                    [_row(claim, low, high, analysis.level) for claim in _ordered(found[key])],
                    _place(0, low, high),
                    {
                        _place(tick, low, high): f"{tick:+.3g}" if tick else "0"
                        for tick in _ticks(low, high)
                    },
                )
            )
    return forests


def _ordered(claims: list[Claim]) -> list[Claim]:
    return sorted(claims, key=lambda claim: -claim.mean)


def _reach(claims: list[Claim]) -> tuple[float, float]:
    """The scale's ends: of all intervals but those that would dwarf the others."""
    means = np.array([claim.mean for claim in claims])
    ends = np.array([[claim.low, claim.high] for claim in claims])
    ends = np.where(np.isnan(ends), means[:, None], ends)
    most = DWARFS * float(np.median(np.abs(ends).max(axis=1)))
    low, high = max(-most, min(0.0, float(ends.min()))), min(most, max(0.0, float(ends.max())))
    room = 0.04 * (high - low or 1)
    return low - room, high + room


def _place(value: float, low: float, high: float) -> float:
    return round(100 * min(1, max(0, (value - low) / (high - low))), 2)


def _ticks(low: float, high: float) -> list[float]:
    """Two to four round numbers."""
    power = 10 ** math.floor(math.log10(high - low))
    step = next(power * part for part in (0.2, 0.5, 1, 2, 5) if (high - low) / (power * part) <= 4)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [round(step * number, 10) for number in range(first, last + 1)]


def _row(claim: Claim, low: float, high: float, level: float) -> ForestRow:
    known = not math.isnan(claim.low)
    significant = claim.p < level
    kind = ("better" if claim.mean > 0 else "worse") if significant else "open"
    text, _, ends = interval(claim).partition(" [")
    above = claim.difference.above
    return ForestRow(
        label=claim.label,
        mean=_place(claim.mean, low, high),
        low=_place(claim.low if known else claim.mean, low, high),
        high=_place(claim.high if known else claim.mean, low, high),
        kind=kind,
        beyond="low" if claim.low < low else "high" if claim.high > high else "",
        text=text,
        ends=f"[{ends}" if ends else "",
        better=probability(above),
        value=claim.mean,
    )
