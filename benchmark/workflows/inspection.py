"""Inspection of the data of a task before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark.metrics import stats
from benchmark.protocol import registry
from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.splits import PLACES
from benchmark.protocol.task import Column, Data, Kind
from benchmark.workflows import drift, neighbours
from benchmark.workflows.execution.worker import load
from benchmark.workflows.forecast import Forecast, forecast
from benchmark.workflows.neighbours import Neighbours

SEED = 0  # of the splits that are shown
EXAMPLES, MOST_TWINS = 10, 6  # groups of rows that are shown, and rows of each


@dataclass(frozen=True)
class Conflicts:
    """Rows of a table that are equal in all features but not in class."""

    rows: int
    groups: int
    examples: tuple[tuple[int, ...], ...]  # row numbers of the first groups


@dataclass(frozen=True)
class Inspection:
    """Facts about a data set. Arrays are indexed by class, in the order of its classes."""

    task: str
    kind: Kind
    data: Data
    counts: Ints  # (classes,), all rows
    splits: Mapping[str, Ints]  # train, validation and test -> (classes,)
    missing: Mapping[str, float]  # column -> share of rows without a value, where above 0
    columns: int  # of a table; 0 for images
    together: int  # rows that share a group with another
    contradictory: int  # groups with rows of more than one class
    conflicts: Conflicts | None  # None: no label contradicts another
    neighbours: Neighbours | None  # of images with features
    population: Floats | None  # (classes,), shares that test is weighted to; None: not weighted
    drifts: Mapping[str, float]  # columns that differ between training and test, see `drift`
    half_widths: Floats  # (classes,), largest half-width of the 95 % interval of F1 on test
    forecast: Forecast | None  # of strategies, from a stored suite

    @property
    def imbalance(self) -> float:
        """Imbalance ratio: rows of the largest class per row of the smallest."""
        return float(self.counts.max() / self.counts.min())

    @property
    def suspects(self) -> list[Column]:
        """Columns that predict the class well alone, the best first."""
        found = [column for column in self.data.columns if column.auc]
        return sorted(found, key=lambda column: -column.auc)

    @property
    def unused(self) -> int:
        """Number of rows that are in no split."""
        return int(self.counts.sum() - sum(part.sum() for part in self.splits.values()))

    @property
    def half_width(self) -> float:
        """Half-width of the F1 that is compared: the positive class's, or the mean over classes."""
        if len(self.counts) == 2:
            return float(self.half_widths[1])
        # errors of the classes are nearly independent
        return float(np.sqrt((self.half_widths**2).sum()) / len(self.half_widths))


def inspect_task(name: str, settings: Any, path: str) -> Inspection:
    """Read the data and split it.

    Raises:
        UserError: for data or settings that a benchmark would refuse.
    """
    task = registry.task(name)
    data = load(name, settings, path)
    split = task.split(data, settings, SEED)
    classes = len(data.classes)
    splits = {
        part: np.bincount(data.labels[getattr(split, part)], minlength=classes) for part in PLACES
    }
    _, group, sizes = np.unique(data.groups, return_inverse=True, return_counts=True)
    kinds = np.unique(np.stack([group, data.labels]), axis=1)[0]
    place = np.full(len(data.labels), -1)
    for number, part in enumerate(PLACES):
        place[getattr(split, part)] = number
    compared = task.kind == "image" and not task.sees_pixels(settings)
    return Inspection(
        task=name,
        kind=task.kind,
        data=data,
        counts=np.bincount(data.labels, minlength=classes),
        splits=splits,
        missing=_missing(task.kind, data.rows),
        columns=data.rows.shape[1] if task.kind == "table" else 0,
        together=int(sizes[sizes > 1].sum()),
        contradictory=int((np.bincount(kinds) > 1).sum()),
        conflicts=_conflicts(data) if task.kind == "table" else None,
        neighbours=(
            neighbours.examine(split.x, data.labels, data.groups, place) if compared else None
        ),
        population=split.population,
        drifts=(
            drift.drifts(data.rows.iloc[split.train], data.rows.iloc[split.test])
            if task.kind == "table"
            else {}
        ),
        half_widths=half_widths(splits["test"], split.population),
        forecast=forecast(task, getattr(settings, "model", ""), data, split),
    )


def half_widths(rows: Ints, population: Floats | None) -> Floats:
    """Return the largest half-width of the 95 % interval of each class's F1, (classes,).

    Args:
        rows: tested, (classes,).
        population: class shares that they are weighted to.
    """
    shares = rows / rows.sum() if population is None else population
    others = (rows.sum() - rows) * shares / (1 - shares)
    return stats.widest_f1(rows.astype(np.float64), others)


def _conflicts(data: Data) -> Conflicts | None:
    """Find equal rows of a table with different classes."""
    import pandas as pd

    content = pd.util.hash_pandas_object(data.rows, index=False)
    _, twins = np.unique(content, return_inverse=True)
    pairs = np.unique(np.stack([twins, data.labels]), axis=1)[0]
    mixed = np.flatnonzero(np.bincount(pairs) > 1)
    if not len(mixed):
        return None
    rows = np.flatnonzero(np.isin(twins, mixed))
    groups = list(dict.fromkeys(twins[rows].tolist()))
    examples = (rows[twins[rows] == group][:MOST_TWINS].tolist() for group in groups[:EXAMPLES])
    return Conflicts(len(rows), len(mixed), tuple(map(tuple, examples)))


def _missing(kind: Kind, rows: Any) -> dict[str, float]:
    if kind == "image":
        return {}
    shares = rows.isna().mean().sort_values(ascending=False, kind="stable")
    return {str(name): float(share) for name, share in shares.items() if share > 0}
