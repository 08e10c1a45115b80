"""What a table allows one to say, in sentences, each with the figures that its rule read.

Three questions are asked of every table, and their answers hold together at the 5 % level
(Holm over all comparisons of the three): which strategies decide better or worse than
`none`; which training parts are better or worse once every threshold is tuned; whose
probabilities are off by more than ``comparison.UNUSABLE``. What ranks no better than chance
answers none of them: F1 rises for a network that knows nothing if it only calls more rows
positive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from benchmark.metrics import stats
from benchmark.metrics.stats import LEVEL
from benchmark.protocol.text import interval, listed, seeds
from benchmark.results import comparison
from benchmark.results.analysis import Analysis, Sentence, analyse, simplicity
from benchmark.results.comparison import Claim
from benchmark.results.leaderboard import Leaderboard

DEARER = 2.0  # times the training time of `none`, at every seed
NEGLIGIBLE = 0.01  # a difference in F1 that nobody would change a strategy for


def verdict(table: Leaderboard) -> list[Sentence]:
    """What to do, and what it follows from."""
    found = analyse(table)
    if isinstance(found, Sentence):
        return [found, *_troubles(table)]
    if found.seeds > 1 and not found.skilled:
        return [_nothing_learned(found), *_troubles(table)]
    rules: list[Callable[[Analysis], Iterable[Sentence]]] = [
        _advice,
        _moved_threshold,
        _as_decided,
        _with_tuned_thresholds,
        _probabilities,
        _cost,
    ]
    return [*(sentence for rule in rules for sentence in rule(found)), *_troubles(table)]


def _nothing_learned(found: Analysis) -> Sentence:
    best = max(found.complete, key=lambda label: found.mean(label, "test/roc_auc"))
    text = (
        f"No strategy is shown to rank rows better than chance by {seeds(found.seeds)}, so "
        "nothing is claimed"
    )
    figures = f"best ROC AUC {best} {found.mean(best, 'test/roc_auc'):.3f}"
    above = comparison.mean(comparison.of(found.table, best, "test/roc_auc") - 0.5, found.table)
    needed = stats.seeds_needed(above, found.overlap, LEVEL / len(found.complete))
    if above.mean > 0 and needed and needed > found.seeds:
        figures += f", to show that it is above chance takes about {needed} seeds"
    if not found.table.binary:
        return Sentence(f"{text}.", figures)
    prevalence = _prevalence(found.table)
    return Sentence(
        f"{text}: a higher F1 only means that more rows were called positive.",
        f"{figures}; calling every row positive gives F1 {2 * prevalence / (1 + prevalence):.3f}",
    )


def _prevalence(table: Leaderboard) -> float:
    runs = table.runs
    positives = runs["test/true_positives"] + runs["test/false_negatives"]
    rows = positives + runs["test/false_positives"] + runs["test/true_negatives"]
    return float((positives / rows).mean())


def _moved_threshold(found: Analysis) -> Iterable[Sentence]:
    tuned = found.mean(found.none, "test/f1_tuned")
    best = max(found.complete, key=lambda label: found.mean(label, "test/f1"))
    top = found.mean(best, "test/f1")
    if max(top, tuned) > 0:
        share = f"{tuned / max(top, tuned):.0%}".replace("%", " %")
        f1, threshold = found.words.f1, found.words.threshold
        plain = f"{found.mean(found.none, 'test/f1_at_half'):.3f} {found.words.plain}"
        yield Sentence(
            f"Tuning the {threshold} of plain training alone gives {share} of the best {f1}.",
            f"{f1} of none {plain}, {tuned:.3f} at the tuned {threshold}; best {best} {top:.3f}; means "
            f"over {seeds(found.seeds)}",
        )


def _as_decided(found: Analysis) -> Iterable[Sentence]:
    better, worse = found.sure("test/f1", True), found.sure("test/f1", False)
    for claims, word in ((better, "better"), (worse, "worse")):
        if claims:
            yield Sentence(
                f"As they decide, {_names(claims)} {_is(claims)} {word} than none beyond chance.",
                f"{found.words.f1}: {_listed(claims)}",
            )
    unsure = found.unsure("test/f1")
    if unsure:
        yield Sentence(
            f"{_names(unsure)} cannot be told apart from none.",
            _what_would_tell(unsure, found, found.words.f1),
        )


def _with_tuned_thresholds(found: Analysis) -> Iterable[Sentence]:
    better, worse = found.sure("test/f1_tuned", True), found.sure("test/f1_tuned", False)
    unsure = found.unsure("test/f1_tuned")
    if not better + worse + unsure:
        return
    measure, every = found.words.headings()["test/f1_tuned"], found.words.every
    if better:
        yield Sentence(
            f"With {every} tuned, {_names(better)} still {_is(better)} better than plain "
            "training beyond chance.",
            f"{measure}: {_listed(better)}",
        )
    else:
        yield Sentence(
            f"With {every} tuned, no retraining strategy beats plain training beyond chance at "
            f"{seeds(found.seeds)}.",
            _what_would_tell(unsure, found, measure) if unsure else f"{measure}: {_listed(worse)}",
        )
    if worse:
        yield Sentence(
            f"{_names(worse)} {_is(worse)} worse than plain training even then.",
            f"{measure}: {_listed(worse)}",
        )


def _probabilities(found: Analysis) -> Iterable[Sentence]:
    off = [c for c in found.claims if c.metric == "test/ece" and c.p < LEVEL]
    off = sorted((c for c in off if c.difference.mean > 0), key=lambda c: -c.difference.mean)
    if off:
        errors = ", ".join(f"{c.label} {found.mean(c.label, 'test/ece'):.3f}" for c in off)
        yield Sentence(
            f"The probabilities of {_names(off)} cannot be taken at their word.",
            f"calibration error (ECE) above {comparison.UNUSABLE} beyond chance: {errors}; none "
            f"{found.mean(found.none, 'test/ece'):.3f}",
        )


def _cost(found: Analysis) -> Iterable[Sentence]:
    plain = comparison.of(found.table, found.none, "seconds/training")
    dear = {}
    for label in found.trainings.values():
        ratios = (comparison.of(found.table, label, "seconds/training") / plain).dropna()
        if len(ratios) and ratios.min() >= DEARER:
            dear[label] = float(ratios.median())
    if dear:
        yield Sentence(
            f"{listed(list(dear))} took longer to train than none.",
            ", ".join(f"{label} {ratio:.1f} times" for label, ratio in dear.items()),
        )


def _advice(found: Analysis) -> Iterable[Sentence]:
    """The simplest of those that the best does not beat beyond chance, if anything is known."""
    if found.seeds == 1:
        yield Sentence(
            "One seed cannot tell luck from effect: run more, such as --seeds 5.", use=found.none
        )
        return
    unsure = found.unsure("test/f1")
    if not found.sure("test/f1", True):
        gains = [it.difference for it in unsure]
        if any(np.isnan(it.high) or it.high > NEGLIGIBLE for it in gains):
            yield _not_enough(found, unsure)
            return
    labels = [label for label in found.complete if label in {*found.skilled, found.none}]
    best = max(labels, key=lambda label: found.mean(label, "test/f1"))
    top, tuned = found.mean(best, "test/f1"), found.mean(found.none, "test/f1_tuned")
    f1, threshold = found.words.f1, found.words.threshold
    if tuned > top + NEGLIGIBLE:
        yield Sentence(
            f"Tune the {threshold}: plain training then has a higher {f1} than all that was tried here. "
            "Add a strategy that does so.",
            f"{f1} of none at the tuned {threshold} {tuned:.3f}; best {best} {top:.3f}",
        )
        return
    behind = comparison.against(found.table, best, "test/f1", labels)
    adjusted = stats.holm(np.array([it.p for it in behind.values()]))
    within = [label for label, p in zip(behind, adjusted, strict=True) if p >= LEVEL]
    chosen = min([best, *within], key=lambda label: simplicity(found, label))
    if chosen == best:
        yield Sentence(
            f"Use {chosen}: nothing tried here has a higher {f1}.",
            f"{f1} {top:.3f}, mean over {seeds(found.seeds)}",
            chosen,
        )
    else:
        yield Sentence(
            f"Use {chosen}: it is simpler than {best}, which is not better beyond chance.",
            f"{f1} {found.mean(chosen, 'test/f1'):.3f} and {top:.3f}, means over "
            f"{seeds(found.seeds)}",
            chosen,
        )


def _not_enough(found: Analysis, unsure: Sequence[Claim]) -> Sentence:
    """Says so, and what would be enough."""
    level = LEVEL / len(found.claims)
    needed = {
        claim.label: stats.seeds_needed(claim.difference, found.overlap, level) for claim in unsure
    }
    enough = {label: number for label, number in needed.items() if number}
    if enough:
        label = min(enough, key=lambda label: enough[label])
        text = f"Not enough seeds to tell: about {enough[label]} would do"
    else:
        label = min(unsure, key=lambda claim: claim.difference.p).label
        text = "Not enough data to tell, whatever the number of seeds: larger splits would do"
    [clearest] = [claim for claim in unsure if claim.label == label]
    return Sentence(
        f"{text}, if the clearest difference is as large as it looks.",
        f"{found.words.f1} of {_listed([clearest])} against none at "
        f"{seeds(clearest.difference.seeds)}; nothing is better than none beyond chance",
        found.none,
    )


def _troubles(table: Leaderboard) -> Iterable[Sentence]:
    """Cells that are lost, collapsed, or the same where they should differ."""
    runs = table.runs
    lost = runs[runs["state"] != "finished"]
    if len(lost):
        labels = list(lost["label"].drop_duplicates())
        counts = lost["state"].value_counts()
        yield Sentence(
            f"{listed(labels)} {'lack' if len(labels) > 1 else 'lacks'} cells and "
            f"{'are' if len(labels) > 1 else 'is'} left out of all comparisons.",
            ", ".join(f"{state} {number}" for state, number in counts.items()),
        )
    collapsed = runs[runs["collapsed"]]
    for label, own in collapsed.groupby("label", sort=False):
        yield Sentence(
            f"{label} collapsed: it gave every test row the same class.",
            f"at {len(own)} of {seeds(int((runs['label'] == label).sum()))}",
        )
    for one, two in comparison.identical(table):
        yield Sentence(
            f"{one} and {two} gave identical results at every seed: one of them does nothing "
            "that the other does not."
        )


def _what_would_tell(claims: Sequence[Claim], found: Analysis, measure: str) -> str:
    """The largest open difference, and how many seeds would settle it."""
    largest = max(claims, key=lambda claim: abs(claim.difference.mean))
    text = f"{measure}: largest open difference {_listed([largest])}"
    if np.isnan(largest.difference.low):
        return f"{text}; there is no spread to judge it by"
    level = LEVEL / len(found.claims)
    smallest = stats.resolvable(largest.difference, found.overlap, level)
    text += f"; at {seeds(largest.difference.seeds)} it would have to be {smallest:.3f}"
    if abs(largest.difference.mean) < 5e-4:
        return text
    needed = stats.seeds_needed(largest.difference, found.overlap, level)
    more = f"about {needed} seeds" if needed else "more data than this, whatever the seeds"
    return f"{text}; to show it takes {more}"


def _listed(claims: Sequence[Claim]) -> str:
    return ", ".join(f"{claim.label} {interval(claim.difference)}" for claim in claims)


def _names(claims: Sequence[Claim]) -> str:
    return listed([claim.label for claim in claims])


def _is(claims: Sequence[Claim]) -> str:
    return "are" if len(claims) > 1 else "is"
