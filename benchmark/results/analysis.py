"""Everything that a leaderboard says, computed once; verdict, report and advice read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmark.metrics import stats
from benchmark.protocol.text import percent
from benchmark.results import comparison
from benchmark.results.comparison import Calibrated, Claim
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.measures import Headings
from benchmark.results.outlook import Race, race

STATES = ("finished", "failed", "missing")
THRESHOLDS = ("at_half", "tuned", "upper_bound")  # at which each training's F1 is measured


@dataclass(frozen=True)
class Analysis:
    """A leaderboard and all that follows from it.

    Attributes:
        baseline: label of `none`, if all its runs are finished; "" otherwise.
        problem: why nothing can be compared, for users; "" where there is a baseline.
        seeds: of the baseline.
        complete: labels of the strategies whose runs are all finished.
        trainings: training -> label of the strategy that adds the least to it.
        skilled: labels that rank rows significantly better than chance.
        claims: differences to the baseline; those of one measure hold together.
        calibrated: label -> whether its probabilities are calibrated.
        race: who may be the best; None with one seed or without a baseline.
        ranking: one row per strategy (label), best F1 first; see `_ranking`.
        tuning: one row per training, best tuned F1 first; see `_tuning`.
        identical: pairs of labels with the same measures at every seed.
    """

    table: Leaderboard
    baseline: str
    problem: str
    seeds: int
    complete: tuple[str, ...]
    trainings: dict[str, str]
    skilled: frozenset[str]
    claims: tuple[Claim, ...]
    calibrated: dict[str, Calibrated]
    race: Race | None
    ranking: pd.DataFrame
    tuning: pd.DataFrame
    identical: tuple[tuple[str, str], ...]

    @property
    def level(self) -> float:
        """Significance level."""
        return self.table.level

    @property
    def confidence(self) -> str:
        """Confidence level of its intervals, in words."""
        return percent(1 - self.level, 0 if self.level == stats.LEVEL else 1)

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
            if claim.p < self.level
            and (claim.mean > 0) == better
            and (claim.label if better else self.baseline) in self.skilled
        ]
        return sorted(claims, key=lambda claim: -abs(claim.mean))

    def open(self, metric: str) -> list[Claim]:
        """Claims that are not significant."""
        return [claim for claim in self.claims_on(metric) if not claim.p < self.level]

    def simplicity(self, label: str) -> tuple[bool, int, float]:
        """Sort key, simplest first: no training of its own, fewer parts, then the higher F1."""
        own = self.table.runs.loc[self.table.runs["label"] == label].iloc[0]
        trains = own["training_part"] != comparison.NONE
        parts = 0 if own["strategy"] == comparison.NONE else label.count("+") + 1
        return bool(trains), parts, -self.mean(label, "test/f1")


def analyse(table: Leaderboard) -> Analysis:
    """Analyse a leaderboard; without a complete baseline there are no claims."""
    label, complete = comparison.baseline(table), comparison.complete(table)
    baseline = label if label in complete else ""
    claims = [
        claim
        for metric in comparison.QUESTIONS
        for claim in comparison.claims(table, metric, table.level)
    ]
    trainings = comparison.trainings(table)
    skilled = comparison.skilled(table, complete)
    racing = race(table, baseline, skilled) if baseline else None
    return Analysis(
        table=table,
        baseline=baseline,
        problem=_problem(label, complete),
        seeds=int((table.runs["label"] == label).sum()),
        complete=tuple(complete),
        trainings=trainings,
        skilled=frozenset(skilled),
        claims=tuple(claims),
        calibrated=comparison.calibrated(table, table.level),
        race=racing,
        ranking=_ranking(table, claims, racing),
        tuning=_tuning(table, trainings, claims),
        identical=tuple(comparison.identical(table)),
    )


def _problem(baseline: str | None, complete: Sequence[str]) -> str:
    if baseline is None:
        return "There is no baseline to compare with: add none to --strategies."
    if baseline not in complete:
        return "The baseline has runs that are not finished, so nothing is compared with it."
    return ""


def _ranking(table: Leaderboard, claims: Sequence[Claim], racing: Race | None) -> pd.DataFrame:
    """F1 at each strategy's own threshold with its statistics, best first.

    Columns: f1, f1_sd, f1_iqm; difference, low, high (simultaneous) to the baseline, above
    (probability that it is better), p (two-sided, adjusted); best, within, regret by the
    posterior; finished, failed, missing, collapsed: numbers of runs. nan where unknown.
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
            board.loc[claim.label, list(DIFFERENCE)] = _difference(claim)
            board.loc[claim.label, "above"] = claim.difference.above
    for label, outlook in (racing.outlooks if racing else {}).items():
        if label in board.index:
            of_label = outlook.best, outlook.within, outlook.regret
            board.loc[label, ["best", "within", "regret"]] = of_label
    for state in STATES:
        board[state] = (table.runs["state"] == state).groupby(table.runs["label"]).sum()
    board["collapsed"] = table.runs.groupby("label")["collapsed"].sum()
    columns = ["f1", "f1_sd", "f1_iqm", *DIFFERENCE, "above", "best", "within", "regret"]
    board = board.reindex(columns=[*columns, *STATES, "collapsed"])
    return board.sort_values("f1", ascending=False, kind="stable")


DIFFERENCE = ("difference", "low", "high", "p")


def _difference(claim: Claim) -> tuple[float, float, float, float]:
    return claim.mean, claim.low, claim.high, claim.p


def _tuning(table: Leaderboard, trainings: dict[str, str], claims: Sequence[Claim]) -> pd.DataFrame:
    """Effect of threshold tuning on each training: mean F1 on test, best tuned first.

    Columns: training, label of the strategy that was read; at_half, tuned (on validation),
    upper_bound (the best threshold on test itself) with their standard deviations; the tuned
    threshold; difference, low, high and p of the tuned F1 against that of the baseline;
    ap_difference, ap_low, ap_high and ap_p likewise of average precision.
    """
    found = {(claim.label, claim.metric): claim for claim in claims}
    rows = []
    for training, label in trainings.items():
        own = table.runs[table.runs["label"] == label]
        row: dict[str, object] = {"training": training, "label": label}
        for name in THRESHOLDS:
            f1 = own[f"test/f1_{name}"]
            row |= {name: f1.mean(), f"{name}_sd": f1.std()}
        for prefix, metric in (("", "test/f1_tuned"), ("ap_", "test/average_precision")):
            if (label, metric) in found:
                names = (f"{prefix}{name}" for name in DIFFERENCE)
                row |= dict(zip(names, _difference(found[label, metric]), strict=True))
        rows.append(row | {"threshold": own["test/threshold_tuned"].mean()})
    columns = ["training", "label", *THRESHOLDS, *(f"{name}_sd" for name in THRESHOLDS)]
    columns += ["threshold", *DIFFERENCE, *(f"ap_{name}" for name in DIFFERENCE)]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.sort_values("tuned", ascending=False, ignore_index=True)
