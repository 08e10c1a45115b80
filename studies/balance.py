"""Is it better to train on balanced data? The test split keeps the population's shares.

Two ways to balance are told apart: more rows of the rare class, collected for training, and
rows of the common one thrown away.
"""

from typing import Any

import numpy as np

from benchmark.protocol.task import Data
from benchmark.protocol.text import interval
from benchmark.results import comparison
from benchmark.results.study import Answer, Arm, Line, Measured, Study
from studies._words import judged, mean_of, shown

MEASURES = {
    "test/precision": "precision",
    "test/recall": "recall",
    "test/f1_at_half": "F1 at 0.5",
    "test/f1_tuned": "F1 at tuned threshold",
    "test/average_precision": "average precision",
}


def arms(settings: Any, data: Data) -> list[Arm]:
    """The population; balanced by dropping rows; where there is more data, by collecting."""
    population = Arm("as in the population", "none, undersample")
    # a task that draws `train` rows has more to draw; one that uses all has not
    more = hasattr(settings, "train") and getattr(settings, "train_imbalance", 0) is None
    if not more:
        return [population]
    return [population, Arm("balanced, more positives", "none", {"train_imbalance": 1})]


def answer(measured: list[Measured]) -> Answer:
    """The ways to train, side by side on the same test rows."""
    ways = [("as in the population", measured[0], "none")]
    ways += [("balanced, rows dropped", measured[0], "undersample")]
    ways += [(other.arm.name, other, "none") for other in measured[1:]]
    rows = [[name, *(shown(mean_of(of, label, m)) for m in MEASURES)] for name, of, label in ways]
    thresholds = {"cut at 0.5": "test/f1_at_half", "threshold tuned on validation": "test/f1_tuned"}
    places = np.arange(1, len(ways) + 1)
    lines = [
        Line(name, places, [mean_of(of, label, metric) for _, of, label in ways])
        for name, metric in thresholds.items()
    ]
    gaps = {
        (name, words): comparison.mean(
            comparison.of(of.table, label, metric)
            - comparison.of(measured[0].table, "none", metric),
            measured[0].table,
        )
        for name, of, label in ways[1:]
        for words, metric in thresholds.items()
    }
    sentences = [
        f"Trained on data {name}, {words}: F1 {interval(gap)} against the population's, "
        f"{judgement}."
        for ((name, words), gap), judgement in zip(
            gaps.items(), judged(list(gaps.values())), strict=True
        )
    ]
    return Answer(
        " ".join(sentences),
        ("trained on", *MEASURES.values()),
        rows,
        lines,
        "training rows",
        "F1 on test, in the population's shares",
        dict(zip(places, [name for name, _, _ in ways], strict=True)),
    )


STUDY = Study("Is it better to train on balanced data?", arms, answer)
