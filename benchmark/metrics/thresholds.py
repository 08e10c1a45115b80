"""Threshold tuning: the threshold, or offset per class, that is best on labelled rows."""

from __future__ import annotations

import numpy as np

from benchmark.metrics.constraints import cuts
from benchmark.protocol.arrays import Bools, Floats, Ints

ROUNDS = 20  # at most, through all classes; it nearly always converges sooner
TIE = 1e-12  # relative to the largest: smaller distances are rounding alone


def best_offsets(labels: Ints, logits: Floats, weights: Floats, beta: float = 1.0) -> Floats:
    """Return the offsets of the logits with the largest F-beta, macro-averaged, (classes,).

    With two classes, the exact best threshold of the positive class. With more, the offset of one
    class after the other, rarest first, is set to its best while the others stay, until none
    changes: a local optimum, never worse than no offsets. Source: cyclic optimisation of macro F
    as in Fan and Lin 2007, "A study on threshold selection for multi-label classification".

    Args:
        logits: float (rows, classes), or any scores of which the largest decides.
        weights: (rows,), above zero.
    """
    classes = logits.shape[1]
    if classes == 2:
        return np.array([0.0, -best_threshold(labels, logits[:, 1] - logits[:, 0], weights, beta)])
    sums = np.asarray(np.bincount(labels, weights, minlength=classes), np.float64)
    offsets, scores, rows = np.zeros(classes), logits.copy(), np.arange(len(labels))
    first, second = _leaders(scores)
    for _ in range(ROUNDS):
        before = offsets.copy()
        for label in np.argsort(sums, kind="stable"):
            if not sums[label]:
                continue  # no offset can improve a class without rows
            rival = np.where(first == label, second, first)  # strongest other class of each row
            needed = scores[rows, rival] - scores[:, label]  # least move that wins the row
            move = _best_move(labels, int(label), needed, rival, weights, sums, beta)
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
    """Return the classes with the largest and second largest score of each row, (rows,) each."""
    rows, rest = np.arange(len(scores)), scores.copy()
    first = np.argmax(scores, axis=1)
    rest[rows, first] = -np.inf
    return first, np.argmax(rest, axis=1)


def _best_move(
    labels: Ints,
    label: int,
    needed: Floats,
    rival: Ints,
    weights: Floats,
    sums: Floats,
    beta: float,
) -> float:
    """Return the best addition to the logit of one class alone; 0 if none is better.

    Args:
        needed: least addition that wins each row, (rows,).
        rival: class that has each row otherwise, (rows,).
        sums: weight of each class, (classes,).
    """
    order = np.argsort(needed, kind="stable")
    needed, rival, true, weight = needed[order], rival[order], labels[order], weights[order]
    f = _f_of_class(true == label, weight, float(sums[label]), beta)
    f = f + _f_of_rivals(rival, true, weight, sums, beta)
    # only between different moves: no threshold separates ties
    tie = TIE * np.abs(needed).max()
    ends = np.flatnonzero(np.diff(needed) > tie) + 1
    ends = np.concatenate([[0], ends, [len(needed)]])
    now = int(np.searchsorted(needed, -tie))  # rows of the class without a move
    best = int(ends[np.argmax(f[ends])])
    if f[best] <= f[now] + 1e-12:
        return 0.0
    if best == 0:
        return float(needed[0] - 1)
    if best == len(needed):
        return float(needed[-1] + 1)
    return float((needed[best - 1] + needed[best]) / 2)


def _f_of_class(hits: Bools, weight: Floats, actual: float, beta: float) -> Floats:
    """Return F-beta of a class that wins the first 0, 1, ... rows, (rows + 1,).

    Args:
        actual: weight of all rows of the class.
    """
    predicted = np.append(0, np.cumsum(weight))
    true_positives = np.append(0, np.cumsum(weight * hits))
    return np.asarray((1 + beta**2) * true_positives / (predicted + beta**2 * actual), np.float64)


def _f_of_rivals(rival: Ints, true: Ints, weight: Floats, sums: Floats, beta: float) -> Floats:
    """Return the sum of the other classes' F-beta after they lose the first 0, 1, ... rows."""
    order = np.lexsort((np.arange(len(rival)), rival))  # class by class, in the order of loss
    of_class, weight = rival[order], weight[order]
    right = weight * (true == rival)[order]
    _, firsts, sizes = np.unique(of_class, return_index=True, return_counts=True)
    group = np.repeat(np.arange(len(firsts)), sizes)
    ends = firsts + sizes - 1
    running, passed = np.cumsum(right), np.cumsum(weight)
    hits_after = running[ends][group] - running  # weight of right rows that the rival keeps
    rows_after = passed[ends][group] - passed  # weight of all rows that it keeps

    def f(hits: Floats, rows: Floats) -> Floats:
        total = rows + beta**2 * sums[of_class]
        return np.asarray((1 + beta**2) * hits / np.maximum(total, 1e-300), np.float64)

    lost = np.empty(len(rival))
    before = f(hits_after + right, rows_after + weight)
    lost[order] = before - f(hits_after, rows_after)
    whole = before[firsts].sum()
    return np.asarray(whole - np.concatenate([[0.0], np.cumsum(lost)]), np.float64)


def best_threshold(labels: Ints, scores: Floats, weights: Floats, beta: float = 1.0) -> float:
    """Return the threshold on `scores` with the largest F-beta, half-way between two scores.

    Among equally good thresholds, the lowest wins. `scores` may have any scale. Precision and
    recall are those of scikit-learn's `precision_recall_curve` to the last digit, which checks its
    arguments for most of its time.

    Raises:
        ValueError: for scores that are not finite.
    """
    if not np.isfinite(scores).all():
        raise ValueError("scores must be finite")
    found = cuts(labels, scores, weights)
    hits, false = found.true[:0:-1], found.false[:0:-1]  # lowest threshold first, without none
    precision = hits / (hits + false)
    recall = hits / hits[0] if hits[0] else np.ones(len(hits))
    weighted_sum = beta**2 * precision + recall
    f = (1 + beta**2) * precision * recall / np.where(weighted_sum > 0, weighted_sum, 1)
    return float(found.thresholds[:0:-1][np.argmax(f)])
