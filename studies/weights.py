"""How heavy should the rare class weigh? The articles took 10, tried 25, and stopped."""

from typing import Any

from benchmark.protocol.task import Data
from benchmark.protocol.text import interval
from benchmark.results import comparison
from benchmark.results.study import Answer, Arm, Line, Measured, Study
from studies._words import judged, mean_of, shown

WEIGHTS = (1, 2, 5, 10, 25, 50)


def label(weight: int) -> str:
    """The strategy; a weight of 1 is none."""
    return "none" if weight == 1 else f"class_weight(positive={weight})"


def arms(settings: Any, data: Data) -> list[Arm]:
    """All weights, and the threshold of plain training tuned."""
    return [Arm("weights", ", ".join(["threshold", *map(label, WEIGHTS)]))]


def answer(measured: list[Measured]) -> Answer:
    """F1 against weight, at 0.5 and at the tuned threshold."""
    [only] = measured
    half = [mean_of(only, label(weight), "test/f1_at_half") for weight in WEIGHTS]
    tuned = [mean_of(only, label(weight), "test/f1_tuned") for weight in WEIGHTS]
    best = max(range(len(WEIGHTS)), key=lambda place: half[place].mean)
    heavier = [label(weight) for weight in WEIGHTS[1:]]
    versus = comparison.against(only.table, "threshold", "test/f1", heavier)
    verdicts = dict(zip(versus, judged(list(versus.values())), strict=True))
    rest = ""
    if best:
        gap = versus[label(WEIGHTS[best])]
        rest = (
            f" Against plain training with a tuned threshold, {shown(tuned[0])}, that is "
            f"{interval(gap)}: {verdicts[label(WEIGHTS[best])]}."
        )
    spread = max(it.mean for it in tuned) - min(it.mean for it in tuned)
    paragraph = (
        f"At a threshold of 0.5 the highest mean of these weights is that of {WEIGHTS[best]}: F1 "
        f"{shown(half[best])}, where no weight gives {shown(half[0])}.{rest} Once the threshold is "
        f"tuned, F1 moves by {spread:.3f} in all between weights of {WEIGHTS[0]} and {WEIGHTS[-1]}."
    )
    measures = ("test/precision", "test/recall", "test/average_precision")
    rows = [
        [
            str(weight),
            shown(half[place]),
            shown(tuned[place]),
            *(shown(mean_of(only, label(weight), name)) for name in measures),
        ]
        for place, weight in enumerate(WEIGHTS)
    ]
    headings = ("weight", "F1 at 0.5", "F1 at tuned threshold", "precision", "recall")
    return Answer(
        paragraph,
        (*headings, "average precision"),
        rows,
        [Line("cut at 0.5", WEIGHTS, half), Line("threshold tuned on validation", WEIGHTS, tuned)],
        "weight of the positive class",
        "F1 on test",
        {weight: str(weight) for weight in WEIGHTS},
    )


STUDY = Study("How heavy should the rare class weigh?", arms, answer)
