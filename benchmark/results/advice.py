"""Which strategy to use for F1: the simplest one whose expected regret is nearly the least."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmark.metrics import stats
from benchmark.metrics.posterior import WITHIN, posterior
from benchmark.protocol.text import interval, listed, percent, seeds
from benchmark.results import comparison
from benchmark.results.analysis import Analysis
from benchmark.results.comparison import Claim

NEGLIGIBLE = 0.01  # expected F1 that nobody would give up simplicity for
TUNED = "the baseline at its tuned threshold"
SETTLED, LIKELY = 0.95, 0.75  # probability of being within `WITHIN` of the best


@dataclass(frozen=True)
class Sentence:
    """One finding, and the figures that it rests on."""

    text: str
    figures: str = ""
    use: str = ""  # label of the strategy that it recommends, if it recommends one


def advise(analysis: Analysis) -> Sentence:
    """Return the strategy to use, and how sure that is. The analysis must have a baseline.

    Of the strategies that rank rows better than chance, and the baseline, it is the simplest one
    whose expected regret (F1 lost against the best) is at most `NEGLIGIBLE` above the least. The
    baseline with a tuned threshold takes part, even where no strategy does that.
    """
    if analysis.seeds == 1:
        return Sentence(
            "One seed cannot tell luck from effect: run more, such as --seeds 5.",
            use=analysis.baseline,
        )
    scores = _candidates(analysis)
    outlooks = _outlooks(scores, analysis.overlap)
    least = min(outlook.regret for outlook in outlooks.values())
    near = [label for label, outlook in outlooks.items() if outlook.regret <= least + NEGLIGIBLE]
    chosen = min(
        near, key=lambda label: (0, 0.5, 0) if label == TUNED else analysis.simplicity(label)
    )
    return _sentence(analysis, outlooks, chosen, scores.shape[1])


@dataclass(frozen=True)
class Outlook:
    """A candidate's mean F1, and how it compares with the best by the posterior."""

    mean: float
    best: float  # probability of being the best
    within: float  # probability of being within `WITHIN` of the best
    regret: float  # expected F1 lost against the best


def _outlooks(scores: pd.DataFrame, overlap: float) -> dict[str, Outlook]:
    share = stats.standard_error_factor(1, overlap) ** 2 - 1
    drawn = posterior(scores.to_numpy(np.float64), share, np.random.default_rng(0))
    columns = scores.mean(axis=1), drawn.best(), drawn.within(), drawn.regret()
    rows = zip(scores.index, *(column.tolist() for column in columns), strict=True)
    return {str(label): Outlook(*numbers) for label, *numbers in rows}


def _candidates(analysis: Analysis) -> pd.DataFrame:
    """F1 of the candidates, one row each (label), at the seeds of the baseline.

    A strategy with fewer seeds takes no part.
    """
    scores = comparison.values(analysis.table, "test/f1")
    scores = scores.loc[:, scores.loc[analysis.baseline].notna()].dropna()
    labels = analysis.skilled | {analysis.baseline}
    scores = scores.loc[[label for label in scores.index if label in labels]]
    tuned = comparison.of(analysis.table, analysis.baseline, "test/f1_tuned").dropna()
    if not (scores == tuned).all(axis=1).any():
        scores.loc[TUNED] = tuned
    return scores


def _sentence(
    analysis: Analysis, outlooks: dict[str, Outlook], chosen: str, number: int
) -> Sentence:
    """Say what to use, how sure that is, and the figures behind it."""
    own, best = outlooks[chosen], max(outlooks, key=lambda label: outlooks[label].mean)
    f1, count = analysis.words.f1, seeds(number)
    figures = (
        f"{f1} {own.mean:.3f}, mean over {count}; P(best) {percent(own.best)}, P(within {WITHIN} "
        f"of the best) {percent(own.within)}, expected regret {own.regret:.3f}"
    )
    certainty = _certainty(own.within, count)
    if chosen == TUNED:
        text = f"Tune the {analysis.words.threshold} of the baseline, which no strategy here does"
        return Sentence(f"{text} alone: {certainty}.", figures)
    if best in (chosen, TUNED):
        return Sentence(f"Use {chosen}: {certainty}.", figures, chosen)
    figures += f"; {best} {outlooks[best].mean:.3f}"
    return Sentence(f"Use {chosen}: {certainty}; {best} is less simple.", figures, chosen)


def _certainty(within: float, count: str) -> str:
    if within >= SETTLED:
        return f"the best, or within {WITHIN} of it"
    if within >= LIKELY:
        return f"likely the best, or within {WITHIN} of it"
    return f"the best guess at {count}"


def differences(claims: Sequence[Claim]) -> str:
    """Format claims with their intervals: ``focal +0.021 [0.004, 0.038], smote ...``."""
    return ", ".join(f"{claim.label} {interval(claim.difference)}" for claim in claims)


def names(claims: Sequence[Claim]) -> str:
    """Format the labels of claims: ``focal and smote``."""
    return listed([claim.label for claim in claims])
