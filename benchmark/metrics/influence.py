"""Influence of each test row on a measure, and how much of a measure's error comes from the rows.

The influence of a row is the change of the measure per unit of the row's weight, times its
weight: to first order the measure's error is the sum of the influences of the rows that were
drawn, so their sum of squares is its variance. Influences are float (rows,), centred within each
class, as the number of test rows per class is fixed. `weights` are those of the rows (rows,).

Sources: Hampel 1974, "The influence curve and its role in robust estimation"; for ROC AUC, DeLong
et al. 1988.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.classification import (
    CALIBRATION_BINS,
    one_vs_rest,
    predicted_events,
)
from benchmark.protocol.arrays import Bools, Floats, Ints


def centred(influence: Floats, labels: Ints) -> Floats:
    """Subtract each class's mean."""
    rows = np.bincount(labels)
    means = np.bincount(labels, weights=influence) / np.maximum(rows, 1)
    return np.asarray(influence - means[labels], np.float64)


def ratio(numerator: Floats, denominator: Floats, labels: Ints, weights: Floats) -> Floats:
    """Influence on sum(w numerator) / sum(w denominator) of two numbers per row."""
    size = float(weights @ denominator)
    if not size:
        return np.zeros(len(labels))
    value = float(weights @ numerator) / size
    return centred(weights * (numerator - value * denominator) / size, labels)


def mean(values: Floats, labels: Ints, weights: Floats) -> Floats:
    """Influence on the mean of one number per row: accuracy, Brier score, log loss, cost."""
    return ratio(values, np.ones(len(values)), labels, weights)


def brier(labels: Ints, logits: Floats, weights: Floats) -> Floats:
    """Influence on the Brier score; with more than two classes, the sum over them."""
    from scipy.special import softmax

    if logits.shape[1] == 2:
        true, p = predicted_events(labels, logits)
        return mean((p - true) ** 2, labels, weights)
    errors = softmax(logits, axis=1)
    errors[np.arange(len(labels)), labels] -= 1
    return mean((errors**2).sum(axis=1), labels, weights)


def log_loss(labels: Ints, logits: Floats, weights: Floats) -> Floats:
    """Influence on log loss."""
    from scipy.special import log_softmax

    losses = -log_softmax(logits, axis=1)[np.arange(len(labels)), labels]
    return mean(losses, labels, weights)


def f1(labels: Ints, decisions: Ints, classes: int, weights: Floats) -> Floats:
    """Influence on F1 of the positive of two classes, or on macro-F1.

    F1 = 2 sum w y d / sum w (y + d) of true and predicted membership y and d.
    """
    return f_beta(labels, decisions, classes, weights, 1.0)


def f_beta(labels: Ints, decisions: Ints, classes: int, weights: Floats, beta: float) -> Floats:
    """Influence on F-beta, or on its mean over classes."""
    return _over_classes(
        labels,
        decisions,
        classes,
        weights,
        lambda y, d: ((1 + beta**2) * (y & d), beta**2 * y + d),
    )


def precision(labels: Ints, decisions: Ints, classes: int, weights: Floats) -> Floats:
    """Influence on precision, or on its mean over classes."""
    return _over_classes(labels, decisions, classes, weights, lambda y, d: (1.0 * (y & d), 1.0 * d))


def recall(labels: Ints, decisions: Ints, classes: int, weights: Floats) -> Floats:
    """Influence on recall, or on its mean over classes."""
    return _over_classes(labels, decisions, classes, weights, lambda y, d: (1.0 * (y & d), 1.0 * y))


def balanced_accuracy(labels: Ints, decisions: Ints, weights: Floats) -> Floats:
    """Influence on the mean recall of the classes that the labels hold."""
    of_class = [
        ratio(1.0 * (true & (decisions == label)), 1.0 * true, labels, weights)
        for label in np.unique(labels)
        for true in [labels == label]
    ]
    return np.asarray(np.mean(of_class, axis=0), np.float64)


# true, predicted -> the two terms of a ratio
Terms = Callable[[Bools, Bools], tuple[NDArray[Any], NDArray[Any]]]


def _over_classes(
    labels: Ints, decisions: Ints, classes: int, weights: Floats, terms: Terms
) -> Floats:
    """Mean over the classes that count: the positive of two, else those that the labels hold."""
    counted = [1] if classes == 2 else np.unique(labels).tolist()
    of_class = [
        ratio(*terms(labels == label, decisions == label), labels, weights) for label in counted
    ]
    return np.asarray(np.mean(of_class, axis=0), np.float64)


def average_precision(labels: Ints, logits: Floats, weights: Floats) -> Floats:
    """Influence on average precision, or on its mean over classes."""
    contests = list(one_vs_rest(labels, logits))
    influences = [_average_precision(true == 1, scores, weights) for true, scores in contests]
    return centred(np.mean(influences, axis=0), labels)


def _average_precision(true: Bools, scores: Floats, weights: Floats) -> Floats:
    """Influence on the average precision of one class.

    AP is the mean over positive rows of the precision at their score, TP / N. A row moves its own
    term and the precision at every score that it reaches.
    """
    order = np.argsort(-scores, kind="stable")
    true, weights, ordered = true[order], weights[order], scores[order]
    ends = np.append(np.diff(ordered) != 0, True)  # of each tied group
    last, group = np.flatnonzero(ends), np.cumsum(ends) - ends
    reached = np.cumsum(weights)[last]  # N at each distinct score
    hits = np.cumsum(weights * true)[last]
    precision = hits / reached
    positives = hits[-1]
    score = float(weights @ (true * precision[group])) / positives
    terms = np.bincount(group, weights * true) / reached  # of d precision, at each score
    below = np.cumsum(terms[::-1])[::-1]  # over the scores that a row of this group reaches
    lost = np.cumsum((terms * precision)[::-1])[::-1]
    indirect = np.where(true, below[group], 0.0) - lost[group]
    influence = np.empty(len(true))
    influence[order] = weights * (true * (precision[group] - score) + indirect) / positives
    return influence


