"""Measures of a strategy in subgroups of the test rows: of each region, of women and of men."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics import classification, influence, stats
from benchmark.metrics.stats import Difference
from benchmark.metrics.thresholds import best_offsets
from benchmark.protocol.arrays import Bools, Floats, Ints
from benchmark.results.predicted import Predicted

if TYPE_CHECKING:
    import pandas as pd

MOST, BINS = 10, 4  # groups of a column of categories; of one of numbers with more values
MISSING, OTHERS = "(missing)", "(others)"

Measured = tuple[float, Floats]
"""(value, influence of each test row, 0 outside of the group)"""

Measure = Callable[[Predicted, Bools], Measured | None]
"""(predictions of a seed, which test rows) -> what holds in them; None where it is not defined."""


@dataclass(frozen=True, eq=False)
class Group:
    """A subgroup: its rows, and what holds in them; what no seed has is left out."""

    name: str
    rows: int  # tested, of all seeds together
    shares: tuple[float, float]  # positive and predicted positive; of more classes, nan
    measures: dict[str, Difference]


@dataclass(frozen=True, eq=False)
class Subgroups:
    """A strategy in the subgroups of a column, the largest first."""

    column: str
    label: str
    groups: tuple[Group, ...]


def groups_of(values: pd.Series) -> NDArray[Any]:
    """Return the group of each row, as text: levels, or quarters of a column of many numbers."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(values) and values.nunique() > MOST:
        cut = pd.qcut(values, BINS, duplicates="drop")
        found = cut.astype(object).map(
            lambda quarter: f"{quarter.left:.4g} to {quarter.right:.4g}", na_action="ignore"
        )
    elif pd.api.types.is_float_dtype(values):
        found = values.map("{:g}".format, na_action="ignore").astype(object)
    else:
        found = values.astype(str).where(values.notna()).astype(object)
    frequent = found.value_counts().index[:MOST]
    shown = found.where(found.isin(frequent), OTHERS).where(values.notna(), MISSING)
    return np.asarray(shown.astype(str), object)


def subgroups(column: str, label: str, seeds: Sequence[Predicted], values: pd.Series) -> Subgroups:
    """Measure a strategy in the subgroups of a column.

    Args:
        seeds: its predictions.
        values: of the column, in all rows of the data.
    """
    names = groups_of(values)
    order, counts = np.unique(
        np.concatenate([names[one.rows] for one in seeds]), return_counts=True
    )
    members = {str(order[at]): names == order[at] for at in np.argsort(-counts, kind="stable")}
    of_seeds = {
        name: [(one, of_group[one.rows]) for one in seeds] for name, of_group in members.items()
    }
    measures = {
        title: _together(of_seeds, dict.fromkeys(members, of)) for title, of in MEASURES.items()
    }
    own = {name: _own_threshold(of_group) for name, of_group in members.items()}
    measures[OWN_THRESHOLD] = _together(of_seeds, own)
    groups = [
        Group(
            name,
            sum(int(rows.sum()) for _, rows in tested),
            _shares(tested),
            {title: found[name] for title, found in measures.items() if name in found},
        )
        for name, tested in of_seeds.items()
    ]
    return Subgroups(column, label, tuple(groups))


Tested = Sequence[tuple[Predicted, Bools]]  # a group at every seed: which test rows are its own


def _together(
    of_seeds: Mapping[str, Tested], measures: Mapping[str, Measure]
) -> dict[str, Difference]:
    """Return group -> mean of a measure over the seeds that have it, with its interval.

    Variances over seeds are moderated over the groups, scaled to the same number of rows, with
    which they fall.
    """
    found = {name: _over_seeds(of_seeds[name], measures[name]) for name in of_seeds}
    known = {name: it for name, it in found.items() if it}
    root = {name: np.mean([rows.sum() for _, rows in of_seeds[name]]) ** 0.5 for name in known}
    scaled = stats.differences(
        [values * root[name] for name, (values, _) in known.items()],
        [variance * root[name] ** 2 for name, (_, variance) in known.items()],
        stats.AT_OWN_THRESHOLDS,
    )
    return {
        name: replace(it, **{part: getattr(it, part) / root[name] for part in SCALED})
        for name, it in zip(known, scaled, strict=True)
    }


