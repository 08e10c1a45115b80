"""Strategies against each other, in numbers: paired by seed, never averages of different seeds.

Everything here is a pure function of a leaderboard; `analysis.analyse` calls each once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Literal

import numpy as np

from benchmark.metrics import stats
from benchmark.metrics.stats import Difference
from benchmark.protocol.arrays import Floats
from benchmark.results import row_errors
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.measures import COUNTS, OWN_THRESHOLD, ROWS

if TYPE_CHECKING:
    import pandas as pd

NONE = "none"  # the baseline in full, as a strategy and as a training
UNCALIBRATED = 0.05  # calibration error (ECE) above which probabilities are not calibrated

Calibrated = Literal["yes", "unclear", "no"]


@dataclass(frozen=True)
class Claim:
    """A difference to the baseline, as one of all that were asked on its measure.

    Attributes:
        p: adjusted (Holm); nan for one seed.
        low, high: interval that holds together with the others of the measure.
    """

    label: str
    metric: str
    difference: Difference
    p: float
    low: float
    high: float

    @property
    def mean(self) -> float:
        """Mean over seeds."""
        return self.difference.mean


def values(table: Leaderboard, metric: str) -> pd.DataFrame:
    """A measure, one row per strategy (label), one column per seed; nan if not finished."""
    import pandas as pd

    # as `pivot` does, which takes ten times as long
    rows, labels = pd.factorize(table.runs["label"])
    columns, seeds = pd.factorize(table.runs["seed"], sort=True)
    found = np.full((len(labels), len(seeds)), np.nan)
    found[rows, columns] = table.runs[metric]
    return pd.DataFrame(
        found, index=pd.Index(labels, name="label"), columns=pd.Index(seeds, name="seed")
    )


def of(table: Leaderboard, label: str, metric: str) -> pd.Series:
    """A measure of one strategy by seed; nan where the run is not finished."""
    own = table.runs[table.runs["label"] == label].set_index("seed")[metric]
    return own.reindex(np.unique(table.runs["seed"]))


def correlation(metric: str) -> float:
    """Correlation of two seeds beyond their test rows, see `stats`."""
    return stats.AT_OWN_THRESHOLDS if metric in OWN_THRESHOLD else stats.WITHOUT_THRESHOLDS


def mean(table: Leaderboard, label: str, metric: str) -> Difference:
    """Mean of a measure over seeds with its 95 % interval."""
    return stats.difference(
        of(table, label, metric).dropna().to_numpy(np.float64),
        table.row_errors.variance(metric, label),
        correlation(metric),
    )


def between(
    one: tuple[Leaderboard, str], other: tuple[Leaderboard, str], metric: str
) -> Difference:
    """Paired difference of two strategies, each in its table, of the same data."""
    (first, own), (second, reference) = one, other
    paired = (of(first, own, metric) - of(second, reference, metric)).dropna()
    return stats.difference(
        paired.to_numpy(np.float64),
        row_errors.variance_between(first.row_errors, own, second.row_errors, reference, metric),
        correlation(metric),
    )


def complete(table: Leaderboard) -> list[str]:
    """Labels of the strategies whose planned runs are all finished."""
    labels, finished = table.runs["label"].tolist(), (table.runs["state"] == "finished").tolist()
    lacking = {label for label, done in zip(labels, finished, strict=True) if not done}
    return [str(label) for label in dict.fromkeys(labels) if label not in lacking]


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
    measured = values(table, metric)
    of_label = dict(zip(measured.index, measured.to_numpy(np.float64), strict=True))
    paired = {}
    for label in labels:
        gaps = of_label[label] - of_label[reference]
        if label != reference and not np.isnan(gaps).all():
            paired[label] = gaps[~np.isnan(gaps)]
    rows = [table.row_errors.variance(metric, label, reference) for label in paired]
    found = stats.differences(list(paired.values()), rows, correlation(metric))
    return dict(zip(paired, found, strict=True))


QUESTIONS = ("test/f1", "test/f1_tuned", "test/average_precision")


def claims(table: Leaderboard, metric: str, level: float) -> list[Claim]:
    """Differences to the baseline on one of `QUESTIONS`, with p-values that hold together (Holm).

    F1 at its own threshold is asked of every complete strategy, the others of every training.
    Results that equal the baseline's at every seed are no claim, and copies of one result count
    once. Empty where the baseline is not complete.

    Args:
        level: significance level; intervals have 1 - level.
    """
    reference, labels = baseline(table), complete(table)
    if reference not in labels:
        return []
    if metric != "test/f1":
        labels = [label for part, label in trainings(table).items() if part != NONE]
    measured = values(table, metric)
    plain = measured.loc[reference].to_numpy(np.float64)
    first_of: dict[bytes, str] = {}  # results -> the first strategy with them
    same = {
        label: first_of.setdefault(own.tobytes(), label)
        for label in labels
        for own in [measured.loc[label].to_numpy(np.float64)]
        if label != reference and not np.array_equal(own, plain, equal_nan=True)
    }
    found = against(table, reference, metric, list(first_of.values()))
    adjusted = stats.holm(np.array([one.p for one in found.values()]))
    p_of = dict(zip(found, adjusted.tolist(), strict=True))
    return [
        Claim(
            label,
            metric,
            found[first],
            p_of[first] if found[first].seeds > 1 else np.nan,
            # all of these measures are shares
            *np.clip(
                stats.simultaneous(found[first], len(found), level, p_of[first] < level), -1, 1
            ).tolist(),
        )
        for label, first in same.items()
    ]


def calibrated(table: Leaderboard, level: float) -> dict[str, Calibrated]:
    """Label -> whether the probabilities of a complete strategy are calibrated.

    "no" if the calibration error, less what calibrated probabilities would show on these rows, is
    significantly above `UNCALIBRATED`; "yes" if it is significantly below as it stands: errors
    are only ever overestimated. Each is adjusted over the strategies (Holm).
    """
    errors = {label: mean(table, label, "test/ece") for label in complete(table)}
    noises = table.row_errors.noise_ece()
    above = [1 - e.above_value(UNCALIBRATED + noises.get(label, 0)) for label, e in errors.items()]
    below = [e.above_value(UNCALIBRATED) for e in errors.values()]
    verdicts: dict[str, Calibrated] = {}
    for label, no, yes in zip(errors, _holm(above), _holm(below), strict=True):
        verdicts[label] = "no" if no < level else "yes" if yes < level else "unclear"
    return verdicts


def skilled(table: Leaderboard, labels: Sequence[str]) -> set[str]:
    """Labels of the strategies whose ROC AUC is significantly above one half (Holm).

    Scores that tell nothing have the variance of a rank sum, see `row_errors`.
    """
    from scipy.special import ndtr

    areas = values(table, "test/roc_auc").T[list(labels)].mean()
    variances = table.row_errors.chance_auc()
    unknown = _chance_auc_variance(table)  # of one seed: at least that of their mean
    p = [ndtr(-(areas[label] - 0.5) / variances.get(label, unknown) ** 0.5) for label in labels]
    return {label for label, own in zip(labels, _holm(p), strict=True) if own < stats.LEVEL}


def _chance_auc_variance(table: Leaderboard) -> float:
    """Of one seed, from the counts of its test rows; with the data's shares where unknown."""
    tp, fp, fn, tn = table.runs[list(COUNTS)].mean()
    counts = np.array([tn + fp, tp + fn] if not np.isnan(tp) else table.facts["counts"], float)
    if np.isnan(tp):
        counts *= table.runs[ROWS].mean() / counts.sum()
    return row_errors.chance_auc_of(counts)


def _holm(p: Sequence[float]) -> Floats:
    """Adjusted p-values; 1 where there is none."""
    return stats.holm(np.nan_to_num(np.array(p, np.float64), nan=1.0))


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
