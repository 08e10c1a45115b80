"""Measures for many classes, most of them rare: recall by class, accuracy by class size."""

from __future__ import annotations

import numpy as np

from benchmark.metrics.classification import decide
from benchmark.protocol.arrays import Floats, Ints

MANY, FEW = 100, 20  # training rows: classes with more are "many", with fewer "few"
PLACES = 5  # classes that count in map_at_5


def class_recalls(labels: Ints, decisions: Ints, weights: Floats, classes: int) -> Floats:
    """Return the recall of each class, (classes,); nan for a class without rows."""
    rows = np.bincount(labels, weights, minlength=classes)
    right = np.bincount(labels, weights * (labels == decisions), minlength=classes)
    return np.where(rows > 0, right / np.where(rows > 0, rows, 1), np.nan)


def metrics_by_size(
    labels: Ints, logits: Floats, offsets: Floats, weights: Floats, class_rows: Ints
) -> dict[str, float]:
    """Return the measures for many classes: accuracy by class size, mean average precision at 5.

    accuracy_many, _medium and _few are accuracies on rows of classes with more than 100, 20 to
    100 and fewer than 20 training rows; groups without rows are left out. Source: Liu et al. 2019,
    "Large-scale long-tailed recognition in an open world". map_at_5 is the mean of 1 / place of
    the true class among the five classes with the largest scores, 0 beyond; ties count against it.

    Args:
        class_rows: training rows per class, (classes,).
    """
    scores, rows = logits + offsets, np.arange(len(labels))
    true_score = scores[rows, labels][:, None]
    places = (scores >= true_score).sum(axis=1)  # 1 is the first
    right, size = decide(logits, offsets) == labels, class_rows[labels]
    groups = {
        "many": size > MANY,
        "medium": (size >= FEW) & (size <= MANY),
        "few": size < FEW,
    }
    values = {
        f"accuracy_{name}": np.average(right[mask], weights=weights[mask])
        for name, mask in groups.items()
        if mask.any()
    }
    precision = np.where(places <= PLACES, 1 / places, 0)
    values[f"map_at_{PLACES}"] = np.average(precision, weights=weights)
    return {name: float(value) for name, value in values.items()}
