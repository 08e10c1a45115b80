"""Is oversampling worth more than a weight? The articles rank it between two weights."""

from typing import Any

import numpy as np

from benchmark.protocol.task import Data
from benchmark.results import comparison
from benchmark.results.study import Answer, Arm, Measured, Study
from studies._statistics import (
    MEASURES,
    THRESHOLDS,
    compared,
    measure_rows,
    name_of,
    threshold_lines,
)

RARE = "class_weight"  # its default gives each class the same total weight, as oversampling does
LABELS = ("none", "oversample", RARE)
PAIRS = (("oversample", "none"), (RARE, "none"), ("oversample", RARE))


def arms(settings: Any, data: Data) -> list[Arm]:
    """Run plain training, oversampling, and weights that count as much."""
    return [Arm("population", ", ".join(LABELS))]


def answer(measured: list[Measured]) -> Answer:
    """Compare the three, each pair at both thresholds."""
    [result] = measured
    differences = {
        (f"{first} vs {name_of(second)}", threshold): comparison.against(
            result.table, second, metric, [first]
        )[first]
        for first, second in PAIRS
        for threshold, metric in THRESHOLDS.items()
    }
    trainings = [(name_of(label), result, label) for label in LABELS]
    places = np.arange(1, len(LABELS) + 1)
    return Answer(
        compared(differences),
        ("training", *MEASURES.values()),
        measure_rows(trainings),
        threshold_lines(trainings, places),
        "training",
        "F1 on test",
        dict(zip(places, map(name_of, LABELS), strict=True)),
    )


STUDY = Study("Is oversampling worth more than a weight?", arms, answer)
