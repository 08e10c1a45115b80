"""What does an average of ten models tell? The articles compare such averages, without intervals.

Each seed here draws other training, validation and test rows as well: a new article, not a new
model alone.
"""

from typing import Any

import numpy as np

from benchmark.metrics import stats
from benchmark.metrics.stats import Difference
from benchmark.protocol.errors import UserError
from benchmark.protocol.task import Data
from benchmark.results import comparison
from benchmark.results.study import Answer, Arm, Line, Measured, Study
from studies._statistics import format_mean, mean_of, name_of

TEN = 10  # models of an average
LABELS = ("none", "class_weight(positive=10)", "class_weight(positive=25)", "oversample")
METRIC = "test/f1_at_half"


def arms(settings: Any, data: Data) -> list[Arm]:
    """Run the rows of the articles' table."""
    return [Arm("articles", ", ".join(LABELS))]


def answer(measured: list[Measured]) -> Answer:
    """Compare single models, and averages of ten, strategy by strategy."""
    [result] = measured
    values = {label: comparison.of(result.table, label, METRIC).to_numpy() for label in LABELS}
    count = len(values["none"])
    if count < 2 * TEN:
        raise UserError(f"{count} seeds make {count // TEN} averages of ten: give --seeds 20")
    averages = {label: _averages(series) for label, series in values.items()}
    means = {label: mean_of(result, label, METRIC) for label in LABELS}
    gains = [_gains(averages[label], averages["none"]) for label in LABELS[1:]]
    wide = max(float(series.std(ddof=1)) for series in values.values())
    paragraph = (
        f"F1 at 0.5 of one model has a standard deviation over seeds of up to {wide:.3f}; of the "
        f"{len(averages['none'])} averages of ten, those of one strategy differ by up to "
        f"{max(np.ptp(found) for found in averages.values()):.3f}. "
        + " ".join(
            f"{label} beats the baseline in {won} of {len(averages['none'])} averages of ten."
            for label, won in zip(LABELS[1:], gains, strict=True)
        )
    )
    rows = [
        [
            name_of(label),
            format_mean(means[label]),
            f"{values[label].std(ddof=1):.3f}",
            f"{values[label].min():.3f} to {values[label].max():.3f}",
            ", ".join(f"{average:.3f}" for average in averages[label]),
        ]
        for label in LABELS
    ]
    places = [*range(1, len(LABELS) + 1)]
    lines = [
        Line("all seeds", places, [means[label] for label in LABELS]),
        *(
            Line(f"average {number + 1} of ten", places, _points(averages, number))
            for number in range(len(averages["none"]))
        ),
    ]
    return Answer(
        paragraph,
        ("training", "F1 at 0.5", "sd of one model", "one model", "averages of ten"),
        rows,
        lines,
        "training",
        "F1 at 0.5 on test",
        dict(zip(places, map(name_of, LABELS), strict=True)),
    )


def _averages(values: Any) -> Any:
    """Return the means of ten seeds in turn; a rest that is no ten is left out."""
    whole = len(values) // TEN * TEN
    return values[:whole].reshape(-1, TEN).mean(axis=1)


def _gains(ours: Any, theirs: Any) -> int:
    return int((ours > theirs).sum())


def _points(averages: dict[str, Any], number: int) -> list[Difference]:
    """Return an average of each strategy, without an interval."""
    return [stats.difference(averages[label][number : number + 1]) for label in LABELS]


STUDY = Study("What does an average of ten models tell?", arms, answer)
