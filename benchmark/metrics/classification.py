"""Classification measures: pure functions of labels and scores, over whole predictions.

`logits` are float (rows, classes), `labels` int (rows,). An *offset* is added to the logit of a
class before the decision. `weights` are float (rows,), above zero: a row of weight 2 counts as two
rows. With two classes, class 1 is positive and measures are its own; with
more, they are means over the classes that the labels hold (macro). A measure that the rows leave
undefined (precision without a positive decision) is 0, as is usual.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics import ranking
from benchmark.protocol.arrays import Floats, Ints

CALIBRATION_BINS = 10


def positive_probabilities(logits: Floats) -> Floats:
    """Return the probability of the positive of two classes, (rows,)."""
    from scipy.special import expit

    return np.asarray(expit(logits[:, 1] - logits[:, 0]), np.float64)


def mean_logits(networks: Sequence[Floats]) -> Floats:
    """Return the log of the mean probabilities of several networks, (rows, classes)."""
    from scipy.special import log_softmax, logsumexp

    log_p = [log_softmax(logits, axis=1) for logits in networks]
    return np.asarray(logsumexp(log_p, axis=0) - np.log(len(log_p)), np.float64)


def decide(logits: Floats, offsets: Floats) -> Ints:
    """Return the class with the largest logit + offset, (rows,)."""
    return np.asarray(np.argmax(logits + offsets, axis=1), np.int64)


def one_vs_rest(labels: Ints, logits: Floats) -> Iterator[tuple[Ints, Floats]]:
    """Yield for each class whether rows belong to it, and the log-odds that they do, (rows,) each.

    With two classes, for the positive class alone; with more, for those that the labels hold.
    """
    if logits.shape[1] == 2:
        yield labels, logits[:, 1] - logits[:, 0]
        return
    odds = log_odds(logits)
    for label in np.unique(labels):
        yield (labels == label).astype(np.int64), odds[:, label]


def log_odds(logits: Floats) -> Floats:
    """Return log p - log(1 - p) of every class, (rows, classes), exact where p rounds to 1."""
    from scipy.special import logsumexp

    rows, top = np.arange(len(logits)), np.argmax(logits, axis=1)
    largest = logits[rows, top][:, None]
    powers = np.exp(logits - largest)
    with np.errstate(divide="ignore"):
        others = largest + np.log(powers.sum(axis=1, keepdims=True) - powers)
    without_top = logits.copy()
    without_top[rows, top] = -np.inf
    others[rows, top] = logsumexp(without_top, axis=1)
    return np.asarray(logits - others, np.float64)


def predicted_events(labels: Ints, logits: Floats) -> tuple[Ints, Floats]:
    """Return whether the predicted event occurred, and its predicted probability, (rows,) each.

    With two classes, the event is that the row is positive; with more, that its most probable
    class is right.
    """
    if logits.shape[1] == 2:
        return labels, positive_probabilities(logits)
    from scipy.special import softmax

    top = np.argmax(logits, axis=1)
    return (top == labels).astype(np.int64), softmax(logits, axis=1)[np.arange(len(top)), top]


def decision_metrics(
    labels: Ints, decisions: Ints, weights: Floats, classes: int
) -> dict[str, float]:
    """Return the measures that depend on the threshold.

    F1, precision, recall, balanced accuracy, MCC, accuracy and counts, which are sums of weights.
    The sums of scikit-learn in its order, so equal to the last digit, from one confusion matrix:
    its functions check their arguments anew for each measure, for 20 times as long.
    """
    counts = confusion(labels, decisions, weights, classes)
    # cumulative sums add in the order of rows, `sum` does not
    right, sums = np.diag(counts), (np.cumsum(counts, axis=1)[:, -1], np.cumsum(counts, axis=0)[-1])
    actual, predicted = (right + (each - right) for each in sums)
    recall, pairs = _ratio(right, actual), counts[counts > 0]
    measures = {
        "f1": _ratio(2 * right, actual + predicted),
        "precision": _ratio(right, predicted),
        "recall": recall,
    }
    held = actual > 0
    values: dict[str, Any] = {
        name: each[1] if classes == 2 else each[held].mean() for name, each in measures.items()
    }
    values |= {
        "balanced_accuracy": recall[held].mean(),
        "mcc": _correlation(counts),
        "accuracy": np.where(np.eye(classes)[counts > 0], pairs, 0).sum() / pairs.sum(),
    }
    if classes == 2:
        names = ("true_negatives", "false_positives", "false_negatives", "true_positives")
        values |= dict(zip(names, counts.ravel(), strict=True))
    else:
        values["rows"] = len(labels)
    return {name: float(value) for name, value in values.items()}


def _ratio(part: Floats, whole: Floats) -> Floats:
    """Return part / whole; 0 where whole is 0."""
    return np.asarray(np.where(whole > 0, part / np.where(whole > 0, whole, 1), 0), np.float64)


def _correlation(counts: Floats) -> float:
    """Return Matthews' correlation coefficient; 0 where all labels or all decisions are alike."""
    held = np.flatnonzero(counts.any(axis=0) | counts.any(axis=1))
    counts = counts[np.ix_(held, held)]
    actual, predicted = counts.sum(axis=1), counts.sum(axis=0)
    if min(np.count_nonzero(actual), np.count_nonzero(predicted)) < 2:
        return 0.0  # which rounding would miss
    rows = predicted.sum()
    covariance = np.trace(counts) * rows - np.dot(actual, predicted)
    variances = (rows**2 - np.dot(predicted, predicted)) * (rows**2 - np.dot(actual, actual))
    return float(covariance / np.sqrt(variances)) if variances else 0.0