def _over_seeds(of_seeds: Tested, of: Measure) -> tuple[Floats, float] | None:
    """Return a measure at the seeds that have it, and the variance of its mean from the rows."""
    known = [(one, each) for one, rows in of_seeds for each in [of(one, rows)] if each]
    if not known:
        return None
    of_rows = {one.seed: (one.rows, influences) for one, (_, influences) in known}
    variance = influence.mean_variance(influence.row_covariance([of_rows]))
    return np.array([value for _, (value, _) in known]), variance


def _shares(of_seeds: Tested) -> tuple[float, float]:
    """Return the shares of positive rows and of those predicted positive, over all seeds."""
    if of_seeds[0][0].classes != 2:
        return np.nan, np.nan
    labels, decisions, weights = (
        np.concatenate([getattr(one, name)[rows] for one, rows in of_seeds])
        for name in ("labels", "decisions", "weights")
    )
    return float(np.average(labels, weights=weights)), float(np.average(decisions, weights=weights))


def _everywhere(rows: Bools, influences: Floats) -> Floats:
    spread = np.zeros(len(rows))
    spread[rows] = influences
    return spread


def _has_classes(labels: Ints) -> bool:
    return len(np.unique(labels)) > 1


def _decided(name: str, of_rows: Callable[[Ints, Ints, int, Floats], Floats]) -> Measure:
    """Recall, precision or F1 of the decisions of rows."""

    def measure(one: Predicted, rows: Bools) -> Measured | None:
        labels, decisions, weights = one.labels[rows], one.decisions[rows], one.weights[rows]
        if not _has_classes(labels):
            return None
        values = classification.decision_metrics(labels, decisions, weights, one.classes)
        return values[name], _everywhere(rows, of_rows(labels, decisions, one.classes, weights))

    return measure


_recall = _decided("recall", influence.recall)


def _recall_to_others(one: Predicted, rows: Bools) -> Measured | None:
    """Recall less that of all other rows."""
    own, others = _recall(one, rows), _recall(one, ~rows)
    return (own[0] - others[0], own[1] - others[1]) if own and others else None


def _excess(one: Predicted, rows: Bools) -> Measured | None:
    """Mean predicted probability less the observed frequency."""
    if not rows.any():
        return None
    labels, weights = one.labels[rows], one.weights[rows]
    observed, p = classification.predicted_events(labels, one.logits[rows])
    of_rows = influence.mean(p - observed, labels, weights)
    return float(np.average(p - observed, weights=weights)), _everywhere(rows, of_rows)


def _ece(one: Predicted, rows: Bools) -> Measured | None:
    """Expected calibration error."""
    labels, logits, weights = one.labels[rows], one.logits[rows], one.weights[rows]
    if len(labels) < classification.CALIBRATION_BINS or not _has_classes(labels):
        return None
    events = classification.predicted_events(labels, logits)
    of_rows = influence.calibration_error(labels, logits, weights)
    return classification.calibration_error(*events, weights), _everywhere(rows, of_rows)


def _own_threshold(members: Bools) -> Measure:
    """F1 that a threshold tuned for the group alone gains over the one tuned for all rows.

    Args:
        members: which rows of the data belong to the group, (rows,).
    """
    f1 = _decided("f1", influence.f1)

    def measure(one: Predicted, rows: Bools) -> Measured | None:
        validation = one.fit.validation
        own = members[validation.rows]
        if not _has_classes(validation.labels[own]):
            return None
        logits = one.decision.calibration(validation.best[own])
        offsets = best_offsets(validation.labels[own], logits, validation.weights[own])
        alone, shared = f1(one.at(offsets), rows), f1(one.at(one.tuned_offsets), rows)
        return (alone[0] - shared[0], alone[1] - shared[1]) if alone and shared else None

    return measure


MEASURES: dict[str, Measure] = {
    "recall": _recall,
    "Δrecall vs others": _recall_to_others,
    "precision": _decided("precision", influence.precision),
    "predicted - observed": _excess,
    "ECE": _ece,
}
OWN_THRESHOLD = "ΔF1 of its own threshold"
SCALED = ("mean", "error", "deviation")  # of a difference, in the unit of the measure
