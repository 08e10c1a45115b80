"""Classification measures: pure functions of labels and scores, over whole predictions.

`logits` are float (rows, classes), `labels` int (rows,). An *offset* is added to the logit of a
class before the decision. With two classes, class 1 is positive and measures are its own; with
more, they are means over the classes that the labels hold (macro). A measure that the rows leave
undefined (precision without a positive decision) is 0, as is usual.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

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


def decision_metrics(labels: Ints, decisions: Ints, classes: int) -> dict[str, float]:
    """Return the measures that depend on the threshold.

    F1, precision, recall, balanced accuracy, MCC, accuracy and counts.
    """
    from sklearn import metrics

    # one row per (actual, predicted) pair, weighted by its count: exact, and fast for any number
    pairs, counts = np.unique(classes * labels + decisions, return_counts=True)
    actual, predicted = np.divmod(pairs, classes)
    weighted = {"y_true": actual, "y_pred": predicted, "sample_weight": counts}
    average = {"average": "binary"} if classes == 2 else {"average": "macro"}
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        **weighted, **average, labels=np.unique(actual), zero_division=0
    )
    values = {
        "f1": f1,
        "precision": precision,
        "recall": recall,
        "balanced_accuracy": metrics.recall_score(
            **weighted, average="macro", labels=np.unique(actual)
        ),
        "mcc": metrics.matthews_corrcoef(**weighted),
        "accuracy": metrics.accuracy_score(**weighted),
    }
    if classes == 2:
        tn, fp, fn, tp = confusion(labels, decisions, classes).ravel()
        values |= {
            "true_positives": tp,
            "false_positives": fp,
            "false_negatives": fn,
            "true_negatives": tn,
        }
    else:
        values["rows"] = len(labels)
    return {name: float(value) for name, value in values.items()}


def confusion(labels: Ints, decisions: Ints, classes: int) -> Ints:
    """Count rows by actual and predicted class, (classes, classes)."""
    flat = np.bincount(classes * labels + decisions, minlength=classes**2)
    return flat.reshape(classes, classes).astype(np.int64)


def average_precision(labels: Ints, logits: Floats) -> float:
    """Return average precision: the area under precision over recall, as a sum of steps."""
    from sklearn.metrics import average_precision_score

    areas = [average_precision_score(*contest) for contest in one_vs_rest(labels, logits)]
    return float(np.mean(areas))


def log_loss(labels: Ints, logits: Floats) -> float:
    """Return the mean of -log p of the true class, in nats; finite at any logit."""
    if logits.shape[1] == 2:
        margin = np.where(labels == 1, 1, -1) * (logits[:, 1] - logits[:, 0])
        return float(np.logaddexp(0, -margin).mean())
    from scipy.special import log_softmax

    return float(-log_softmax(logits, axis=1)[np.arange(len(labels)), labels].mean())


def ranking_metrics(labels: Ints, logits: Floats) -> dict[str, float]:
    """Return the measures that no threshold changes: average precision and ROC AUC."""
    from sklearn.metrics import roc_auc_score

    areas = [roc_auc_score(*contest) for contest in one_vs_rest(labels, logits)]
    return {
        "average_precision": average_precision(labels, logits),
        "roc_auc": float(np.mean(areas)),
    }


def probability_metrics(labels: Ints, logits: Floats) -> dict[str, float]:
    """Return the measures of calibration: Brier score, log loss, expected calibration error.

    With more than two classes, the Brier score sums over them, 0 to 2 (Brier 1950).
    """
    return {
        "brier": brier(labels, logits),
        "log_loss": log_loss(labels, logits),
        "ece": calibration_error(*predicted_events(labels, logits)),
    }


def brier(labels: Ints, logits: Floats) -> float:
    """Return the mean squared distance of the probabilities from the true classes."""
    from scipy.special import softmax
    from sklearn.metrics import brier_score_loss

    if logits.shape[1] == 2:
        return float(brier_score_loss(labels, positive_probabilities(logits)))
    errors = softmax(logits, axis=1)
    errors[np.arange(len(labels)), labels] -= 1
    return float((errors**2).sum(axis=1).mean())


def reliability(true: Ints, p: Floats) -> tuple[Floats, Floats, Ints]:
    """Return mean predicted probability, observed frequency and rows of bins of equal mass.

    Args:
        true: whether the event occurred, (rows,), see `predicted_events`.
        p: predicted probability of the event, (rows,).
    """
    order = np.argsort(p, kind="stable")
    bins = [part for part in np.array_split(order, CALIBRATION_BINS) if len(part)]
    mean = np.array([p[part].mean() for part in bins])
    frequency = np.array([true[part].mean() for part in bins])
    return mean, frequency, np.array([len(part) for part in bins])


def calibration_error(true: Ints, p: Floats) -> float:
    """Return the expected calibration error over bins of equal mass, see `predicted_events`.

    Source: Nguyen and O'Connor 2015, "Posterior calibration and exploratory analysis
    for natural language processing models"; Nixon et al. 2019.
    """
    mean, frequency, rows = reliability(true, p)
    return float(np.average(np.abs(mean - frequency), weights=rows))


def class_recalls(labels: Ints, decisions: Ints, classes: int) -> Floats:
    """Return the recall of each class, (classes,); nan for a class without rows."""
    rows = np.bincount(labels, minlength=classes)
    right = np.bincount(labels[labels == decisions], minlength=classes)
    return np.where(rows > 0, right / np.maximum(rows, 1), np.nan)


MANY, FEW = 100, 20  # training rows: classes with more are "many", with fewer "few"
PLACES = 5  # classes that count in map_at_5


def long_tail_metrics(
    labels: Ints, logits: Floats, offsets: Floats, class_rows: Ints
) -> dict[str, float]:
    """Return the measures for many classes: accuracy by class size, mean average precision at 5.

    accuracy_many, _medium and _few are accuracies on rows of classes with more than 100, 20 to
    100 and fewer than 20 training rows; groups without rows are left out. Source: Liu et al. 2019,
    "Large-scale long-tailed recognition in an open world". map_at_5 is the mean of 1 / place of
    the true class among the five classes with the largest scores, 0 beyond; ties count against it.

    Args:
        class_rows: training rows per class, (classes,).
    """
    scores, rows = logits + offsets, np.arange(len(labels))
    true_score = scores[rows, labels][:, None]
    places = (scores >= true_score).sum(axis=1)  # 1 is the first
    right, size = decide(logits, offsets) == labels, class_rows[labels]
    groups = {
        "many": size > MANY,
        "medium": (size >= FEW) & (size <= MANY),
        "few": size < FEW,
    }
    values = {f"accuracy_{name}": right[mask].mean() for name, mask in groups.items() if mask.any()}
    values[f"map_at_{PLACES}"] = np.where(places <= PLACES, 1 / places, 0).mean()
    return {name: float(value) for name, value in values.items()}


def all_metrics(labels: Ints, logits: Floats, offsets: Floats) -> dict[str, float]:
    """Return every measure of one set of predictions, decided with `offsets`; F1 first."""
    return {
        **decision_metrics(labels, decide(logits, offsets), logits.shape[1]),
        **ranking_metrics(labels, logits),
        **probability_metrics(labels, logits),
    }
