"""Leaks: columns that predict the class by themselves, often made from it or after it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.protocol.arrays import Array, Ints
from tasks.tables import features

if TYPE_CHECKING:
    import pandas as pd


ALMOST_CERTAIN = 0.995  # ROC AUC; hardly any honest column reaches it
MOST_ROWS = 20_000  # that are examined
MOST_LEAVES = 256


def leaks(rows: pd.DataFrame, labels: Ints, learned: list[Any]) -> Iterator[tuple[str, float]]:
    """Yield columns from which a tree predicts the class almost perfectly, with its ROC AUC.

    Args:
        rows, labels: training rows in random order; the tree is fitted on one half and tested on
            the other.
        learned: of all columns, as `features.learn` returns it.
    """
    rows, labels = rows.iloc[:MOST_ROWS], labels[:MOST_ROWS]
    order = np.argsort(labels, kind="stable")  # so that each class is in both halves
    for column in learned:
        x = np.column_stack(features.block(column, rows[column["name"]]))
        score = _auc(x[order[::2]], labels[order[::2]], x[order[1::2]], labels[order[1::2]])
        if score > ALMOST_CERTAIN:
            yield column["name"], score


def _auc(x: Array, y: Ints, test_x: Array, test_y: Ints) -> float:
    """Return the ROC AUC of each class against the rest, averaged over classes in both halves."""
    from sklearn.metrics import roc_auc_score
    from sklearn.tree import DecisionTreeClassifier

    tree = DecisionTreeClassifier(max_leaf_nodes=MOST_LEAVES, random_state=0).fit(x, y)
    probabilities = tree.predict_proba(test_x)
    scores = [
        roc_auc_score(test_y == label, probabilities[:, number])
        for number, label in enumerate(tree.classes_)
        if 0 < (test_y == label).sum() < len(test_y)
    ]
    return float(np.mean(scores)) if scores else 0.0
