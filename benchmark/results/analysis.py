"""Everything that a leaderboard says, computed once; verdict, report and advice read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmark.metrics import stats
from benchmark.results import comparison
from benchmark.results.comparison import Claim
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.measures import Headings

STATES = ("finished", "failed", "missing")
THRESHOLDS = ("at_half", "tuned", "upper_bound")  # at which each training's F1 is measured


@dataclass(frozen=True)
class Analysis:
    """A leaderboard and all that follows from it.

    Attributes:
        baseline: label of `none`, if all its runs are finished; "" otherwise.
        problem: why nothing can be compared, for users; "" where there is a baseline.
        seeds: of the baseline.
        overlap: share of test rows that two seeds have in common.
        one_test_split: all seeds were tested on the same rows.
        complete: labels of the strategies whose runs are all finished.
        trainings: training -> label of the strategy that adds the least to it.
        skilled: labels that rank rows significantly better than chance.
        claims: differences on F1, tuned F1 and calibration error, p adjusted together.
        ranking: one row per strategy (label), best F1 first; see `_ranking`.
        tuning: one row per training, best tuned F1 first; see `_tuning`.
        identical: pairs of labels with the same measures at every seed.
    """

    table: Leaderboard
    baseline: str
    problem: str
    seeds: int
    overlap: float
    one_test_split: bool
    complete: tuple[str, ...]
    trainings: dict[str, str]
    skilled: frozenset[str]
    claims: tuple[Claim, ...]
    ranking: pd.DataFrame
    tuning: pd.DataFrame
    identical: tuple[tuple[str, str], ...]

    @property
    def words(self) -> Headings:
        """How the measures are called."""
        return self.table.words

    def mean(self, label: str, metric: str) -> float:
        """Mean of a measure over seeds."""
        return float(self.table.runs.loc[self.table.runs["label"] == label, metric].mean())

    def claims_on(self, metric: str) -> list[Claim]:
        """The claims on one measure."""
        return [claim for claim in self.claims if claim.metric == metric]

    def significant(self, metric: str, better: bool) -> list[Claim]:
        """Significant claims, largest first; only of strategies that rank better than chance."""
        claims = [
            claim
            for claim in self.claims_on(metric)
            if claim.p < stats.LEVEL
            and (claim.difference.mean > 0) == better
            and (claim.label if better else self.baseline) in self.skilled
        ]
        return sorted(claims, key=lambda claim: -abs(claim.difference.mean))

    def open(self, metric: str) -> list[Claim]:
        """Claims that are not significant."""
        return [claim for claim in self.claims_on(metric) if not claim.p < stats.LEVEL]

    def simplicity(self, label: str) -> tuple[bool, int, float]:
        """Sort key, simplest first: no training of its own, fewer parts, then the higher F1."""
        own = self.table.runs.loc[self.table.runs["label"] == label].iloc[0]
        trains = own["training_part"] != comparison.NONE
        parts = 0 if own["strategy"] == comparison.NONE else label.count("+") + 1
        return bool(trains), parts, -self.mean(label, "test/f1")


def analyse(table: Leaderboard) -> Analysis:
    """Analyse a leaderboard; without a complete baseline there are no claims."""
    label, complete = comparison.baseline(table), comparison.complete(table)
    claims, overlap = comparison.claims(table), comparison.overlap(table)
    trainings = comparison.trainings(table)
    return Analysis(
        table=table,
        baseline=label if label in complete else "",
        problem=_problem(label, complete),
        seeds=int((table.runs["label"] == label).sum()),
        overlap=overlap,
        one_test_split=comparison.one_test_split(table),
        complete=tuple(complete),
        trainings=trainings,
        skilled=frozenset(comparison.skilled(table, complete)),
        claims=tuple(claims),
        ranking=_ranking(table, claims, overlap),
        tuning=_tuning(table, trainings, claims),
        identical=tuple(comparison.identical(table)),
    )


def _problem(baseline: str | None, complete: Sequence[str]) -> str:
    if baseline is None:
        return "There is no baseline to compare with: add none to --strategies."
    if baseline not in complete:
        return "The baseline has runs that are not finished, so nothing is compared with it."
    return ""


def _ranking(table: Leaderboard, claims: Sequence[Claim], overlap: float) -> pd.DataFrame:
    """F1 at each strategy's own threshold with its statistics, best first.

    Columns: f1, f1_sd, f1_iqm; difference, low, high (95 %) to the baseline, above (probability
    that it is better), p (two-sided, adjusted); rank, rank_low, rank_high among the complete
    strategies; finished, failed, missing, collapsed: numbers of runs. nan where unknown.
    """
    f1 = comparison.values(table, "test/f1")
    board = pd.DataFrame(index=f1.index)
    board["f1"], board["f1_sd"] = f1.mean(axis=1), f1.std(axis=1)
    board["f1_iqm"] = [
        stats.interquartile_mean(row[~np.isnan(row)]) if (~np.isnan(row)).any() else np.nan
        for row in f1.to_numpy()
    ]
    for claim in claims:
        if claim.metric == "test/f1":
            d = claim.difference
            board.loc[claim.label, ["difference", "low", "high"]] = d.mean, d.low, d.high
            board.loc[claim.label, ["above", "p"]] = d.above, claim.p
    _add_ranks(board, table, overlap)
    for state in STATES:
        board[state] = (table.runs["state"] == state).groupby(table.runs["label"]).sum()
    board["collapsed"] = table.runs.groupby("label")["collapsed"].sum()
    columns = [*("f1", "f1_sd", "f1_iqm", "difference", "low", "high", "above", "p")]
    columns += ["rank", "rank_low", "rank_high", *STATES, "collapsed"]
    return board.reindex(columns=columns).sort_values("f1", ascending=False, kind="stable")


def _add_ranks(board: pd.DataFrame, table: Leaderboard, overlap: float) -> None:
    common = comparison.shared(table)
    if not len(common.runs):
        return
    scores = comparison.values(common, "test/f1").to_numpy()
    ranked = list(common.runs["label"].drop_duplicates())
    board.loc[ranked, "rank"] = stats.ranks(scores)
    if scores.shape[1] > 1:
        bounds = stats.rank_intervals(scores, overlap)
        board.loc[ranked, ["rank_low", "rank_high"]] = bounds.astype(float)


def _tuning(table: Leaderboard, trainings: dict[str, str], claims: Sequence[Claim]) -> pd.DataFrame:
    """Effect of threshold tuning on each training: mean F1 on test, best tuned first.

    Columns: training, label of the strategy that was read; at_half, tuned (on validation),
    upper_bound (the best threshold on test itself) with their standard deviations; the tuned
    threshold; difference, low, high and p of the tuned F1 against that of the baseline.
    """
    tuned = {claim.label: claim for claim in claims if claim.metric == "test/f1_tuned"}
    rows = []
    for training, label in trainings.items():
        own = table.runs[table.runs["label"] == label]
        row: dict[str, object] = {"training": training, "label": label}
        for name in THRESHOLDS:
            f1 = own[f"test/f1_{name}"]
            row |= {name: f1.mean(), f"{name}_sd": f1.std()}
        if label in tuned:
            d = tuned[label].difference
            row |= {"difference": d.mean, "low": d.low, "high": d.high, "p": tuned[label].p}
        rows.append(row | {"threshold": own["test/threshold_tuned"].mean()})
    columns = ["training", "label", *THRESHOLDS, *(f"{name}_sd" for name in THRESHOLDS)]
    columns += ["threshold", "difference", "low", "high", "p"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.sort_values("tuned", ascending=False, ignore_index=True)
