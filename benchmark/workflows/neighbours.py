"""Images among their nearest neighbours: suspicious labels, and near-duplicates across splits.

Needs features in which similar images are close, such as those of a network trained on ImageNet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.protocol.arrays import Array, Floats, Ints

NEIGHBOURS = 20  # that judge a label
RANGE = 0.1  # of cosines: a neighbour farther by this has a vote smaller by a factor of e
DOUBT = 0.1  # votes of middling neighbours, per neighbour, that agree with nobody
CLOSE = 0.9  # cosine from which two images show the same: photos of different cats stay below .8
MOST_ROWS = 20_000  # more are drawn from: the time grows with their square
BLOCK = 1024  # rows compared at once, to bound the memory


@dataclass(frozen=True)
class Neighbours:
    """What the nearest neighbours of images say."""

    suspects: Ints  # rows by how much their neighbours disagree with their label, most first
    twins: Ints  # (pairs, 2), near-duplicates in different splits, the closest first
    compared: int  # rows


def examine(features: Array, labels: Ints, groups: Ints, parts: Ints) -> Neighbours:
    """Compare all images, or as many as time allows, with each other.

    Args:
        features: (rows, width).
        labels, groups: (rows,); rows of one group do not judge each other.
        parts: (rows,), the split of each row; -1 is none.
    """
    rows = np.arange(len(labels))
    if len(rows) > MOST_ROWS:
        rows = np.sort(np.random.default_rng(0).choice(rows, MOST_ROWS, replace=False))
    x, labels, groups, parts = (values[rows] for values in (features, labels, groups, parts))
    votes = np.empty((len(rows), labels.max() + 1))
    # by how much the square root of a class's share helps was tried on labels changed by hand, at
    # 2:1 to 35:1: equal votes call every image of a rare class suspicious, inverse ones none
    worth = 1 / np.sqrt(np.maximum(1, np.bincount(labels)) / len(labels))
    closest, cosines = np.empty(len(rows), np.int64), np.empty(len(rows))
    for block, similar in _similarities(_unit(x)):
        judging = np.where(groups[block, None] == groups[None], -1, similar)
        count = min(NEIGHBOURS, len(rows) - 1)
        nearest = np.argpartition(-judging, count - 1, axis=1)[:, :count]
        weights = np.exp((np.take_along_axis(judging, nearest, axis=1) - 1) / RANGE)
        for label in range(votes.shape[1]):
            votes[block, label] = (weights * (labels[nearest] == label)).sum(axis=1) * worth[label]
        elsewhere = (parts[block, None] != parts[None]) & (parts[block, None] >= 0) & (parts >= 0)
        across = np.where(elsewhere, similar, -1)
        closest[block], cosines[block] = across.argmax(axis=1), across.max(axis=1)
    order = np.argsort(-_disagreement(votes, labels), kind="stable")
    return Neighbours(rows[order], rows[_pairs(closest, cosines)], len(rows))


def _unit(features: Array) -> NDArray[np.float32]:
    """Return centred rows of length 1: their products are cosines."""
    centred = features - features.mean(axis=0, dtype=np.float64)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.asarray(centred / np.maximum(lengths, 1e-12), np.float32)


def _similarities(x: NDArray[np.float32]) -> Iterator[tuple[Ints, Array]]:
    """Yield row numbers and their cosines with all rows, a block at a time."""
    for start in range(0, len(x), BLOCK):
        block = np.arange(start, min(start + BLOCK, len(x)))
        yield block, x[block] @ x.T


def _disagreement(votes: Floats, labels: Ints) -> Floats:
    """Return the share of votes for the most voted other class, less that for the own, (rows,)."""
    total = votes.sum(axis=1)
    rows = np.arange(len(labels))
    own = votes[rows, labels]
    others = votes.copy()
    others[rows, labels] = -np.inf
    doubt = DOUBT * np.median(total)
    return np.asarray((others.max(axis=1) - own) / (total + doubt + 1e-300), np.float64)


def _pairs(closest: Ints, cosines: Floats) -> Ints:
    """Return each pair of rows that are `CLOSE` once, (pairs, 2), the closest first."""
    near = np.flatnonzero(cosines >= CLOSE)
    near = near[np.argsort(-cosines[near], kind="stable")]
    pairs = np.sort(np.stack([near, closest[near]], axis=1), axis=1)
    _, first = np.unique(pairs, axis=0, return_index=True)
    return np.asarray(pairs[np.sort(first)], np.int64)
