"""Strategies against each other, in numbers: paired by seed, never averages of different seeds.

Everything here is a pure function of a leaderboard; `analysis.analyse` calls each once.
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

NONE = "none"  # the baseline in full, as a strategy and as a training
UNCALIBRATED = 0.05  # calibration error (ECE) above which probabilities are not calibrated


@dataclass(frozen=True)
class Claim:
    """A difference on one measure, with its p-value adjusted for all that were looked at."""

    label: str
    metric: str
    difference: Difference
    p: float  # by Holm; nan for one seed


def values(table: Leaderboard, metric: str) -> pd.DataFrame:
    """A measure, one row per strategy (label), one column per seed; nan if not finished."""
    return table.runs.pivot(index="label", columns="seed", values=metric).reindex(
        table.runs["label"].drop_duplicates()
    )


def of(table: Leaderboard, label: str, metric: str) -> pd.Series:
    """A measure of one strategy by seed; nan where the run is not finished."""
    return values(table, metric).T[label]


def mean(numbers: pd.Series, table: Leaderboard) -> Difference:
    """Mean of one number per seed with its 95 % interval; nan is left out."""
    return means(numbers.to_frame("value"), table)["value"]


def means(numbers: pd.DataFrame, table: Leaderboard) -> dict[str, Difference]:
    """Mean of every column with its 95 % interval: label -> mean."""
    common = overlap(table)
    return {
        str(label): stats.difference(column.dropna().to_numpy(np.float64), common)
        for label, column in numbers.items()
    }


def overlap(table: Leaderboard) -> float:
    """Share of test rows that two seeds have in common on average, see ``stats.overlap``.

    It is 0 where it is unknown, and where all seeds have the same test rows: statements then
    hold for these rows, since their choice does not vary.
    """
    if one_test_split(table):
        return 0.0
    if not table.binary:
        shares = table.runs[ROWS] / table.facts.get("rows", sum(table.facts["counts"]))
        return float(shares.fillna(0).max())
    tp, fp, fn, tn = table.runs[list(COUNTS)].mean()
    if np.isnan(tp):
        return 0.0
    # sums of weights can be more than a class has rows; together they are the rows tested
    tested, available = np.array([tn + fp, tp + fn]), np.array(table.facts["counts"])
    return min(stats.overlap(tested, available), float(tested.sum() / available.sum()))


def one_test_split(table: Leaderboard) -> bool:
    """Return whether several seeds were tested, all on the same rows."""
    tested = table.runs[table.runs["test_rows"] != ""]
    return tested["seed"].nunique() > 1 and tested["test_rows"].nunique() == 1


def complete(table: Leaderboard) -> list[str]:
    """Labels of the strategies whose planned runs are all finished."""
    finished = (table.runs["state"] == "finished").groupby(table.runs["label"], sort=False).all()
    return [str(label) for label in finished.index[finished]]


def shared(table: Leaderboard) -> Leaderboard:
    """The complete strategies at the seeds that all of them have."""
    runs = table.runs[table.runs["label"].isin(complete(table))]
    counts = runs.groupby("seed")["label"].nunique()
    seeds = counts.index[counts == runs["label"].nunique()]
    return replace(table, runs=runs[runs["seed"].isin(seeds)])


def baseline(table: Leaderboard) -> str | None:
    """Label of `none`; None if it was not planned."""
    labels = table.runs.loc[table.runs["strategy"] == NONE, "label"]
    return None if labels.empty else str(labels.iloc[0])


def trainings(table: Leaderboard) -> dict[str, str]:
    """Training -> the label of the complete strategy that adds the least to it."""
    texts = dict(zip(table.runs["label"], table.runs["strategy"], strict=True))
    parts = dict(zip(table.runs["label"], table.runs["training_part"], strict=True))
    labels: dict[str, str] = {}
    for label in sorted(complete(table), key=lambda label: len(texts[label])):
        labels.setdefault(parts[label], label)
    return labels


def against(
    table: Leaderboard, reference: str, metric: str, labels: Sequence[str]
) -> dict[str, Difference]:
    """Label -> paired difference to the strategy `reference`; left out if no seed has both."""
    measured, common = values(table, metric), overlap(table)
    of_label = dict(zip(measured.index, measured.to_numpy(np.float64), strict=True))
    differences = {}
    for label in labels:
        paired = of_label[label] - of_label[reference]
        paired = paired[~np.isnan(paired)]
        if label != reference and len(paired):
            differences[label] = stats.difference(paired, common)
    return differences


def claims(table: Leaderboard) -> list[Claim]:
    """Everything asked of the complete strategies, with p-values that hold together (Holm).

    F1 at each strategy's own threshold against the baseline; F1 at the tuned threshold of every
    other training against that of the baseline; calibration error against `UNCALIBRATED`, of
    the baseline too. Each pair is compared over the seeds that both have. Empty where the
    baseline is not complete.
    """
    reference, labels = baseline(table), complete(table)
    if reference not in labels:
        return []
    others = [label for part, label in trainings(table).items() if part != NONE]
    errors = values(table, "test/ece").T - UNCALIBRATED
    questions = {
        "test/f1": against(table, reference, "test/f1", labels),
        "test/f1_tuned": against(table, reference, "test/f1_tuned", others),
        "test/ece": means(errors[labels], table),
    }
    asked = [
        (label, metric, difference)
        for metric, differences in questions.items()
        for label, difference in differences.items()
    ]
    adjusted = stats.holm(np.array([difference.p for _, _, difference in asked]))
    return [
        Claim(label, metric, difference, float(p) if difference.seeds > 1 else np.nan)
        for (label, metric, difference), p in zip(asked, adjusted, strict=True)
    ]


def skilled(table: Leaderboard, labels: Sequence[str]) -> set[str]:
    """Labels of the strategies whose ROC AUC is significantly above one half (Holm)."""
    above_half = values(table, "test/roc_auc").T - 0.5
    areas = means(above_half[list(labels)], table)
    adjusted = stats.holm(np.array([area.p for area in areas.values()]))
    return {
        label
        for (label, area), p in zip(areas.items(), adjusted, strict=True)
        if p < stats.LEVEL and area.mean > 0
    }


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
