"""The decision rule that is best on labelled rows: a threshold, or an offset a class."""

from __future__ import annotations

import numpy as np

from benchmark.protocol.arrays import Floats, Ints

ROUNDS = 20  # through all classes at most; the last one changes nothing, nearly always sooner
TIE = 1e-12  # of the largest: nearer moves differ by rounding alone


def best_offsets(labels: Ints, logits: Floats, beta: float = 1.0) -> Floats:
    """What to add to each class's logit for the largest F-beta, macro-averaged, (classes,).

    Two classes: the exact best threshold of the positive one. More: the offsets of one class after
    the other, rarest first, each set to its best while the others stand still, until none
    moves; a local optimum, never worse than no offsets. Source: cyclic optimisation of macro F
    as in Fan and Lin 2007, "A study on threshold selection for multi-label classification".

    Args:
        logits: float (rows, classes); may be anything that the largest of decides.
    """
    classes = logits.shape[1]
    if classes == 2:
        return np.array([0.0, -best_threshold(labels, logits[:, 1] - logits[:, 0], beta)])
    counts = np.bincount(labels, minlength=classes)
    offsets, scores, rows = np.zeros(classes), logits.copy(), np.arange(len(labels))
    first, second = _leaders(scores)
    for _ in range(ROUNDS):
        before = offsets.copy()
        for label in np.argsort(counts, kind="stable"):
            if not counts[label]:
                continue  # what no row has, no offset can find
            rival = np.where(first == label, second, first)  # who has a row if it has not
            needed = scores[rows, rival] - scores[:, label]  # the move from which on it has
            move = _best_move(labels, int(label), needed, rival, counts, beta)
            if move:
                offsets[label] += move
                scores[:, label] += move
                changed = (first == label) | (second == label)
                changed |= scores[:, label] >= scores[rows, second]
                first[changed], second[changed] = _leaders(scores[changed])
        if (offsets == before).all():
            break
    return offsets


def _leaders(scores: Floats) -> tuple[Ints, Ints]:
    """The classes with the largest and the second largest score of each row, (rows,) each."""
    rows, rest = np.arange(len(scores)), scores.copy()
    first = np.argmax(scores, axis=1)
    rest[rows, first] = -np.inf
    return first, np.argmax(rest, axis=1)


def _best_move(
    labels: Ints, label: int, needed: Floats, rival: Ints, counts: Ints, beta: float
) -> float:
    """What to add to the logit of one class, alone; 0 if nothing is better."""
    order = np.argsort(needed, kind="stable")
    needed, rival, true = needed[order], rival[order], labels[order]
    f = _own(true == label, int(counts[label]), beta) + _rivals(rival, true, counts, beta)
    # between different moves only: no threshold can part ties
    tie = TIE * np.abs(needed).max()
    ends = np.flatnonzero(np.diff(needed) > tie) + 1
    ends = np.concatenate([[0], ends, [len(needed)]])
    now = int(np.searchsorted(needed, -tie))  # rows that it has without a move
    best = int(ends[np.argmax(f[ends])])
    if f[best] <= f[now] + 1e-12:
        return 0.0
    if best == 0:
        return float(needed[0] - 1)
    if best == len(needed):
        return float(needed[-1] + 1)
    return float((needed[best - 1] + needed[best]) / 2)


def _own(hits: Ints, rows: int, beta: float) -> Floats:
    """F-beta of a class that has the first 0, 1, ... rows, (rows + 1,)."""
    taken = np.arange(len(hits) + 1)
    found = np.concatenate([[0], np.cumsum(hits)])
    return np.asarray((1 + beta**2) * found / (taken + beta**2 * rows), np.float64)


def _rivals(rival: Ints, true: Ints, counts: Ints, beta: float) -> Floats:
    """Sum of the other classes' F-beta when the first 0, 1, ... rows are lost to them."""
    order = np.lexsort((np.arange(len(rival)), rival))  # class by class, in the order of loss
    of_class, right = rival[order], (true == rival)[order].astype(np.int64)
    _, firsts, sizes = np.unique(of_class, return_index=True, return_counts=True)
    group = np.repeat(np.arange(len(firsts)), sizes)
    ends = firsts + sizes - 1
    running = np.cumsum(right)
    hits_after = running[ends][group] - running  # of those that the class keeps
    kept_after = ends[group] - np.arange(len(of_class))

    def f(hits: Ints, kept: Ints) -> Floats:
        reached = kept + beta**2 * counts[of_class]
        return np.asarray((1 + beta**2) * hits / np.maximum(reached, 1e-300), np.float64)

    lost = np.empty(len(rival))
    lost[order] = f(hits_after + right, kept_after + 1) - f(hits_after, kept_after)
    whole = f(hits_after + right, kept_after + 1)[firsts].sum()
    return np.asarray(whole - np.concatenate([[0.0], np.cumsum(lost)]), np.float64)


def best_threshold(labels: Ints, scores: Floats, beta: float = 1.0) -> float:
    """The threshold on `scores` at which F-beta is largest, half-way between two scores.

    Of equally good thresholds the lowest wins. `scores` may be of any scale.
    """
    from sklearn.metrics import precision_recall_curve

    precision, recall, thresholds = precision_recall_curve(labels, scores)
    reached = beta**2 * precision[:-1] + recall[:-1]
    f = (1 + beta**2) * precision[:-1] * recall[:-1] / np.where(reached > 0, reached, 1)
    best = int(np.argmax(f))
    below = thresholds[best - 1] if best else thresholds[0] - 1
    return float((below + thresholds[best]) / 2)
