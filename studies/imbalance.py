"""At which imbalance does a strategy start to pay?"""

from typing import Any

from benchmark.metrics.stats import LEVEL
from benchmark.protocol.errors import UserError
from benchmark.protocol.task import Data
from benchmark.results import comparison
from benchmark.results.study import Answer, Arm, Line, Measured, Study
from studies._statistics import SIGNIFICANT, format_mean, mean_of, name_of

RATIOS = (2, 5, 10, 20, 50, 100)  # negatives per positive
STRATEGIES = ("undersample", "oversample", "class_weight")


def arms(settings: Any, data: Data) -> list[Arm]:
    """Run all strategies at every imbalance, which is the same in all splits."""
    if not hasattr(settings, "imbalance"):
        raise UserError("this study needs a task with the setting imbalance; see `tasks`")
    strategies = ", ".join(["none", "threshold", *STRATEGIES])
    return [Arm(str(ratio), strategies, {"imbalance": ratio}) for ratio in RATIOS]


def answer(measured: list[Measured]) -> Answer:
    """Compare each strategy with the baseline by imbalance, both at their tuned thresholds."""
    lines, gains = [], []
    for strategy in STRATEGIES:
        differences = [
            comparison.against(result.table, "none", "test/f1_tuned", [strategy])[strategy]
            for result in measured
        ]
        lines.append(Line(strategy, RATIOS, differences))
        significant = [
            f"{ratio}:1 ({difference.mean:+.3f})"
            for ratio, difference in zip(RATIOS, differences, strict=True)
            # Bonferroni's adjustment
            if difference.p < LEVEL / (len(RATIOS) * len(STRATEGIES)) and difference.mean > 0
        ]
        gains.append(f"{strategy} at {', '.join(significant) or 'no imbalance'}")
    tuning = [
        comparison.against(result.table, "none", "test/f1", ["threshold"])["threshold"].mean
        for result in measured
    ]
    paragraph = (
        f"With tuned thresholds, gains in F1 over the baseline that are {SIGNIFICANT}: "
        f"{'; '.join(gains)}. Threshold tuning alone changes the baseline's F1 by "
        f"{tuning[0]:+.3f} at {RATIOS[0]}:1 and by {tuning[-1]:+.3f} at {RATIOS[-1]}:1."
    )
    labels = ("none", "threshold", *STRATEGIES)
    rows = [
        [
            f"{result.arm.name}:1",
            *(format_mean(mean_of(result, label, "test/f1")) for label in labels),
        ]
        for result in measured
    ]
    return Answer(
        paragraph,
        ("imbalance", *(f"F1 of {name_of(label)}" for label in labels)),
        rows,
        lines,
        "negatives per positive, in every split",
        "ΔF1 vs baseline, both at tuned thresholds",
        {ratio: str(ratio) for ratio in RATIOS},
    )


STUDY = Study("At which imbalance does a strategy start to pay?", arms, answer)
