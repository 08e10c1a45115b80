"""Everything that a leaderboard says, computed once; verdict, report and advice read it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.metrics import stats
from benchmark.metrics.stats import LEVEL
from benchmark.results import comparison
from benchmark.results.comparison import Claim
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.measures import Headings


@dataclass(frozen=True)
class Sentence:
    """One finding, and what it rests on."""

    text: str
    figures: str = ""
    use: str = ""  # label of the strategy that it leaves one with, see `recommend.py`


@dataclass(frozen=True)
class Analysis:
    """What the rules read."""

    table: Leaderboard
    seeds: int  # of none
    overlap: float
    complete: list[str]  # labels
    none: str  # label
    trainings: dict[str, str]  # training part -> label
    skilled: set[str]  # labels that rank better than chance, beyond chance
    claims: list[Claim]

    @property
    def words(self) -> Headings:
        """How the measures are called."""
        return self.table.words

    def mean(self, label: str, metric: str) -> float:
        """Mean over seeds."""
        return float(self.table.runs.loc[self.table.runs["label"] == label, metric].mean())

    def sure(self, metric: str, better: bool) -> list[Claim]:
        """Claims that hold beyond chance, largest first, of those that know anything."""
        found = [
            claim
            for claim in self.claims
            if claim.metric == metric
            and claim.p < LEVEL
            and (claim.difference.mean > 0) == better
            and (claim.label if better else self.none) in self.skilled
        ]
        return sorted(found, key=lambda claim: -abs(claim.difference.mean))

    def unsure(self, metric: str) -> list[Claim]:
        """Claims that may be chance."""
        return [c for c in self.claims if c.metric == metric and not c.p < LEVEL]


def analyse(table: Leaderboard) -> Analysis | Sentence:
    """What the rules read, or why there is nothing to read."""
    none, complete = comparison.label_of_none(table), comparison.complete(table)
    if none is None:
        return Sentence("Without none there is nothing to compare with: add it to --strategies.")
    if none not in complete:
        return Sentence("none has cells that are not done, so nothing is compared with it.")
    return Analysis(
        table=table,
        seeds=int((table.runs["label"] == none).sum()),
        overlap=comparison.overlap(table),
        complete=complete,
        none=none,
        trainings=comparison.trainings(table),
        skilled=skilled(table, complete),
        claims=comparison.claims(table),
    )


def skilled(table: Leaderboard, labels: list[str]) -> set[str]:
    """The strategies whose ROC AUC is above one half beyond chance."""
    above = comparison.values(table, "test/roc_auc").T - 0.5
    found = comparison.means(above[labels], table)
    adjusted = stats.holm(np.array([it.p for it in found.values()]))
    return {
        label
        for (label, it), p in zip(found.items(), adjusted, strict=True)
        if p < LEVEL and it.mean > 0
    }


def simplicity(found: Analysis, label: str) -> tuple[bool, int, float]:
    """Smaller is simpler: no training of its own, fewer parts, then the higher F1."""
    own = found.table.runs.loc[found.table.runs["label"] == label].iloc[0]
    trains = own["training_part"] != comparison.NONE
    parts = 0 if own["strategy"] == comparison.NONE else label.count("+") + 1
    return bool(trains), parts, -found.mean(label, "test/f1")
