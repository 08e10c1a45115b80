"""Labels and scores in, numbers out. Pure functions, computed from whole predictions.

`logits` are float (rows, 2), `labels` int (rows,), 1 is the positive class; an
*offset* is what a decision rule adds to each class's logit. A measure that the
rows leave undefined (precision without a positive decision) is 0, as is usual.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

CALIBRATION_BINS = 10


def probabilities(logits: Floats) -> Floats:
    """Probability of the positive class, (rows,)."""
    from scipy.special import expit

    return np.asarray(expit(logits[:, 1] - logits[:, 0]), np.float64)


def decide(logits: Floats, offsets: Floats) -> Ints:
    """The class with the largest logit + offset, (rows,)."""
    return np.asarray(np.argmax(logits + offsets, axis=1), np.int64)


def best_cut(labels: Ints, scores: Floats, beta: float = 1.0) -> float:
    """The cut on `scores` at which F-beta is largest, half-way between two scores.

    Of equally good cuts the lowest wins. `scores` may be of any scale.
    """
    from sklearn.metrics import precision_recall_curve

    precision, recall, cuts = precision_recall_curve(labels, scores)
    reached = beta**2 * precision[:-1] + recall[:-1]
    f = (1 + beta**2) * precision[:-1] * recall[:-1] / np.where(reached > 0, reached, 1)
    best = int(np.argmax(f))
    below = cuts[best - 1] if best else cuts[0] - 1
    return float((below + cuts[best]) / 2)


def decision_metrics(labels: Ints, decisions: Ints) -> dict[str, float]:
    """What depends on the cut: F1, precision, recall, balanced accuracy, MCC, accuracy, counts."""
    from sklearn import metrics

    # the four kinds of rows, weighted by how many there are: exact, and fast for any number
    tn, fp, fn, tp = counts = np.bincount(2 * labels + decisions, minlength=4)
    truth, decided = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        truth, decided, average="binary", zero_division=0, sample_weight=counts
    )
    weighted = {"y_true": truth, "y_pred": decided, "sample_weight": counts}
    values = {
        "f1": f1,
        "precision": precision,
        "recall": recall,
        "balanced_accuracy": metrics.balanced_accuracy_score(**weighted),
        "mcc": metrics.matthews_corrcoef(**weighted),
        "accuracy": metrics.accuracy_score(**weighted),
        "true_positives": tp,
        "false_positives": fp,
        "false_negatives": fn,
        "true_negatives": tn,
    }
    return {name: float(value) for name, value in values.items()}


def average_precision(labels: Ints, logits: Floats) -> float:
    """Area under precision over recall, as a sum of steps."""
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(labels, logits[:, 1] - logits[:, 0]))


def log_loss(labels: Ints, logits: Floats) -> float:
    """Mean of -log p of the true class, in nats; finite at any logit."""
    margin = np.where(labels == 1, 1, -1) * (logits[:, 1] - logits[:, 0])
    return float(np.logaddexp(0, -margin).mean())


def ranking_metrics(labels: Ints, logits: Floats) -> dict[str, float]:
    """What no cut moves: average precision and ROC AUC."""
    from sklearn.metrics import roc_auc_score

    return {
        "average_precision": average_precision(labels, logits),
        "roc_auc": float(roc_auc_score(labels, logits[:, 1] - logits[:, 0])),
    }


def probability_metrics(labels: Ints, logits: Floats) -> dict[str, float]:
    """Whether the probabilities can be believed: Brier score, log loss, calibration error."""
    from sklearn.metrics import brier_score_loss

    p = probabilities(logits)
    return {
        "brier": float(brier_score_loss(labels, p)),
        "log_loss": log_loss(labels, logits),
        "ece": calibration_error(labels, p),
    }


def reliability(labels: Ints, p: Floats) -> tuple[Floats, Floats, Ints]:
    """Mean probability, share of positives and rows of bins that hold equally many rows."""
    order = np.argsort(p, kind="stable")
    bins = [part for part in np.array_split(order, CALIBRATION_BINS) if len(part)]
    mean = np.array([p[part].mean() for part in bins])
    share = np.array([labels[part].mean() for part in bins])
    return mean, share, np.array([len(part) for part in bins])


def calibration_error(labels: Ints, p: Floats) -> float:
    """Expected calibration error over bins of equal mass.

    Source: Nguyen and O'Connor 2015, "Posterior calibration and exploratory analysis
    for natural language processing models"; Nixon et al. 2019.
    """
    mean, share, rows = reliability(labels, p)
    return float(np.average(np.abs(mean - share), weights=rows))


def all_metrics(labels: Ints, logits: Floats, offsets: Floats) -> dict[str, float]:
    """Every measure of one set of predictions, decided with `offsets`; F1 first."""
    return {
        **decision_metrics(labels, decide(logits, offsets)),
        **ranking_metrics(labels, logits),
        **probability_metrics(labels, logits),
    }