def confusion(labels: Ints, decisions: Ints, weights: Floats, classes: int) -> Floats:
    """Sum the weights of rows by actual and predicted class, (classes, classes)."""
    flat = np.bincount(classes * labels + decisions, weights, minlength=classes**2)
    return np.asarray(flat.reshape(classes, classes), np.float64)


def shares_of_actual(counts: Floats) -> Floats:
    """Return the shares of each actual class in a confusion matrix; 0 for a class without rows."""
    rows = counts.sum(axis=1, keepdims=True)
    return np.asarray(counts / np.where(rows > 0, rows, 1), np.float64)


def average_precision(labels: Ints, logits: Floats, weights: Floats) -> float:
    """Return average precision: the area under precision over recall, as a sum of steps."""
    ranked = (ranking.rank(*each, weights) for each in one_vs_rest(labels, logits))
    return float(np.mean([ranking.average_precision(one) for one in ranked]))


def log_loss(labels: Ints, logits: Floats, weights: Floats) -> float:
    """Return the mean of -log p of the true class, in nats; finite at any logit."""
    if logits.shape[1] == 2:
        margin = np.where(labels == 1, 1, -1) * (logits[:, 1] - logits[:, 0])
        return float(np.average(np.logaddexp(0, -margin), weights=weights))
    from scipy.special import log_softmax

    log_p = log_softmax(logits, axis=1)[np.arange(len(labels)), labels]
    return float(-np.average(log_p, weights=weights))


def ranking_metrics(labels: Ints, logits: Floats, weights: Floats) -> dict[str, float]:
    """Return the measures that no threshold changes: average precision and ROC AUC.

    With two classes, weights that are the same within each leave ROC AUC as it is.
    """
    ranked = [ranking.rank(*each, weights) for each in one_vs_rest(labels, logits)]
    return {
        "average_precision": float(np.mean([ranking.average_precision(one) for one in ranked])),
        "roc_auc": float(np.mean([ranking.roc_auc(one) for one in ranked])),
    }


def probability_metrics(labels: Ints, logits: Floats, weights: Floats) -> dict[str, float]:
    """Return the measures of calibration: Brier score, log loss, expected calibration error.

    With more than two classes, the Brier score sums over them, 0 to 2 (Brier 1950).
    """
    return {
        "brier": brier(labels, logits, weights),
        "log_loss": log_loss(labels, logits, weights),
        "ece": calibration_error(*predicted_events(labels, logits), weights),
    }


def brier(labels: Ints, logits: Floats, weights: Floats) -> float:
    """Return the mean squared distance of the probabilities from the true classes."""
    if logits.shape[1] == 2:
        distances = positive_probabilities(logits) - labels
        return float(np.average(distances**2, weights=weights))
    from scipy.special import softmax

    errors = softmax(logits, axis=1)
    errors[np.arange(len(labels)), labels] -= 1
    return float(np.average((errors**2).sum(axis=1), weights=weights))


def reliability(true: Ints, p: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return mean predicted probability and observed frequency of bins of equal weight.

    A row between two bins is divided, so that each of the `CALIBRATION_BINS` has the same weight.

    Args:
        true: whether the event occurred, (rows,), see `predicted_events`.
        p: predicted probability of the event, (rows,).
    """
    order = np.argsort(p, kind="stable")
    weight = weights[order]
    ends = np.append(0, np.cumsum(weight))
    edges = np.linspace(0, ends[-1], CALIBRATION_BINS + 1)

    def means(values: NDArray[Any]) -> Floats:
        sums = np.interp(edges, ends, np.append(0, np.cumsum(weight * values[order])))
        # rounding alone can leave the bounds of probabilities
        return np.asarray(np.clip(np.diff(sums) / np.diff(edges), 0, 1), np.float64)

    return means(p), means(true)


def calibration_error(true: Ints, p: Floats, weights: Floats) -> float:
    """Return the expected calibration error over bins of equal weight, see `predicted_events`.

    Source: Nguyen and O'Connor 2015, "Posterior calibration and exploratory analysis
    for natural language processing models"; Nixon et al. 2019.
    """
    mean, frequency = reliability(true, p, weights)
    return float(np.abs(mean - frequency).mean())


def all_metrics(labels: Ints, logits: Floats, offsets: Floats, weights: Floats) -> dict[str, float]:
    """Return every measure of one set of predictions, decided with `offsets`; F1 first."""
    return {
        **decision_metrics(labels, decide(logits, offsets), weights, logits.shape[1]),
        **ranking_metrics(labels, logits, weights),
        **probability_metrics(labels, logits, weights),
    }
