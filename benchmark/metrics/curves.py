"""Curves of predictions, with their mean and spread over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.metrics import classification
from benchmark.metrics.ranking import Ranking, rank
from benchmark.protocol.arrays import Curve, Floats, Ints

RECALLS = np.linspace(0, 1, 101)
THRESHOLDS = np.linspace(0.01, 0.99, 99)  # probabilities

Scored = tuple[Ints, Floats, Floats]  # labels (rows,), logits (rows, classes), weights (rows,)


@dataclass(frozen=True)
class Band:
    """A mean curve with its spread over seeds, (points,) each."""

    x: Floats
    mean: Floats
    low: Floats  # mean - one standard deviation over seeds
    high: Floats  # mean + one standard deviation


def band(x: Floats, curves: Sequence[Floats]) -> Band:
    """Return the band of curves that share their x."""
    mean, spread = np.mean(curves, axis=0), np.std(curves, axis=0, ddof=1 if len(curves) > 1 else 0)
    return Band(np.asarray(x, np.float64), mean, mean - spread, mean + spread)


Ranked = Sequence[Sequence[Ranking]]  # by seed and class; with two classes, of the positive one


def ranked(seeds: Sequence[Scored]) -> list[list[Ranking]]:
    """Sort the rows of every seed once, for all the curves that follow from their order."""
    return [
        [rank(*contest, weights) for contest in classification.one_vs_rest(labels, logits)]
        for labels, logits, weights in seeds
    ]


def precision_recall(seeds: Ranked) -> Band:
    """Return precision where each recall is first reached, averaged over classes and seeds."""
    return band(RECALLS, [np.mean(list(map(_precision, of_seed)), axis=0) for of_seed in seeds])


def _precision(ranking: Ranking) -> Floats:
    recall = np.append(0.0, ranking.hits / ranking.hits[-1])
    precision = np.append(1.0, ranking.hits / (ranking.hits + ranking.false))
    first = np.searchsorted(recall, RECALLS)
    return np.asarray(precision[np.minimum(first, len(recall) - 1)], np.float64)


def f1_by_threshold(seeds: Ranked) -> Band:
    """Return F1 at each threshold: rows whose probability reaches it are predicted positive.

    With two classes.
    """
    return band(THRESHOLDS, [_f1(ranking) for [ranking] in seeds])


def _f1(ranking: Ranking) -> Floats:
    from scipy.special import expit

    steps = np.searchsorted(-expit(ranking.scores), -THRESHOLDS, side="right")
    hits, false = (np.append(0.0, sums)[steps] for sums in (ranking.hits, ranking.false))
    return np.asarray(2 * hits / (ranking.hits[-1] + hits + false), np.float64)


def f1_at(
    labels: Ints,
    probabilities: Floats,
    weights: Floats,
    thresholds: Floats,
    odds: float | None = None,
) -> Floats:
    """Return F1 at each threshold; 0 where no row is predicted positive.

    Args:
        odds: negatives per positive, to which rows are weighted further; None leaves them as the
            weights have them.
    """
    sums = np.bincount(labels, weights, minlength=2)
    odds = sums[0] / sums[1] if odds is None else odds
    false, recall = (
        _share_from(thresholds, probabilities[labels == label], weights[labels == label])
        for label in range(2)
    )
    return np.asarray(2 * recall / (1 + recall + odds * false), np.float64)


def _share_from(thresholds: Floats, values: Floats, weights: Floats) -> Floats:
    """Return the weighted share of values that reach each threshold, (thresholds,)."""
    order = np.argsort(values, kind="stable")
    below = np.append(0, np.cumsum(weights[order]))
    return np.asarray(1 - below[np.searchsorted(values[order], thresholds)] / below[-1], np.float64)


def reliability(seeds: Sequence[Scored]) -> Band:
    """Return observed frequency against predicted probability, in bins of equal weight."""
    bins = [
        classification.reliability(*classification.predicted_events(labels, logits), weights)
        for labels, logits, weights in seeds
    ]
    predicted = np.mean([mean for mean, _ in bins], axis=0)
    return band(predicted, [frequency for _, frequency in bins])


def steps(curves: Sequence[Curve]) -> Band:
    """Return the band of curves over optimizer steps, at the steps of the first curve."""
    x = np.array([step for step, _ in curves[0]], np.float64)
    values = [np.interp(x, *np.array(curve, np.float64).T) for curve in curves]
    return band(x, values)


def roc(seeds: Ranked) -> Band:
    """Return true positive rate at each false positive rate, averaged over classes and seeds."""
    return band(RECALLS, [np.mean(list(map(_true_rate, of_seed)), axis=0) for of_seed in seeds])


def _true_rate(ranking: Ranking) -> Floats:
    false = np.append(0.0, ranking.false / ranking.false[-1])
    true = np.append(0.0, ranking.hits / ranking.hits[-1])
    last = np.searchsorted(false, RECALLS, side="right") - 1  # the highest rate at that cost
    return np.asarray(true[last], np.float64)


def gains(seeds: Ranked) -> Band:
    """Return the share of positives among the rows with the highest scores; with two classes.

    x is the share of rows that are taken.
    """
    curves = []
    for [ranking] in seeds:
        taken = np.append(0.0, ranking.hits + ranking.false)
        found = np.append(0.0, ranking.hits)
        curves.append(np.interp(RECALLS, taken / taken[-1], found / found[-1]))
    return band(RECALLS, curves)


def lift(found: Band) -> Band:
    """Return from gains how many times more positives the highest scores hold than other rows.

    x is the share of rows that are taken, from 1 %.
    """
    x = found.x[1:]
    return Band(x, *(each[1:] / x for each in (found.mean, found.low, found.high)))
