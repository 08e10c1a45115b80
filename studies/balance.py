"""Is it better to train on balanced data? The test split keeps the population's class shares.

Two ways to balance are compared: collecting more rows of the rare class, and dropping rows of
the common one.
"""

from typing import Any

import numpy as np

from benchmark.protocol.task import Data
from benchmark.results import comparison
from benchmark.results.study import Answer, Arm, Measured, Study
from studies._settings import with_same_test
from studies._statistics import MEASURES, THRESHOLDS, compared, measure_rows, threshold_lines

POPULATION = "population's shares"
DROPPED, COLLECTED = "balanced by dropping rows", "balanced by collecting rows"


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
    places = np.arange(1, len(variants) + 1)
    return Answer(
        _compare(variants),
        ("training data", *MEASURES.values()),
        measure_rows(variants),
        threshold_lines(variants, places),
        "training data",
        "F1 on test, with the population's shares",
        dict(zip(places, [name for name, _, _ in variants], strict=True)),
    )


def _compare(variants: list[tuple[str, Measured, str]]) -> str:
    """Say how F1 differs from that of the population's shares, seed by seed."""
    (_, population, baseline), *others = variants
    return compared(
        {
            (f"Training data {name} vs the {POPULATION}", threshold): comparison.between(
                (result.table, label), (population.table, baseline), metric
            )
            for name, result, label in others
            for threshold, metric in THRESHOLDS.items()
        }
    )


STUDY = Study("Is it better to train on balanced data?", arms, answer)
