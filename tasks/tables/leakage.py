"""Columns that tell the class by themselves: they were often made from it, or after it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.protocol.arrays import Ints
from tasks.tables import features

if TYPE_CHECKING:
    import pandas as pd


ALMOST_CERTAIN = 0.995  # ROC AUC; hardly any honest column reaches it
MOST_ROWS = 20_000  # looked at
MOST_LEAVES = 256


def leaks(known: pd.DataFrame, labels: Ints, learned: list[Any]) -> Iterator[tuple[str, float]]:
    """Columns from which a tree tells the classes almost perfectly, and its ROC AUC.

    Args:
        known, labels: training rows, in no order; the tree learns from one half and is tested on
            the other.
    """
    known, labels = known.iloc[:MOST_ROWS], labels[:MOST_ROWS]
    order = np.argsort(labels, kind="stable")  # so that each class is in both halves
    for column in learned:
        x = np.column_stack(features.block(column, known[column["name"]]))
        score = _auc(x[order[::2]], labels[order[::2]], x[order[1::2]], labels[order[1::2]])
        if score > ALMOST_CERTAIN:
            yield column["name"], score


def _auc(x: Any, y: Ints, other_x: Any, other_y: Ints) -> float:
    """Mean over the classes of both halves, each against the rest."""
    from sklearn.metrics import roc_auc_score
    from sklearn.tree import DecisionTreeClassifier

    tree = DecisionTreeClassifier(max_leaf_nodes=MOST_LEAVES, random_state=0).fit(x, y)
    shares = tree.predict_proba(other_x)
    scores = [
        roc_auc_score(other_y == label, shares[:, number])
        for number, label in enumerate(tree.classes_)
        if 0 < (other_y == label).sum() < len(other_y)
    ]
    return float(np.mean(scores)) if scores else 0.0
