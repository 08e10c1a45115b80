"""What a leaderboard allows one to say, in sentences, each with the figures that its rule read.

Three questions are asked of every leaderboard, and the answers hold together at the 5 % level
(Holm over all comparisons of the three): which strategies are better or worse than the baseline
at their own thresholds; which trainings are better or worse once every threshold is tuned; whose
calibration error is above ``comparison.UNCALIBRATED``. A strategy that ranks rows no better than
chance answers none of them: the F1 of a network that has learned nothing rises when it only
predicts more rows positive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from benchmark.metrics import stats
from benchmark.metrics.stats import LEVEL
from benchmark.protocol.text import listed, percent, seeds
from benchmark.results import comparison
from benchmark.results.advice import Sentence, advise, differences, names
from benchmark.results.analysis import Analysis
from benchmark.results.comparison import Claim
from benchmark.results.leaderboard import Leaderboard

DEARER = 2.0  # times the training time of the baseline, at every seed


def verdict(analysis: Analysis) -> list[Sentence]:
    """Sentences on what to do and what that follows from, the advice first."""
    if analysis.problem:
        return [Sentence(analysis.problem), *_troubles(analysis)]
    if analysis.seeds > 1 and not analysis.skilled:
        return [_nothing_learned(analysis), *_troubles(analysis)]
    rules: list[Callable[[Analysis], Iterable[Sentence]]] = [
        _threshold_tuning,
        _at_own_thresholds,
        _at_tuned_thresholds,
        _calibration,
        _cost,
    ]
    findings = [sentence for rule in rules for sentence in rule(analysis)]
    return [advise(analysis), *findings, *_troubles(analysis)]


def _nothing_learned(analysis: Analysis) -> Sentence:
    best = max(analysis.complete, key=lambda label: analysis.mean(label, "test/roc_auc"))
    text = (
        f"No strategy ranks rows significantly better than chance at {seeds(analysis.seeds)}, so "
        "there is no claim"
    )
    figures = f"best ROC AUC {best} {analysis.mean(best, 'test/roc_auc'):.3f}"
    auc = comparison.of(analysis.table, best, "test/roc_auc")
    above = comparison.mean(auc - 0.5, analysis.table)
    needed = stats.seeds_needed(above, analysis.overlap, LEVEL / len(analysis.complete))
    if above.mean > 0 and needed and needed > analysis.seeds:
        figures += f", to show that it is above chance takes about {needed} seeds"
    if not analysis.table.binary:
        return Sentence(f"{text}.", figures)
    prevalence = _prevalence(analysis.table)
    all_positive = 2 * prevalence / (1 + prevalence)
    return Sentence(
        f"{text}: a higher F1 only means that more rows were predicted positive.",
        f"{figures}; predicting every row positive gives F1 {all_positive:.3f}",
    )


def _prevalence(table: Leaderboard) -> float:
    runs = table.runs
    positives = runs["test/true_positives"] + runs["test/false_negatives"]
    rows = positives + runs["test/false_positives"] + runs["test/true_negatives"]
    return float((positives / rows).mean())


def _threshold_tuning(analysis: Analysis) -> Iterable[Sentence]:
    baseline, words = analysis.baseline, analysis.words
    tuned = analysis.mean(baseline, "test/f1_tuned")
    best = max(analysis.complete, key=lambda label: analysis.mean(label, "test/f1"))
    top = analysis.mean(best, "test/f1")
    if max(top, tuned) <= 0:
        return
    gain = (
        f"gives {percent(tuned / top)} of the best {words.f1}"
        if tuned <= top
        else f"gives a higher {words.f1} than every strategy at its own threshold"
    )
    plain = f"{analysis.mean(baseline, 'test/f1_at_half'):.3f} {words.plain}"
    yield Sentence(
        f"Tuning the {words.threshold} of the baseline alone {gain}.",
        f"{words.f1} of the baseline {plain}, {tuned:.3f} at the tuned {words.threshold}; highest: "
        f"{best} {top:.3f}; means over {seeds(analysis.seeds)}",
    )


def _at_own_thresholds(analysis: Analysis) -> Iterable[Sentence]:
    measure = f"Δ{analysis.words.f1} vs baseline"
    for word, better in (("better", True), ("worse", False)):
        claims = analysis.significant("test/f1", better)
        if claims:
            yield Sentence(
                f"At each strategy's own threshold, {names(claims)} {_is(claims)} significantly "
                f"{word} than the baseline (95 %, adjusted).",
                f"{measure}: {differences(claims)}",
            )
    undecided = analysis.open("test/f1")
    if undecided:
        yield Sentence(
            f"No significant difference to the baseline: {names(undecided)}.",
            _what_would_tell(undecided, analysis, measure),
        )


def _at_tuned_thresholds(analysis: Analysis) -> Iterable[Sentence]:
    better = analysis.significant("test/f1_tuned", True)
    worse = analysis.significant("test/f1_tuned", False)
    undecided = analysis.open("test/f1_tuned")
    if not better + worse + undecided:
        return
    measure = f"Δ{analysis.words.headings()['test/f1_tuned']}"
    every = analysis.words.every
    if better:
        yield Sentence(
            f"With {every} tuned, {names(better)} {_is(better)} still significantly better than "
            "the baseline (95 %, adjusted).",
            f"{measure}: {differences(better)}",
        )
    else:
        yield Sentence(
            f"With {every} tuned, no other training is significantly better than the baseline at "
            f"{seeds(analysis.seeds)}.",
            _what_would_tell(undecided, analysis, measure)
            if undecided
            else f"{measure}: {differences(worse)}",
        )
    if worse:
        yield Sentence(
            f"{names(worse)} {_is(worse)} significantly worse than the baseline even then.",
            f"{measure}: {differences(worse)}",
        )


def _calibration(analysis: Analysis) -> Iterable[Sentence]:
    off = [
        claim
        for claim in analysis.claims_on("test/ece")
        if claim.p < LEVEL and claim.difference.mean > 0
    ]
    off.sort(key=lambda claim: -claim.difference.mean)
    if off:
        errors = ", ".join(f"{c.label} {analysis.mean(c.label, 'test/ece'):.3f}" for c in off)
        yield Sentence(
            f"The probabilities of {names(off)} are not calibrated.",
            f"calibration error (ECE) significantly above {comparison.UNCALIBRATED}: {errors}; "
            f"baseline {analysis.mean(analysis.baseline, 'test/ece'):.3f}",
        )


def _cost(analysis: Analysis) -> Iterable[Sentence]:
    plain = comparison.of(analysis.table, analysis.baseline, "seconds/training")
    dear = {}
    for label in analysis.trainings.values():
        ratios = comparison.of(analysis.table, label, "seconds/training") / plain
        ratios = ratios.dropna()
        if len(ratios) and ratios.min() >= DEARER:
            dear[label] = float(ratios.median())
    if dear:
        yield Sentence(
            f"{listed(list(dear))} took longer to train than the baseline.",
            ", ".join(f"{label} {ratio:.1f} times" for label, ratio in dear.items()),
        )


def _troubles(analysis: Analysis) -> Iterable[Sentence]:
    """Sentences on runs that are lost, collapsed, or the same where they should differ."""
    runs = analysis.table.runs
    lost = runs[runs["state"] != "finished"]
    if len(lost):
        labels = list(lost["label"].drop_duplicates())
        counts = lost["state"].value_counts()
        yield Sentence(
            f"{listed(labels)} {'lack' if len(labels) > 1 else 'lacks'} runs and "
            f"{'are' if len(labels) > 1 else 'is'} left out of all comparisons.",
            ", ".join(f"{state} {number}" for state, number in counts.items()),
        )
    collapsed = runs[runs["collapsed"]]
    for label, own in collapsed.groupby("label", sort=False):
        yield Sentence(
            f"{label} collapsed: it predicted the same class for every test row.",
            f"at {len(own)} of {seeds(int((runs['label'] == label).sum()))}",
        )
    for one, two in analysis.identical:
        yield Sentence(
            f"{one} and {two} gave identical results at every seed: one of them does nothing "
            "that the other does not."
        )


def _what_would_tell(claims: Sequence[Claim], analysis: Analysis, measure: str) -> str:
    """Format the largest difference that is not significant, and how many seeds would settle it."""
    largest = max(claims, key=lambda claim: abs(claim.difference.mean))
    text = f"{measure}, largest: {differences([largest])}"
    if np.isnan(largest.difference.low):
        return f"{text}; there is no spread to judge it by"
    level = LEVEL / len(analysis.claims)
    smallest = stats.resolvable(largest.difference, analysis.overlap, level)
    text += f"; to be significant at {seeds(largest.difference.seeds)} it has to be {smallest:.3f}"
    if abs(largest.difference.mean) < 5e-4:
        return text
    needed = stats.seeds_needed(largest.difference, analysis.overlap, level)
    more = f"about {needed} seeds" if needed else "more data than this, whatever the seeds"
    return f"{text}; to show it takes {more}"


def _is(claims: Sequence[Claim]) -> str:
    return "are" if len(claims) > 1 else "is"