def roc_auc(labels: Ints, logits: Floats, weights: Floats) -> Floats:
    """Influence on ROC AUC, or on its mean over classes (one against the rest)."""
    contests = list(one_vs_rest(labels, logits))
    influences = [_roc_auc(true == 1, scores, weights) for true, scores in contests]
    return centred(np.mean(influences, axis=0), labels)


def _roc_auc(true: Bools, scores: Floats, weights: Floats) -> Floats:
    beaten = np.empty(len(scores))  # share of the other class that a row is ranked right against
    for own in (True, False):
        rows, others = true == own, true != own
        order = np.argsort(scores[others], kind="stable")
        ranked = scores[others][order]
        cumulative = np.append(0.0, np.cumsum(weights[others][order]))
        low = cumulative[np.searchsorted(ranked, scores[rows], "left")]
        high = cumulative[np.searchsorted(ranked, scores[rows], "right")]
        share = (low + high) / 2 / cumulative[-1]
        beaten[rows] = share if own else 1 - share
    sizes = np.where(true, weights[true].sum(), weights[~true].sum())
    area = float(weights[true] @ beaten[true]) / float(weights[true].sum())
    return np.asarray(weights * (beaten - area) / sizes, np.float64)


def calibration_error(labels: Ints, logits: Floats, weights: Floats) -> Floats:
    """Influence on the expected calibration error, its bins and their signs held fixed."""
    true, p = predicted_events(labels, logits)
    gap, bins = p - true, equal_mass_bins(p, weights)
    signs = np.sign(np.bincount(bins, weights * gap))[bins]
    return mean(signs * gap, labels, weights)


def calibration_noise(labels: Ints, logits: Floats, weights: Floats) -> float:
    """Expected calibration error that perfectly calibrated probabilities would show on these rows.

    Each bin's gap is then normal about 0, and the mean of its absolute value sqrt(2 / pi) sd.
    """
    _, p = predicted_events(labels, logits)
    variance = np.bincount(equal_mass_bins(p, weights), weights**2 * p * (1 - p))
    return float(np.sqrt(2 / np.pi * variance).sum() / weights.sum())


def equal_mass_bins(p: Floats, weights: Floats) -> Ints:
    """Bin of each row, (rows,): `CALIBRATION_BINS` bins of equal weight, in the order of p."""
    order = np.argsort(p, kind="stable")
    middle = np.cumsum(weights[order]) - weights[order] / 2
    bins = np.empty(len(p), np.int64)
    bins[order] = np.minimum(
        (CALIBRATION_BINS * middle / weights.sum()).astype(np.int64), CALIBRATION_BINS - 1
    )
    return bins


Influences = Mapping[int, tuple[Ints, Floats]]  # seed -> row numbers (rows,), influences (rows,)


def row_covariance(strategies: list[Influences]) -> Floats:
    """Covariance that the choice of the test rows gives to means over seeds, (strategies,) squared.

    The two-way layout rows x seeds: C = [(sum_j a_j) . (sum_j b_j) - sum_j a_j . b_j] / (number of
    pairs of different seeds), of influences a and b of two strategies. It counts what the rows
    contribute that two seeds share, whatever the size of the test split, and for one test split
    too. It is 0 where no two seeds differ. It may be slightly negative on the diagonal by chance.

    Source: Gallas 2006, "One-shot estimate of MRMC variance: AUC"; Owen 2007, "The pigeonhole
    bootstrap".
    """
    known, count = _union(rows for own in strategies for rows, _ in own.values()), len(strategies)
    totals, same, pairs = (
        np.zeros((count, len(known))),
        np.zeros((count, count)),
        _pairs_of_seeds(strategies),
    )
    for seed in sorted({seed for own in strategies for seed in own}):
        having = np.flatnonzero([seed in own for own in strategies])
        tested = _union(strategies[number][seed][0] for number in having)
        of_seed = np.zeros((len(having), len(tested)))
        places: dict[int, Ints] = {}  # of arrays of row numbers, which strategies share
        for place, number in enumerate(having):
            rows, influence = strategies[number][seed]
            if id(rows) not in places:
                places[id(rows)] = np.searchsorted(tested, rows)
            of_seed[place, places[id(rows)]] = influence
        totals[np.ix_(having, np.searchsorted(known, tested))] += of_seed
        same[np.ix_(having, having)] += of_seed @ of_seed.T
    return np.where(pairs > 0, (totals @ totals.T - same) / np.maximum(pairs, 1), 0.0)


def _union(rows: Iterable[Ints]) -> Ints:
    """Return all row numbers, sorted; arrays that many strategies share are read once."""
    distinct = list({id(own): own for own in rows}.values())
    seen = np.zeros(1 + max(int(own.max(initial=-1)) for own in distinct), np.bool_)
    for own in distinct:
        seen[own] = True
    return np.flatnonzero(seen)


def mean_variance(covariance: Floats) -> float:
    """Variance of a mean, or of the difference of two means, with this covariance."""
    signs = np.array([1, -1])[: len(covariance)]
    return float(signs @ covariance @ signs)


def _pairs_of_seeds(strategies: list[Influences]) -> Ints:
    """Number of pairs of different seeds of each two strategies, (strategies, strategies)."""
    seeds = sorted({seed for own in strategies for seed in own})
    has = np.array([[seed in own for seed in seeds] for own in strategies], np.int64)
    sizes = has.sum(axis=1)
    return np.asarray(np.outer(sizes, sizes) - has @ has.T, np.int64)
