"""Is oversampling worth more than a weight? The articles rank it between two weights."""

from typing import Any

import numpy as np

from benchmark.protocol.task import Data
from benchmark.protocol.text import interval
from benchmark.results import comparison
from benchmark.results.study import Answer, Arm, Line, Measured, Study
from studies._statistics import format_mean, mean_of, name_of, verdicts

RARE = "class_weight"  # its default gives each class the same total weight, as oversampling does
LABELS = ("none", "oversample", RARE)
MEASURES = {
    "test/precision": "precision",
    "test/recall": "recall",
    "test/f1_at_half": "F1 at 0.5",
    "test/f1_tuned": "F1 at tuned threshold",
    "test/average_precision": "average precision",
}
THRESHOLDS = {"threshold at 0.5": "test/f1_at_half", "tuned threshold": "test/f1_tuned"}
PAIRS = (("oversample", "none"), (RARE, "none"), ("oversample", RARE))


def arms(settings: Any, data: Data) -> list[Arm]:
    """Run plain training, oversampling, and weights that count as much."""
    return [Arm("population", ", ".join(LABELS))]


def answer(measured: list[Measured]) -> Answer:
    """Compare the three, each pair at both thresholds."""
    [result] = measured
    differences = {
        (first, second, threshold): comparison.against(result.table, second, metric, [first])[first]
        for first, second in PAIRS
        for threshold, metric in THRESHOLDS.items()
    }
    paragraph = " ".join(
        f"{first} vs {name_of(second)}, {threshold}: ΔF1 {interval(difference)}, {verdict}."
        for ((first, second, threshold), difference), verdict in zip(
            differences.items(), verdicts(list(differences.values())), strict=True
        )
    )
    rows = [
        [name_of(label), *(format_mean(mean_of(result, label, metric)) for metric in MEASURES)]
        for label in LABELS
    ]
    places = np.arange(1, len(LABELS) + 1)
    lines = [
        Line(threshold, places, [mean_of(result, label, metric) for label in LABELS])
        for threshold, metric in THRESHOLDS.items()
    ]
    return Answer(
        paragraph,
        ("training", *MEASURES.values()),
        rows,
        lines,
        "training",
        "F1 on test",
        dict(zip(places, map(name_of, LABELS), strict=True)),
    )


STUDY = Study("Is oversampling worth more than a weight?", arms, answer)
