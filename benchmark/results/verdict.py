"""What a leaderboard allows one to say, in sentences, each with the figures that its rule read.

The headline says in at most three sentences what to use, what that is worth, and what else
matters. The findings answer three questions, each with claims that hold together (Holm): which
strategies are better or worse than the baseline at their own thresholds; which trainings are
better or worse once every threshold is tuned; which of them rank rows better or worse (average
precision). A strategy that ranks rows no better than chance answers none of them: the F1 of a
network that has learned nothing rises when it only predicts more rows positive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from benchmark.protocol.text import listed, seeds, share
from benchmark.results import comparison
from benchmark.results.advice import advise, chosen, differences, names
from benchmark.results.analysis import Analysis
from benchmark.results.comparison import Claim
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.sentence import Sentence

DEARER = 2.0  # times the training time of the baseline, at every seed
HEADLINE = 3  # sentences at most
BOUNDED = 0.1  # a difference of which it is worth saying that it is not larger


def headline(analysis: Analysis) -> list[Sentence]:
    """What to use, what that is worth, and what else matters most."""
    if analysis.problem:
        return [Sentence(analysis.problem)]
    if not analysis.skilled:
        return [_nothing_learned(analysis)]
    first = advise(analysis)
    return [*first, *_what_else_matters(analysis)][:HEADLINE]


def findings(analysis: Analysis) -> list[Sentence]:
    """Everything else that follows from the table."""
    rules: list[Callable[[Analysis], Iterable[Sentence]]] = []
    if not analysis.problem and analysis.skilled:
        rules = [_threshold_tuning, _at_own_thresholds, _at_tuned_thresholds, _ranking]
        rules += [_calibration, _cost]
    said = headline(analysis)
    found = [sentence for rule in (*rules, _troubles) for sentence in rule(analysis)]
    return [sentence for sentence in found if sentence not in said]


def verdict(analysis: Analysis) -> list[Sentence]:
    """The headline and the findings."""
    return [*headline(analysis), *findings(analysis)]


def _nothing_learned(analysis: Analysis) -> Sentence:
    best = max(analysis.complete, key=lambda label: analysis.mean(label, "test/roc_auc"))
    text = (
        f"No strategy ranks rows significantly better than chance at {seeds(analysis.seeds)}, so "
        "there is no claim"
    )
    figures = f"best ROC AUC {best} {analysis.mean(best, 'test/roc_auc'):.3f}"
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


def _what_else_matters(analysis: Analysis) -> Iterable[Sentence]:
    """Lost runs first, then a collapse or the probabilities of the strategy to use."""
    runs, use = analysis.table.runs, chosen(analysis)
    yield from _lost(analysis)
    own = runs[runs["label"] == use]
    if own["collapsed"].any():
        yield _collapsed([use], int(own["collapsed"].sum()), len(own))
    label = use if use in analysis.calibrated else analysis.baseline
    if analysis.calibrated[label] == "no":
        error = comparison.mean(analysis.table, label, "test/ece")
        yield Sentence(
            "Its probabilities are not calibrated: rank rows by them, but do not read them as "
            "frequencies.",
            f"calibration error (ECE) {share(error)}, significantly above "
            f"{comparison.UNCALIBRATED}",
        )


def _threshold_tuning(analysis: Analysis) -> Iterable[Sentence]:
    baseline, words = analysis.baseline, analysis.words
    plain = analysis.mean(baseline, "test/f1_at_half")
    tuned = analysis.mean(baseline, "test/f1_tuned")
    if f"{plain:.3f}" == f"{tuned:.3f}":
        return
    best = max(analysis.complete, key=lambda label: analysis.mean(label, "test/f1"))
    yield Sentence(
        f"Tuning the {words.threshold} alone takes the {words.f1} of the baseline from "
        f"{plain:.3f} to {tuned:.3f}.",
        f"highest at its own {words.threshold}: {best} {analysis.mean(best, 'test/f1'):.3f}; "
        f"means over {seeds(analysis.seeds)}",
    )


def _at_own_thresholds(analysis: Analysis) -> Iterable[Sentence]:
    measure = f"Δ{analysis.words.f1} vs baseline"
    where = f"At each strategy's own {analysis.words.threshold}"
    yield from _compared(analysis, "test/f1", measure, where)


def _at_tuned_thresholds(analysis: Analysis) -> Iterable[Sentence]:
    measure = f"Δ{analysis.words.headings()['test/f1_tuned']}"
    where = f"With {analysis.words.every} tuned"
    yield from _compared(analysis, "test/f1_tuned", measure, where)


def _ranking(analysis: Analysis) -> Iterable[Sentence]:
    name = analysis.words.headings()["test/average_precision"]
    yield from _compared(analysis, "test/average_precision", f"Δ{name}", f"In {name}")


def _compared(analysis: Analysis, metric: str, measure: str, where: str) -> Iterable[Sentence]:
    """Who is better or worse than the baseline, and how far the others can be from it."""
    for word, better in (("better", True), ("worse", False)):
        claims = analysis.significant(metric, better)
        if claims:
            yield Sentence(
                f"{where}, {names(claims)} {_is(claims)} significantly {word} than the baseline "
                f"({analysis.confidence}, adjusted).",
                f"{measure}: {differences(claims)}",
            )
    undecided = [claim for claim in analysis.open(metric) if claim.difference.known]
    if undecided:
        bound = max(max(-claim.low, claim.high) for claim in undecided)
        text = (
            f"{where}, {names(undecided)} {_is(undecided)} within ±{bound:.3f} of the baseline "
            f"({analysis.confidence}): no significant difference."
            if bound <= BOUNDED
            else f"{where}, there is no claim about {names(undecided)}: differences of up to "
            f"{bound:.3f} to the baseline remain possible ({analysis.confidence})."
        )
        yield Sentence(text, f"{measure}, largest: {differences([_largest(undecided)])}")


def _largest(claims: Sequence[Claim]) -> Claim:
    return max(claims, key=lambda claim: abs(claim.mean))


def _calibration(analysis: Analysis) -> Iterable[Sentence]:
    for word, text in (("no", "not calibrated"), ("yes", "calibrated")):
        labels = [label for label, found in analysis.calibrated.items() if found == word]
        if labels:
            errors = {label: analysis.mean(label, "test/ece") for label in labels}
            labels.sort(key=lambda label: errors[label], reverse=word == "no")
            yield Sentence(
                f"The probabilities of {listed(labels)} are {text}.",
                f"calibration error (ECE) significantly {'above' if word == 'no' else 'below'} "
                f"{comparison.UNCALIBRATED}: "
                + ", ".join(f"{label} {errors[label]:.3f}" for label in labels),
            )


def _cost(analysis: Analysis) -> Iterable[Sentence]:
    plain = comparison.of(analysis.table, analysis.baseline, "timing/training")
    dear = {}
    for label in analysis.trainings.values():
        ratios = comparison.of(analysis.table, label, "timing/training") / plain
        ratios = ratios.dropna()
        if len(ratios) and ratios.min() >= DEARER:
            dear[label] = float(ratios.median())
    if dear:
        yield Sentence(
            f"{listed(list(dear))} took longer to train than the baseline.",
            ", ".join(f"{label} {ratio:.1f} times" for label, ratio in dear.items()),
        )


def _lost(analysis: Analysis) -> Iterable[Sentence]:
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


def _collapsed(labels: Sequence[str], number: int, of: int) -> Sentence:
    they = "it" if len(labels) == 1 else "each"
    return Sentence(
        f"{listed(labels)} collapsed: {they} predicted the same class for every test row.",
        f"at {number} of {seeds(of)}",
    )


def _troubles(analysis: Analysis) -> Iterable[Sentence]:
    """Sentences on runs that are lost, collapsed, or the same where they should differ."""
    yield from _lost(analysis)
    runs = analysis.table.runs
    alike: dict[tuple[int, int], list[str]] = {}  # (collapsed runs, all runs) -> labels
    for label, own in runs[runs["collapsed"]].groupby("label", sort=False):
        number = len(own), int((runs["label"] == label).sum())
        alike.setdefault(number, []).append(str(label))
    for number, labels in alike.items():
        yield _collapsed(labels, *number)
    for one, two in analysis.identical:
        yield Sentence(f"{one} and {two} gave identical results at every seed.")


def _is(claims: Sequence[Claim]) -> str:
    return "are" if len(claims) > 1 else "is"
