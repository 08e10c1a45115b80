"""At which imbalance does a strategy start to pay?"""

from typing import Any

from benchmark.metrics.stats import LEVEL
from benchmark.protocol.errors import UserError
from benchmark.protocol.task import Data
from benchmark.results import comparison
from benchmark.results.study import Answer, Arm, Line, Measured, Study
from studies._words import mean_of, shown

RATIOS = (2, 5, 10, 20, 50, 100)
SPECS = ("undersample", "oversample", "class_weight")


def arms(settings: Any, data: Data) -> list[Arm]:
    """Every imbalance, in all splits alike."""
    if not hasattr(settings, "imbalance"):
        raise UserError("this study needs a task with the setting imbalance; see `tasks`")
    strategies = ", ".join(["none", "threshold", *SPECS])
    return [Arm(str(ratio), strategies, {"imbalance": ratio}) for ratio in RATIOS]


def answer(measured: list[Measured]) -> Answer:
    """What each strategy adds to plain training once every threshold is tuned, against the imbalance."""
    lines, pays = [], []
    for spec in SPECS:
        gaps = [
            comparison.against(one.table, "none", "test/f1_tuned", [spec])[spec] for one in measured
        ]
        lines.append(Line(spec, RATIOS, gaps))
        sure = [
            f"{ratio}:1 ({gap.mean:+.3f})"
            for ratio, gap in zip(RATIOS, gaps, strict=True)
            if gap.p < LEVEL / (len(RATIOS) * len(SPECS)) and gap.mean > 0
        ]
        pays.append(f"{spec} at {', '.join(sure)}" if sure else f"{spec} nowhere")
    moved = [
        comparison.against(one.table, "none", "test/f1", ["threshold"])["threshold"].mean
        for one in measured
    ]
    paragraph = (
        f"With every threshold tuned, training differently pays beyond chance: {'; '.join(pays)}. "
        f"Tuning the threshold of plain training alone adds {moved[0]:+.3f} to F1 at {RATIOS[0]}:1 and "
        f"{moved[-1]:+.3f} at {RATIOS[-1]}:1."
    )
    labels = ("none", "threshold", *SPECS)
    rows = [
        [f"{one.arm.name}:1", *(shown(mean_of(one, label, "test/f1")) for label in labels)]
        for one in measured
    ]
    return Answer(
        paragraph,
        ("imbalance", *(f"F1 of {label}" for label in labels)),
        rows,
        lines,
        "negatives for each positive, in every split",
        "F1 at tuned threshold, less plain training's",
        {ratio: str(ratio) for ratio in RATIOS},
    )


STUDY = Study("At which imbalance does a strategy start to pay?", arms, answer)
