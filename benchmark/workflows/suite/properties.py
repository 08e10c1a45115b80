"""Properties of data on which the effect of a strategy may depend, before anything is trained."""

from __future__ import annotations

import numpy as np

from benchmark.protocol.task import Data, Splits, Task

MOST_NEIGHBOURS = 5000  # training rows among which overlap is measured


def measure(task: Task, data: Data, splits: Splits) -> dict[str, float]:
    """Measure what the effect of a strategy may depend on.

    Prevalence is the share of the rarest class; overlap the share of its training rows whose
    nearest neighbour is of another class, nan for what is no table.
    """
    counts = np.bincount(data.labels, minlength=len(data.classes))
    return {
        "prevalence": float(counts.min() / counts.sum()),
        "positives": float(counts.min()),
        "rows": float(counts.sum()),
        "columns": float(np.prod(splits.x.shape[1:])),
        "classes": float(len(counts)),
        "overlap": _overlap(splits) if task.kind == "table" else float("nan"),
    }


def _overlap(splits: Splits) -> float:
    from sklearn.neighbors import NearestNeighbors

    rows = np.random.default_rng(0).permutation(splits.train)[:MOST_NEIGHBOURS]
    x, y = np.nan_to_num(splits.x[rows].astype(np.float64)), splits.y[rows]
    rare = y == np.bincount(y).argmin()
    if not rare.any():
        return float("nan")
    scale = x.std(axis=0)
    x = x / np.where(scale > 0, scale, 1)
    nearest = NearestNeighbors(n_neighbors=2).fit(x).kneighbors(x[rare], return_distance=False)
    own = np.flatnonzero(rare)
    neighbour = np.where(nearest[:, 0] == own, nearest[:, 1], nearest[:, 0])
    return float((~rare[neighbour]).mean())
