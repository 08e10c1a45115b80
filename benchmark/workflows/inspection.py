"""A look at the data of a task before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark.metrics import stats
from benchmark.protocol import registry
from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.splits import PLACES
from benchmark.protocol.task import Data, Kind
from benchmark.workflows.execution.worker import load

SEED = 0  # whose splits are shown


@dataclass(frozen=True)
class Inspection:
    """What there is to know of a data set; arrays are by class, in the order of its classes."""

    task: str
    kind: Kind
    data: Data
    counts: Ints  # (classes,), all rows
    splits: Mapping[str, Ints]  # train, validation and test -> (classes,)
    missing: Mapping[str, float]  # column -> share of rows without a value; those that have some
    columns: int  # of a table; 0 of images
    together: int  # rows that share a group with another
    contradictory: int  # groups that have rows of more than one class
    half_widths: Floats  # (classes,), of the 95 % interval of each class's F1 on test, at most

    @property
    def imbalance(self) -> float:
        """Rows of the largest class for each of the smallest."""
        return float(self.counts.max() / self.counts.min())

    @property
    def unused(self) -> int:
        """Rows that are in no split."""
        return int(self.counts.sum() - sum(part.sum() for part in self.splits.values()))

    @property
    def half_width(self) -> float:
        """Of the F1 that is compared: the positive class's, or the mean of more than two."""
        if len(self.counts) == 2:
            return float(self.half_widths[1])
        # classes err for themselves, nearly
        return float(np.sqrt((self.half_widths**2).sum()) / len(self.half_widths))


def inspect(name: str, settings: Any, path: str) -> Inspection:
    """Reads the data and splits it. Raises UserError for what a benchmark would refuse."""
    task = registry.task(name)
    data = load(name, settings, path)
    split = task.split(data, settings, SEED)
    classes = len(data.classes)
    splits = {
        part: np.bincount(data.labels[getattr(split, part)], minlength=classes) for part in PLACES
    }
    _, group, sizes = np.unique(data.groups, return_inverse=True, return_counts=True)
    kinds = np.unique(np.stack([group, data.labels]), axis=1)[0]
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
        half_widths=stats.f1_half_width(splits["test"]),
    )


def _missing(kind: Kind, rows: Any) -> dict[str, float]:
    if kind == "image":
        return {}
    shares = rows.isna().mean().sort_values(ascending=False, kind="stable")
    return {str(name): float(share) for name, share in shares.items() if share > 0}
