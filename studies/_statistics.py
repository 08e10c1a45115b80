"""Statistics that several studies need: means of measures, and verdicts on differences."""

from collections.abc import Mapping, Sequence

import numpy as np

from benchmark.metrics import stats
from benchmark.metrics.stats import Difference
from benchmark.protocol.text import interval
from benchmark.results import comparison
from benchmark.results.study import Line, Measured

MEASURES = {
    "test/precision": "precision",
    "test/recall": "recall",
    "test/f1_at_half": "F1 at 0.5",
    "test/f1_tuned": "F1 at tuned threshold",
    "test/average_precision": "average precision",
}
THRESHOLDS = {"threshold at 0.5": "test/f1_at_half", "tuned threshold": "test/f1_tuned"}
Trainings = Sequence[tuple[str, Measured, str]]  # name, where it was measured, its label there

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


def measure_rows(trainings: Trainings) -> list[list[str]]:
    """Return a row of `MEASURES` for each training."""
    return [
        [name, *(format_mean(mean_of(result, label, metric)) for metric in MEASURES)]
        for name, result, label in trainings
    ]


def threshold_lines(trainings: Trainings, places: Sequence[float]) -> list[Line]:
    """Return F1 of the trainings at each of `THRESHOLDS`, a line each."""
    return [
        Line(threshold, places, [mean_of(result, label, metric) for _, result, label in trainings])
        for threshold, metric in THRESHOLDS.items()
    ]


def compared(differences: Mapping[tuple[str, str], Difference]) -> str:
    """Say each (what is compared, threshold) with its difference and whether it is significant."""
    return " ".join(
        f"{pair}, {threshold}: ΔF1 {interval(difference)}, {verdict}."
        for ((pair, threshold), difference), verdict in zip(
            differences.items(), verdicts(list(differences.values())), strict=True
        )
    )


def name_of(label: str) -> str:
    """Return what readers call a strategy."""
    return "the baseline" if label == comparison.NONE else label
