"""Leaks: columns that predict the class by themselves, often made from it or after it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.protocol import progress
from benchmark.protocol.arrays import Array, Floats, Ints
from tasks.tables import features

if TYPE_CHECKING:
    import pandas as pd


ALMOST_CERTAIN = 0.995  # ROC AUC; hardly any honest column reaches it
SUSPICIOUS = 0.9  # ROC AUC on the rows that it was learned from, in coarse bins
MOST_ROWS = 20_000  # that are examined
MOST_LEAVES = 256
BINS = 8, 200  # least and most of a column of numbers
ROWS_PER_BIN = 20  # or more
COLUMNS = 100  # that are counted at once


def leaks(rows: pd.DataFrame, labels: Ints, learned: list[Any]) -> Iterator[tuple[str, float]]:
    """Yield columns from which a tree predicts the class well, with its ROC AUC.

    A tree is grown for suspicious columns alone, which are found by counting.

    Args:
        rows, labels: training rows in random order; the tree is fitted on one half and tested on
            the other.
        learned: of all columns, as `features.learn` returns it.
    """
    rows, labels = rows.iloc[:MOST_ROWS], labels[:MOST_ROWS]
    order = np.argsort(labels, kind="stable")  # so that each class is in both halves
    with progress.bar("Looking for leaks", len(learned)) as advance:
        for start in range(0, len(learned), COLUMNS):
            some = learned[start : start + COLUMNS]
            blocks = [features.block(column, rows[column["name"]]) for column in some]
            for column, block, score in zip(some, blocks, _suspicion(blocks, labels), strict=True):
                if score < SUSPICIOUS:
                    continue
                x = np.column_stack(block)
                score = _auc(x[order[::2]], labels[order[::2]], x[order[1::2]], labels[order[1::2]])
                if score > SUSPICIOUS:
                    yield column["name"], score
            advance(len(some))


def _suspicion(blocks: list[tuple[Floats, Floats]], labels: Ints) -> list[float]:
    """Return for each column the highest ROC AUC of its parts, on the rows it is learned from."""
    rows = np.bincount(labels)
    bins = int(np.clip(min(len(labels) / ROWS_PER_BIN, rows[rows > 0].min() / 2), *BINS))
    owners = np.repeat(
        np.arange(len(blocks)), [numbers.shape[1] + codes.shape[1] for numbers, codes in blocks]
    )
    binned = [part for numbers, codes in blocks for part in ((numbers * bins).astype(int), codes)]
    scores = _resubstituted(np.column_stack(binned).astype(np.int64), labels)
    highest = np.zeros(len(blocks))
    np.maximum.at(highest, owners, scores)
    return highest.tolist()


def _resubstituted(bins: Ints, labels: Ints) -> Floats:
    """Return the ROC AUC of class shares per bin, (columns,), averaged over classes.

    Args:
        bins: (rows, columns), 0, 1, ...
    """
    columns, width = bins.shape[1], int(bins.max(initial=0)) + 1
    places = (bins + width * np.arange(columns)).ravel()
    total = np.bincount(places, minlength=columns * width).reshape(columns, width)
    scores = []
    for label in np.unique(labels):
        own = np.repeat(labels == label, columns)
        positive = np.bincount(places[own], minlength=columns * width).reshape(columns, width)
        order = np.argsort(positive / np.maximum(total, 1), axis=1)
        above = np.take_along_axis(positive, order, axis=1)
        below = np.take_along_axis(total - positive, order, axis=1)
        pairs = (above * (np.cumsum(below, axis=1) - below / 2)).sum(axis=1)
        scores.append(pairs / np.maximum(above.sum(axis=1) * below.sum(axis=1), 1))
    return np.asarray(np.mean(scores, axis=0), np.float64)


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
