"""How many more rare rows is a strategy worth?"""

from typing import Any

import numpy as np

from benchmark.protocol.errors import UserError
from benchmark.protocol.task import Data
from benchmark.results.study import Answer, Arm, Line, Measured, Study
from studies._words import mean_of, shown

SHARES = (0.125, 0.25, 0.5, 1.0)  # of the positive training rows
LABELS = ("none", "oversample", "class_weight")


def arms(settings: Any, data: Data) -> list[Arm]:
    """Fewer and fewer positive rows in training; validation and test as they are."""
    if not hasattr(settings, "train_imbalance"):
        raise UserError("this study needs a task with the setting train_imbalance; see `tasks`")
    negatives, positives = np.bincount(data.labels, minlength=2)
    natural = getattr(settings, "imbalance", None) or negatives / positives
    strategies = ", ".join(LABELS)
    # the whole share changes no setting, so that its runs serve other tables too
    changes = [{"train_imbalance": round(natural / share, 3)} for share in SHARES[:-1]]
    return [
        Arm(f"{share:.1%}", strategies, change)
        for share, change in zip(SHARES, [*changes, {}], strict=True)
    ]


def answer(measured: list[Measured]) -> Answer:
    """Average precision against the positive rows that there are."""
    metric = "test/average_precision"
    found = {label: [mean_of(one, label, metric) for one in measured] for label in LABELS}
    plain = [it.mean for it in found["none"]]
    worth = [
        f"{label} at half of them is worth {_share(found[label][-2].mean, plain)}"
        for label in LABELS[1:]
    ]
    paragraph = (
        f"Half of the positive rows cost plain training {plain[-1] - plain[-2]:.3f} in average "
        f"precision. Read on its curve, {' and '.join(worth)}."
    )
    return Answer(
        paragraph,
        ("share of positives", *(f"average precision of {label}" for label in LABELS)),
        [
            [one.arm.name, *(shown(found[label][place]) for label in LABELS)]
            for place, one in enumerate(measured)
        ],
        [Line(label, SHARES, found[label]) for label in LABELS],
        "share of the positive rows in training",
        "average precision on test",
        {share: one.arm.name for share, one in zip(SHARES, measured, strict=True)},
    )


def _share(reached: float, plain: list[float]) -> str:
    """How many rows plain training needs for that, as a share."""
    if reached >= max(plain):
        return "more than all of them"
    rising = np.maximum.accumulate(plain)
    return f"{np.interp(reached, rising, SHARES):.0%} of them".replace("%", " %")


STUDY = Study("How many more rare rows is a strategy worth?", arms, answer)
