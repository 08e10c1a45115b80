"""How much should the rare class weigh? The articles took 10, tried 25, and stopped."""

from typing import Any

from benchmark.metrics.stats import Difference
from benchmark.protocol.task import Data
from benchmark.protocol.text import interval
from benchmark.results import comparison
from benchmark.results.study import Answer, Arm, Line, Measured, Study
from studies._statistics import format_mean, mean_of, verdicts

WEIGHTS = (1, 2, 5, 10, 25, 50)
THRESHOLDS = {"threshold of 0.5": "test/f1_at_half", "tuned threshold": "test/f1_tuned"}


def label_of(weight: int) -> str:
    """Return the strategy of a weight; 1 is the baseline."""
    return "none" if weight == 1 else f"class_weight(positive={weight})"


def arms(settings: Any, data: Data) -> list[Arm]:
    """Run all weights, and the baseline with a tuned threshold."""
    return [Arm("weights", ", ".join(["threshold", *map(label_of, WEIGHTS)]))]


def answer(measured: list[Measured]) -> Answer:
    """Compare weights by F1, at 0.5 and at the tuned threshold."""
    [result] = measured
    half = [mean_of(result, label_of(weight), "test/f1_at_half") for weight in WEIGHTS]
    tuned = [mean_of(result, label_of(weight), "test/f1_tuned") for weight in WEIGHTS]
    best = max(range(len(WEIGHTS)), key=lambda place: half[place].mean)
    spread = max(mean.mean for mean in tuned) - min(mean.mean for mean in tuned)
    sentences = [
        f"At a threshold of 0.5, weight {WEIGHTS[best]} has the highest mean F1, "
        f"{format_mean(half[best])}; the baseline has {format_mean(half[0])}.",
        *([_against_tuning(result, WEIGHTS[best], tuned[0])] if best else []),
        *(_against_baseline(result, threshold, metric) for threshold, metric in THRESHOLDS.items()),
        f"At tuned thresholds, the mean F1 of weights {WEIGHTS[0]} to {WEIGHTS[-1]} differs by "
        f"{spread:.3f} at most.",
    ]
    measures = ("test/precision", "test/recall", "test/average_precision")
    rows = [
        [
            str(weight),
            format_mean(half[place]),
            format_mean(tuned[place]),
            *(format_mean(mean_of(result, label_of(weight), metric)) for metric in measures),
        ]
        for place, weight in enumerate(WEIGHTS)
    ]
    headings = ("weight", "F1 at 0.5", "F1 at tuned threshold", "precision", "recall")
    return Answer(
        " ".join(sentences),
        (*headings, "average precision"),
        rows,
        [Line("threshold at 0.5", WEIGHTS, half), Line("tuned threshold", WEIGHTS, tuned)],
        "weight of the positive class",
        "F1 on test",
        {weight: str(weight) for weight in WEIGHTS},
    )


def _against_baseline(measured: Measured, threshold: str, metric: str) -> str:
    """Compare every weight with the baseline at the same kind of threshold."""
    weighted = [label_of(weight) for weight in WEIGHTS[1:]]
    differences = comparison.against(measured.table, "none", metric, weighted)
    found = [
        f"{weight}: {interval(difference)}, {verdict}"
        for weight, difference, verdict in zip(
            WEIGHTS[1:], differences.values(), verdicts(list(differences.values())), strict=True
        )
    ]
    return f"ΔF1 vs the baseline, both at a {threshold}, by weight: {'; '.join(found)}."


def _against_tuning(measured: Measured, weight: int, tuned_baseline: Difference) -> str:
    """Compare a weight at 0.5 with the baseline at its tuned threshold."""
    weighted = [label_of(weight) for weight in WEIGHTS[1:]]
    differences = comparison.against(measured.table, "threshold", "test/f1", weighted)
    verdict_of = dict(zip(differences, verdicts(list(differences.values())), strict=True))
    label = label_of(weight)
    return (
        f"ΔF1 vs the baseline with a tuned threshold, {format_mean(tuned_baseline)}: "
        f"{interval(differences[label])}, {verdict_of[label]}."
    )


STUDY = Study("How much should the rare class weigh?", arms, answer)
