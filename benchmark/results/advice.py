"""Which strategy to use for F1: the simplest that the best does not significantly beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.metrics import stats
from benchmark.metrics.stats import LEVEL
from benchmark.protocol.text import interval, listed, seeds
from benchmark.results import comparison
from benchmark.results.analysis import Analysis
from benchmark.results.comparison import Claim

NEGLIGIBLE = 0.01  # a difference in F1 that nobody would change a strategy for


@dataclass(frozen=True)
class Sentence:
    """One finding, and the figures that it rests on."""

    text: str
    figures: str = ""
    use: str = ""  # label of the strategy that it recommends, if it recommends one


def advise(analysis: Analysis) -> Sentence:
    """Return what to do, if anything is known. The analysis must have a baseline."""
    if analysis.seeds == 1:
        return Sentence(
            "One seed cannot tell luck from effect: run more, such as --seeds 5.",
            use=analysis.baseline,
        )
    undecided = analysis.open("test/f1")
    if not analysis.significant("test/f1", True):
        gains = [claim.difference for claim in undecided]
        if any(np.isnan(gain.high) or gain.high > NEGLIGIBLE for gain in gains):
            return _not_enough(analysis, undecided)
    labels = [
        label
        for label in analysis.complete
        if label in analysis.skilled or label == analysis.baseline
    ]
    best = max(labels, key=lambda label: analysis.mean(label, "test/f1"))
    top = analysis.mean(best, "test/f1")
    tuned = analysis.mean(analysis.baseline, "test/f1_tuned")
    f1, threshold = analysis.words.f1, analysis.words.threshold
    if tuned > top + NEGLIGIBLE:
        return Sentence(
            f"Tune the {threshold}: the baseline then has a higher {f1} than everything tried "
            "here. Add a strategy that does so.",
            f"{f1} of the baseline at the tuned {threshold} {tuned:.3f}; best {best} {top:.3f}",
        )
    chosen = min([best, *_not_behind(analysis, best, labels)], key=analysis.simplicity)
    if chosen == best:
        return Sentence(
            f"Use {chosen}: nothing tried here has a higher {f1}.",
            f"{f1} {top:.3f}, mean over {seeds(analysis.seeds)}",
            chosen,
        )
    return Sentence(
        f"Use {chosen}: it is simpler than {best}, which is not significantly better.",
        f"{f1} {analysis.mean(chosen, 'test/f1'):.3f} and {top:.3f}, means over "
        f"{seeds(analysis.seeds)}",
        chosen,
    )


def _not_behind(analysis: Analysis, best: str, labels: Sequence[str]) -> list[str]:
    """Labels that the best one does not significantly beat."""
    behind = comparison.against(analysis.table, best, "test/f1", labels)
    adjusted = stats.holm(np.array([difference.p for difference in behind.values()]))
    return [label for label, p in zip(behind, adjusted, strict=True) if p >= LEVEL]


def _not_enough(analysis: Analysis, undecided: Sequence[Claim]) -> Sentence:
    """Say that there are not enough seeds, and how many would be."""
    level = LEVEL / len(analysis.claims)
    needed = {
        claim.label: stats.seeds_needed(claim.difference, analysis.overlap, level)
        for claim in undecided
    }
    enough = {label: number for label, number in needed.items() if number}
    if enough:
        label = min(enough, key=lambda label: enough[label])
        text = f"Not enough seeds: about {enough[label]} would show the clearest difference"
    else:
        label = min(undecided, key=lambda claim: claim.difference.p).label
        text = "Not enough data, whatever the number of seeds: larger splits would show it"
    [clearest] = [claim for claim in undecided if claim.label == label]
    return Sentence(
        f"{text}, if it is as large as it looks.",
        f"Δ{analysis.words.f1} vs baseline of {differences([clearest])} at "
        f"{seeds(clearest.difference.seeds)}; no strategy is significantly better",
        analysis.baseline,
    )


def differences(claims: Sequence[Claim]) -> str:
    """Format claims with their intervals: ``focal +0.021 [0.004, 0.038], smote ...``."""
    return ", ".join(f"{claim.label} {interval(claim.difference)}" for claim in claims)


def names(claims: Sequence[Claim]) -> str:
    """Format the labels of claims: ``focal and smote``."""
    return listed([claim.label for claim in claims])
