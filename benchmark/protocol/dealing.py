"""Groups of rows dealt to the parts of a split, so that each part has its share of each class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmark.protocol.arrays import Floats, Ints

LARGE = 0.2  # of a class's rows in the smallest part: a larger group would decide its measures
LEAST = 0.25  # of its share of the rows beside large groups is in every part


def deal(labels: Ints, groups: Ints, shares: Sequence[float], rng: np.random.Generator) -> Ints:
    """Return the part of each row, 0, 1, ...; rows of one group are in one part.

    Large groups go where there is most room. The others are drawn at random, those of the rarest
    class first, until each part has its share of the rows of each class.

    Args:
        labels: (rows,), 0, 1, ...
        shares: of the parts; they add up to 1.
    """
    _, group = np.unique(groups, return_inverse=True)
    rows = np.bincount(labels)
    by_size = np.argsort(rows, kind="stable")  # classes, the rarest first
    rarest = _rarest(labels, group, by_size)
    # share of a class's rows that each part can still take
    room = np.tile(np.array(shares)[:, None], len(rows))
    place = np.full(len(rarest), -1)
    weight = np.zeros(len(rarest))
    for label in by_size:  # the largest share of a class that a group holds
        np.maximum(
            weight,
            np.bincount(group[labels == label], minlength=len(weight))
            / largest(shares, rows[label]),
            out=weight,
        )
    # one permutation per class, whatever the groups: data without them keeps its splits
    small = [
        rng.permutation(np.flatnonzero((rarest == k) & (weight <= 1))) for k in range(len(rows))
    ]
    large = rng.permutation(np.flatnonzero(weight > 1))
    for number in large[np.argsort(-weight[large], kind="stable")]:
        brings = np.bincount(labels[group == number], minlength=len(rows)) / np.maximum(rows, 1)
        place[number] = _with_room(room, brings, shares)
        room[place[number]] -= brings
    for label in by_size:
        members = small[label]
        counts = np.bincount(group[labels == label], minlength=len(rarest))[members]
        place[members] = _in_order(counts, room[:, label], shares, rows[label])
        joined = np.isin(group, members)  # they may bring rows of other classes too
        taken = place[group[joined]] * len(rows) + labels[joined]
        brought = np.bincount(taken, minlength=room.size).reshape(room.shape)
        room -= brought / np.maximum(rows, 1)
    return place[group].astype(np.int64)


def largest(shares: Sequence[float], rows: int) -> float:
    """Return the most rows of a class, of so many, that a group in any part may have."""
    return max(1.0, LARGE * min(shares) * rows)


def _rarest(labels: Ints, group: Ints, order: Ints) -> Ints:
    """Return the rarest class in each group; `order` holds the classes, the rarest first."""
    lowest = np.full(group.max() + 1, len(order))
    np.minimum.at(lowest, group, np.argsort(order)[labels])
    return np.asarray(order[lowest], np.int64)


def _with_room(room: Floats, brings: Floats, shares: Sequence[float]) -> int:
    """Return the part for a large group: one that it does not dominate if that has room for it.

    Args:
        room: (parts, classes), share of the rows of a class that a part can still take.
        brings: (classes,), share of the rows of a class that the group holds.
    """
    fits = (room >= brings) & (brings <= LARGE * np.array(shares)[:, None])
    left = room @ brings
    return int(np.argmax(np.where(fits.all(axis=1), left, left - len(brings))))


def _in_order(counts: Ints, room: Floats, shares: Sequence[float], rows: int) -> Ints:
    """Return the part of each group: the first ones fill the first part, and so on.

    Args:
        counts: rows of a class in each group.
        room: share of all `rows` of that class that each part can still take.
    """
    left = counts.sum() / max(rows, 1)
    room = np.maximum(room, 0)
    wanted = np.maximum(room * left / (room.sum() or 1), LEAST * left * np.array(shares))
    wanted *= left / (wanted.sum() or 1)
    ends = np.round(np.cumsum(room if np.allclose(room, wanted) else wanted) * rows)
    return np.searchsorted(ends[:-1], np.cumsum(counts) - counts / 2, side="right")
