"""Which strategy to use for F1: the simplest one whose expected regret is nearly the least."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.metrics.posterior import WITHIN
from benchmark.protocol.text import interval, listed, probability, seeds
from benchmark.results.analysis import Analysis
from benchmark.results.comparison import Claim
from benchmark.results.outlook import LIKELY, NEGLIGIBLE, SETTLED, TUNED, Race
from benchmark.results.sentence import Sentence


def chosen(analysis: Analysis) -> str:
    """Return the label to use, or `TUNED`: of those with nearly the least regret, the simplest.

    With one seed it is the baseline.
    """
    if analysis.race is None:
        return analysis.baseline
    return min(
        analysis.race.near,
        key=lambda label: (0, 0.5, 0) if label == TUNED else analysis.simplicity(label),
    )


def advise(analysis: Analysis) -> list[Sentence]:
    """Return what to use with how sure that is, and what it is worth. There must be a baseline."""
    if analysis.race is None:
        return [
            Sentence(
                "One seed cannot tell luck from effect: run more, such as --seeds 5.",
                use=analysis.baseline,
            )
        ]
    use = chosen(analysis)
    return [_use(analysis, analysis.race, use), *_worth(analysis, analysis.race, use)]


def _use(analysis: Analysis, race: Race, use: str) -> Sentence:
    own = race.outlooks[use]
    figures = (
        f"P(best) {probability(own.best)}, P(within {WITHIN} of the best) "
        f"{probability(own.within)}, expected regret {own.regret:.3f} {analysis.words.f1}; "
        f"{_forecast(race, own.within)}"
    )
    certainty = _certainty(own.within, seeds(race.seeds))
    if use == TUNED:
        text = f"Tune the {analysis.words.threshold} of the baseline, which no strategy here does"
        return Sentence(f"{text} alone: {certainty}.", figures)
    best = max(race.outlooks, key=lambda label: race.outlooks[label].mean)
    if best in (use, TUNED) or best not in race.near:
        return Sentence(f"Use {use}: {certainty}.", figures, use)
    figures = f"{best} {race.outlooks[best].mean:.3f}; {figures}"
    return Sentence(f"Use {use}: {certainty}; {best} is less simple.", figures, use)


def _certainty(within: float, count: str) -> str:
    if within >= SETTLED:
        return f"the best, or within {WITHIN} of it"
    if within >= LIKELY:
        return f"likely the best, or within {WITHIN} of it"
    return f"the best guess at {count}"


def _forecast(race: Race, within: float) -> str:
    """How probably the next planned look would settle it."""
    if within >= SETTLED:
        return "settled"
    return f"settled at {race.coming} seeds with probability {probability(race.settles)}"


def _worth(analysis: Analysis, race: Race, use: str) -> list[Sentence]:
    """What the choice gains over the baseline, as it is and with a tuned threshold."""
    f1, words = race.outlooks[use].mean, analysis.words
    if use == analysis.baseline:
        return [
            Sentence(
                f"Its {words.f1} is {f1:.3f}; no strategy is expected to add more than "
                f"{NEGLIGIBLE}."
            )
        ]
    plain = analysis.mean(analysis.baseline, "test/f1")
    tuned = analysis.mean(analysis.baseline, "test/f1_tuned")
    text = f"Its {words.f1} is {f1:.3f}, that of the baseline {plain:.3f}"
    if abs(tuned - f1) > 1e-9 and abs(tuned - plain) > 1e-9:
        text += f", or {tuned:.3f} with a tuned {words.threshold}"
    found = {claim.label: claim for claim in analysis.claims_on("test/f1")}
    if use not in found:
        return [Sentence(f"{text}.")]
    word = "" if found[use].p < analysis.level else "not "
    return [
        Sentence(
            f"{text}: the gain over the baseline is {word}significant.",
            f"Δ{words.f1} vs baseline {interval(found[use])}",
        )
    ]


def differences(claims: Sequence[Claim]) -> str:
    """Format claims with their intervals: ``focal +0.021 [0.004, 0.038], smote ...``."""
    return ", ".join(f"{claim.label} {interval(claim)}" for claim in claims)


def names(claims: Sequence[Claim]) -> str:
    """Format the labels of claims: ``focal and smote``."""
    return listed([claim.label for claim in claims])
