"""Statistics that several studies need: means of measures, and verdicts on differences."""

from collections.abc import Sequence

import numpy as np

from benchmark.metrics import stats
from benchmark.metrics.stats import Difference
from benchmark.protocol.text import interval
from benchmark.results import comparison
from benchmark.results.study import Measured

SIGNIFICANT = f"significant ({1 - stats.LEVEL:.0%}, adjusted)".replace("%", " %")


def mean_of(measured: Measured, label: str, metric: str) -> Difference:
    """Return the mean of a strategy's measure over seeds, with its interval."""
    return comparison.mean(measured.table, label, metric)


def format_mean(mean: Difference) -> str:
    """Format a mean as ``0.446 [0.401, 0.491]``; without the interval for one seed."""
    return interval(mean, sign="")


def verdicts(differences: Sequence[Difference]) -> list[str]:
    """Say of each difference whether it is significant, by Holm's adjustment over all of them."""
    adjusted = stats.holm(np.array([difference.p for difference in differences]))
    return [SIGNIFICANT if p < stats.LEVEL else "no significant difference" for p in adjusted]


def name_of(label: str) -> str:
    """Return what readers call a strategy."""
    return "the baseline" if label == comparison.NONE else label
