"""How many more rare rows is a strategy worth?"""

from typing import Any

import numpy as np

from benchmark.protocol.errors import UserError
from benchmark.protocol.task import Data
from benchmark.results.study import Answer, Arm, Line, Measured, Study
from studies._settings import with_same_test
from studies._statistics import format_mean, mean_of, name_of

SHARES = (0.125, 0.25, 0.5, 1.0)  # of the positive training rows
LABELS = ("none", "oversample", "class_weight")


def arms(settings: Any, data: Data) -> list[Arm]:
    """Train on fewer and fewer positive rows; validation and test stay as they are."""
    if not hasattr(settings, "train_imbalance"):
        raise UserError("this study needs a task with the setting train_imbalance; see `tasks`")
    negatives, positives = np.bincount(data.labels, minlength=2)
    natural = getattr(settings, "imbalance", None) or negatives / positives
    strategies = ", ".join(LABELS)
    # the full share changes no setting of training, so that its runs serve other studies too
    changes = [{"train_imbalance": round(natural / share, 3)} for share in SHARES[:-1]]
    return [
        Arm(f"{100 * share:g} %", strategies, with_same_test(settings, change))
        for share, change in zip(SHARES, [*changes, {}], strict=True)
    ]


def answer(measured: list[Measured]) -> Answer:
    """Compare strategies by the number of positive training rows."""
    metric = "test/average_precision"
    means = {label: [mean_of(result, label, metric) for result in measured] for label in LABELS}
    baseline = [mean.mean for mean in means["none"]]
    worth = [
        f"{_share(means[label][-2].mean, baseline)} to match {label} with half"
        for label in LABELS[1:]
    ]
    paragraph = (
        f"With half of the positive rows, the baseline loses {baseline[-1] - baseline[-2]:.3f} in "
        f"average precision. By its curve, the baseline needs {' and '.join(worth)}."
    )
    return Answer(
        paragraph,
        ("share of positives", *(f"average precision of {name_of(label)}" for label in LABELS)),
        [
            [result.arm.name, *(format_mean(means[label][place]) for label in LABELS)]
            for place, result in enumerate(measured)
        ],
        [Line(name_of(label), SHARES, means[label]) for label in LABELS],
        "share of the positive rows in training",
        "average precision on test",
        {share: result.arm.name for share, result in zip(SHARES, measured, strict=True)},
    )


def _share(reached: float, baseline: list[float]) -> str:
    """Say with which share of the positive rows the baseline reaches a value."""
    if reached >= max(baseline):
        return "more than all of them"
    rising = np.maximum.accumulate(baseline)
    return f"{np.interp(reached, rising, SHARES):.0%} of them".replace("%", " %")


STUDY = Study("How many more rare rows is a strategy worth?", arms, answer)
