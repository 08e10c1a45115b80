"""Is it better to train on balanced data? The test split keeps the population's class shares.

Two ways to balance are compared: collecting more rows of the rare class, and dropping rows of
the common one.
"""

from typing import Any

import numpy as np

from benchmark.protocol.task import Data
from benchmark.protocol.text import interval
from benchmark.results import comparison
from benchmark.results.study import Answer, Arm, Line, Measured, Study
from studies._settings import with_same_test
from studies._statistics import format_mean, mean_of, verdicts

POPULATION = "population's shares"
DROPPED, COLLECTED = "balanced by dropping rows", "balanced by collecting rows"
MEASURES = {
    "test/precision": "precision",
    "test/recall": "recall",
    "test/f1_at_half": "F1 at 0.5",
    "test/f1_tuned": "F1 at tuned threshold",
    "test/average_precision": "average precision",
}
THRESHOLDS = {"threshold at 0.5": "test/f1_at_half", "tuned threshold": "test/f1_tuned"}


def arms(settings: Any, data: Data) -> list[Arm]:
    """Train on the population, and on as many rows of the rare class where the task has them."""
    # a task that draws `train` rows has more to draw; one that uses all of its rows has not
    has_more = hasattr(settings, "train") and getattr(settings, "train_imbalance", 0) is None
    if not has_more:
        return [Arm(POPULATION, "none, undersample")]
    return [
        Arm(POPULATION, "none, undersample", with_same_test(settings, {})),
        Arm(COLLECTED, "none", with_same_test(settings, {"train_imbalance": 1})),
    ]


def answer(measured: list[Measured]) -> Answer:
    """Compare training data on the same test rows."""
    population = measured[0]
    variants = [(POPULATION, population, "none"), (DROPPED, population, "undersample")]
    variants += [(other.arm.name, other, "none") for other in measured[1:]]
    rows = [
        [name, *(format_mean(mean_of(result, label, metric)) for metric in MEASURES)]
        for name, result, label in variants
    ]
    places = np.arange(1, len(variants) + 1)
    lines = [
        Line(threshold, places, [mean_of(result, label, metric) for _, result, label in variants])
        for threshold, metric in THRESHOLDS.items()
    ]
    return Answer(
        _compare(variants),
        ("training data", *MEASURES.values()),
        rows,
        lines,
        "training data",
        "F1 on test, with the population's shares",
        dict(zip(places, [name for name, _, _ in variants], strict=True)),
    )


def _compare(variants: list[tuple[str, Measured, str]]) -> str:
    """Say how F1 differs from that of the population's shares, seed by seed."""
    (_, population, baseline), *others = variants
    differences = {
        (name, threshold): comparison.mean(
            comparison.of(result.table, label, metric)
            - comparison.of(population.table, baseline, metric),
            population.table,
        )
        for name, result, label in others
        for threshold, metric in THRESHOLDS.items()
    }
    return " ".join(
        f"Training data {name} vs the {POPULATION}, {threshold}: ΔF1 {interval(difference)}, "
        f"{verdict}."
        for ((name, threshold), difference), verdict in zip(
            differences.items(), verdicts(list(differences.values())), strict=True
        )
    )


STUDY = Study("Is it better to train on balanced data?", arms, answer)
