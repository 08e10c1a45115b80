"""Measures of the order that scores give to rows, equal to those of scikit-learn to the last digit.

The sums of scikit-learn in its order: its functions check their arguments anew for each measure,
which takes longer than the measures on a thousand rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.protocol.arrays import Floats, Ints


@dataclass(frozen=True)
class Ranking:
    """The rows of a class against the rest, from the highest score down; (steps,) each.

    Rows of the same score are one step.

    Attributes:
        scores: log-odds, falling.
        hits: weight of the rows of the class that reach each score.
        false: weight of the other rows that reach it.
    """

    scores: Floats
    hits: Floats
    false: Floats


def rank(labels: Ints, scores: Floats, weights: Floats) -> Ranking:
    """Sort rows by their scores; label 1 is positive."""
    order = np.argsort(-scores, kind="stable")
    scores, labels, weights = scores[order], labels[order], weights[order]
    ends = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)  # of tied rows
    hits, false = (np.cumsum(weights * rows)[ends] for rows in (labels, 1 - labels))
    return Ranking(scores[ends], hits, false)


def average_precision(ranking: Ranking) -> float:
    """Return the area under precision over recall, as a sum of steps; 0 without a positive row."""
    if not ranking.hits[-1]:
        return 0.0
    recall = np.append((ranking.hits / ranking.hits[-1])[::-1], 0.0)
    precision = (ranking.hits / (ranking.hits + ranking.false))[::-1]
    return max(0.0, -float(np.sum(np.diff(recall) * precision)))


def roc_auc(ranking: Ranking) -> float:
    """Return the area under the ROC curve by the trapezoidal rule; nan if a class has no rows."""
    hits, false = ranking.hits, ranking.false
    if not (hits[-1] and false[-1]):
        return float("nan")
    corners = np.ones(len(hits), np.bool_)
    corners[1:-1] = np.logical_or(np.diff(false, 2), np.diff(hits, 2))
    hits, false = (np.append(0.0, values[corners]) for values in (hits, false))
    return float(np.trapezoid(hits / hits[-1], false / false[-1]))
