"""What a table says of strategies against each other, as numbers; no formatting.

Strategies are compared over the seeds at which both are done, never by averages of
different seeds. `none` is the strategy that changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from benchmark.metrics import stats
from benchmark.metrics.stats import Difference
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.measures import COUNTS, ROWS

if TYPE_CHECKING:
    import pandas as pd

NONE = "none"  # in full, as a strategy and as a training part


@dataclass(frozen=True)
class Claim:
    """A difference on one measure, with its p-value among all that were looked at."""

    label: str
    metric: str
    difference: Difference
    p: float  # by Holm


def values(table: Leaderboard, metric: str) -> pd.DataFrame:
    """One row a strategy (label), one column a seed, as they come in the table; nan if not done."""
    return table.runs.pivot(index="label", columns="seed", values=metric).reindex(
        table.runs["label"].drop_duplicates()
    )


def of(table: Leaderboard, label: str, metric: str) -> pd.Series:
    """A measure of one strategy by seed; nan where it is not done."""
    return values(table, metric).T[label]


def mean(numbers: pd.Series, table: Leaderboard) -> Difference:
    """The mean of one number a seed of the table, with its 95 % interval; nan is left out."""
    return means(numbers.to_frame("it"), table)["it"]


def means(numbers: pd.DataFrame, table: Leaderboard) -> dict[str, Difference]:
    """The same of every column: label -> mean."""
    common = overlap(table)
    return {
        str(label): stats.difference(column.dropna().to_numpy(np.float64), common)
        for label, column in numbers.items()
    }


def overlap(table: Leaderboard) -> float:
    """The share of test rows that two seeds have in common on average, see ``stats.overlap``.

    0 where it is unknown, and where all seeds have the same test rows: what is said then
    holds for these rows, as their choice varies with nothing.
    """
    if one_test_split(table):
        return 0.0
    if not table.binary:
        shares = table.runs[ROWS] / table.facts.get("rows", sum(table.facts["counts"]))
        return float(shares.fillna(0).max())
    tp, fp, fn, tn = table.runs[list(COUNTS)].mean()
    known = not np.isnan(tp)
    return stats.overlap(np.array([tn + fp, tp + fn]), table.facts["counts"]) if known else 0.0


def one_test_split(table: Leaderboard) -> bool:
    """Whether several seeds were tested, all on the same rows."""
    done = table.runs[table.runs["test_rows"] != ""]
    return done["seed"].nunique() > 1 and done["test_rows"].nunique() == 1


def complete(table: Leaderboard) -> list[str]:
    """Labels of the strategies of which every planned cell is done."""
    done = (table.runs["state"] == "finished").groupby(table.runs["label"], sort=False).all()
    return [str(label) for label in done.index[done]]


def shared(table: Leaderboard) -> Leaderboard:
    """The complete strategies at the seeds that all of them have."""
    mine = table.runs[table.runs["label"].isin(complete(table))]
    counts = mine.groupby("seed")["label"].nunique()
    seeds = counts.index[counts == mine["label"].nunique()]
    return replace(table, runs=mine[mine["seed"].isin(seeds)])


def label_of_none(table: Leaderboard) -> str | None:
    """The label of `none`; None if it was not planned."""
    found = table.runs.loc[table.runs["strategy"] == NONE, "label"]
    return None if found.empty else str(found.iloc[0])


def trainings(table: Leaderboard) -> dict[str, str]:
    """Training part -> the label of the complete strategy that adds the least to it."""
    texts = dict(zip(table.runs["label"], table.runs["strategy"], strict=True))
    parts = dict(zip(table.runs["label"], table.runs["training_part"], strict=True))
    found: dict[str, str] = {}
    for label in sorted(complete(table), key=lambda label: len(texts[label])):
        found.setdefault(parts[label], label)
    return found


def against(
    table: Leaderboard, reference: str, metric: str, labels: Sequence[str]
) -> dict[str, Difference]:
    """Label -> paired difference to the strategy `reference`; left out if no seed has both."""
    measured, common = values(table, metric), overlap(table)
    of_label = dict(zip(measured.index, measured.to_numpy(np.float64), strict=True))
    found = {}
    for label in labels:
        paired = of_label[label] - of_label[reference]
        paired = paired[~np.isnan(paired)]
        if label != reference and len(paired):
            found[label] = stats.difference(paired, common)
    return found


def claims(table: Leaderboard) -> list[Claim]:
    """All that is asked of the complete strategies, with p-values that hold together.

    F1 as decided against `none`; F1 at the tuned threshold of every other training part against that of
    `none`; calibration error against `UNUSABLE`, of `none` too. Each pair is compared over the
    seeds that both have. Empty where `none` is not complete.
    """
    reference, labels = label_of_none(table), complete(table)
    if reference not in labels:
        return []
    others = [label for part, label in trainings(table).items() if part != NONE]
    errors = values(table, "test/ece").T - UNUSABLE
    asked = {
        "test/f1": against(table, reference, "test/f1", labels),
        "test/f1_tuned": against(table, reference, "test/f1_tuned", others),
        "test/ece": means(errors[labels], table),
    }
    found = [(label, metric, it) for metric, each in asked.items() for label, it in each.items()]
    adjusted = stats.holm(np.array([it.p for _, _, it in found]))
    return [
        Claim(label, metric, it, float(p) if it.seeds > 1 else np.nan)
        for (label, metric, it), p in zip(found, adjusted, strict=True)
    ]


UNUSABLE = 0.05  # calibration error from which probabilities are not to be believed


def claims_on(table: Leaderboard, metric: str) -> dict[str, Claim]:
    """Label -> claim on one measure."""
    return {claim.label: claim for claim in claims(table) if claim.metric == metric}


def leaderboard(table: Leaderboard) -> pd.DataFrame:
    """``Table.summary`` of F1 with its statistics, one row a strategy (label), best first.

    Columns: f1, f1_sd, f1_iqm; difference, low, high (95 %) to `none`, above (probability that
    it is better), p (two-sided, see `claims`); rank, rank_low, rank_high among the
    complete strategies; and the states of its cells. What cannot be known is nan.
    """
    import pandas as pd

    f1 = values(table, "test/f1")
    board = pd.DataFrame(index=f1.index)
    board["f1"], board["f1_sd"] = f1.mean(axis=1), f1.std(axis=1)
    board["f1_iqm"] = [
        stats.interquartile_mean(row[~np.isnan(row)]) if (~np.isnan(row)).any() else np.nan
        for row in f1.to_numpy()
    ]
    for label, claim in claims_on(table, "test/f1").items():
        it = claim.difference
        board.loc[label, ["difference", "low", "high"]] = it.mean, it.low, it.high
        board.loc[label, ["above", "p"]] = it.above, claim.p
    common = shared(table)
    if len(common.runs):
        scores = values(common, "test/f1").to_numpy()
        ranked = list(common.runs["label"].drop_duplicates())
        board.loc[ranked, "rank"] = stats.ranks(scores)
        if scores.shape[1] > 1:
            bounds = stats.rank_intervals(scores, overlap(table))
            board.loc[ranked, ["rank_low", "rank_high"]] = bounds.astype(float)
    states = ("finished", "failed", "missing")
    for state in states:
        board[state] = (table.runs["state"] == state).groupby(table.runs["label"]).sum()
    board["collapsed"] = table.runs.groupby("label")["collapsed"].sum()
    wanted = [*STATISTICS, *states, "collapsed"]
    return board.reindex(columns=wanted).sort_values("f1", ascending=False, kind="stable")


STATISTICS = (
    *("f1", "f1_sd", "f1_iqm", "difference", "low", "high", "above", "p"),
    *("rank", "rank_low", "rank_high"),
)


def decision_account(table: Leaderboard) -> pd.DataFrame:
    """What a moved threshold gives each training part: mean F1 on test, one row a training part.

    Columns: label of the strategy that was read, at_half, tuned (on validation), oracle (on
    test itself, so out of reach), their standard deviations, and the tuned threshold; difference, low,
    high and p of the tuned F1 against that of `none`. Best tuned first.
    """
    import pandas as pd

    rows, claimed = [], claims_on(table, "test/f1_tuned")
    for part, label in trainings(table).items():
        own = table.runs[table.runs["label"] == label]
        row: dict[str, object] = {"training": part, "label": label}
        for name in THRESHOLDS:
            f1 = own[f"test/f1_{name}"]
            row |= {name: f1.mean(), f"{name}_sd": f1.std()}
        if label in claimed:
            it = claimed[label].difference
            row |= {"difference": it.mean, "low": it.low, "high": it.high, "p": claimed[label].p}
        rows.append(row | {"threshold": own["test/threshold_tuned"].mean()})
    names = ["training", "label", *THRESHOLDS, *(f"{name}_sd" for name in THRESHOLDS), "threshold"]
    account = pd.DataFrame(rows, columns=[*names, "difference", "low", "high", "p"])
    return account.sort_values("tuned", ascending=False, ignore_index=True)


THRESHOLDS = ("at_half", "tuned", "upper_bound")


def identical(table: Leaderboard) -> list[tuple[str, str]]:
    """Pairs of complete strategies with the same measures on test at every seed.

    Strategies that share a training differ in their decisions if they do anything.
    """
    names = [name for name in map(str, table.runs) if name.startswith("test/")]
    results = {
        label: table.runs[table.runs["label"] == label].sort_values("seed")[names].to_numpy()
        for label in complete(table)
    }
    return [
        (one, two)
        for one, two in combinations(results, 2)
        if np.array_equal(results[one], results[two], equal_nan=True)
    ]
