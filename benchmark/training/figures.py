"""Figures of one run, drawn without pyplot's global state so that any thread may draw."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from benchmark.metrics import classification, long_tail
from benchmark.protocol.arrays import Curve, Floats, Ints

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_DRAWN = 50  # classes; with more, only figures that aggregate over classes


def of_cell(
    curves: Mapping[str, Curve],
    labels: Ints,
    logits: Floats,
    decisions: Ints,
    weights: Floats,
    class_rows: Ints,
) -> dict[str, Figure]:
    """Draw the figures of a run, by name.

    Always reliability; the loss curve of networks; precision-recall and confusion matrix with at
    most `MOST_DRAWN` classes; recalls with more than two.

    Args:
        labels: (rows,), of test.
        logits: calibrated, (rows, classes).
        decisions: (rows,).
        weights: (rows,).
        class_rows: training rows per class, (classes,).
    """
    several = (
        {} if len(class_rows) == 2 else {"recalls": recalls(labels, decisions, weights, class_rows)}
    )
    drawn = {**several, "reliability": reliability(labels, logits, weights)}
    if len(class_rows) <= MOST_DRAWN:
        drawn["precision_recall"] = precision_recall(labels, logits, decisions, weights)
        drawn["confusion_matrix"] = confusion_matrix(labels, decisions, weights, len(class_rows))
    return drawn | ({"loss": loss(curves)} if curves else {})


def precision_recall(labels: Ints, logits: Floats, decisions: Ints, weights: Floats) -> Figure:
    """Draw precision against recall on test, with the point of the decisions.

    With more than two classes, each class against the rest, and the macro means of the decisions.
    """
    from sklearn.metrics import precision_recall_curve

    figure, axes = canvas("Precision and recall on test", "recall", "precision")
    area = classification.average_precision(labels, logits, weights)
    contests = list(classification.one_vs_rest(labels, logits))
    single = len(contests) == 1
    for true, scores in contests:
        precision, recall, _ = precision_recall_curve(true, scores, sample_weight=weights)
        axes.step(recall, precision, where="post", color="C0", linewidth=1.5 if single else 0.6)
    mean = "" if single else "mean "
    axes.plot([], [], color="C0", label=f"{mean}average precision {area:.3f}")
    prevalence = float(np.mean([np.average(true, weights=weights) for true, _ in contests]))
    axes.axhline(prevalence, color="0.6", linestyle=":", label=f"by chance {prevalence:.3f}")
    at_threshold = classification.decision_metrics(labels, decisions, weights, logits.shape[1])
    f1 = "F1" if single else "macro-F1"
    axes.plot(
        at_threshold["recall"],
        at_threshold["precision"],
        "ko",
        label=f"at its own threshold, {f1} {at_threshold['f1']:.3f}",
    )
    axes.set(xlim=(0, 1.02), ylim=(0, 1.05))
    axes.legend()
    return figure


def confusion_matrix(labels: Ints, decisions: Ints, weights: Floats, classes: int) -> Figure:
    """Draw the counts on test, each row by its weight; shades are shares of the actual class."""
    figure, axes = canvas("Confusion matrix on test", "predicted", "actual")
    counts = classification.confusion(labels, decisions, weights, classes)
    shares = classification.shares_of_actual(counts)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.grid(False)
    if classes > 2:
        return figure
    for row, column in np.ndindex(2, 2):
        axes.text(
            column,
            row,
            f"{counts[row, column]:,.0f}\n{shares[row, column]:.1%}",
            ha="center",
            va="center",
            color="white" if shares[row, column] > 0.5 else "black",
        )
    names = ["negative", "positive"]
    axes.set(xticks=[0, 1], yticks=[0, 1], xticklabels=names, yticklabels=names)
    return figure


def reliability(labels: Ints, logits: Floats, weights: Floats) -> Figure:
    """Draw observed frequency against predicted probability, in bins of equal weight."""
    figure, axes = canvas("Reliability on test", "predicted probability", "observed frequency")
    true, predicted = classification.predicted_events(labels, logits)
    mean, frequency = classification.reliability(true, predicted, weights)
    error = classification.calibration_error(true, predicted, weights)
    top = max(mean.max(), frequency.max()) * 1.05 + 1e-6
    axes.plot([0, top], [0, top], color="0.6", linestyle=":", label="perfect")
    axes.plot(mean, frequency, "o-", label=f"calibration error {error:.3f}")
    axes.set(xlim=(0, top), ylim=(0, top))
    axes.legend()
    return figure


def recalls(labels: Ints, decisions: Ints, weights: Floats, class_rows: Ints) -> Figure:
    """Draw the recall of each class on test against its training rows."""
    figure, axes = canvas("Recall by class size", "training rows of the class", "recall on test")
    recall = long_tail.class_recalls(labels, decisions, weights, len(class_rows))
    axes.plot(class_rows, recall, "o", markersize=4)
    axes.set(xscale="log", ylim=(-0.02, 1.02))
    ends = sorted({int(class_rows.min()), int(class_rows.max())})
    axes.set_xticks(ends, [f"{end:,}" for end in ends])
    axes.minorticks_off()
    return figure


def loss(curves: Mapping[str, Curve]) -> Figure:
    """Draw the training loss, which strategies define differently, and log loss on validation."""
    figure, axes = canvas("Loss", "optimizer step", "loss (nats per row)")
    for name, label in {
        "train/loss": "training loss",
        "val/log_loss": "validation log loss",
    }.items():
        if curves.get(name):
            axes.plot(*zip(*curves[name], strict=True), label=label)
    axes.set_ylim(bottom=0)
    axes.legend()
    return figure


def canvas(title: str, x: str, y: str) -> tuple[Figure, Axes]:
    """Return an empty figure and its axes.

    Figures are drawn once per run, so without what makes matplotlib draw twice: automatic layout
    and titles that move.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 4))
    figure.subplots_adjust(left=0.14, bottom=0.13, right=0.97, top=0.91)
    axes = figure.add_subplot(xlabel=x, ylabel=y)
    axes.set_title(title, y=1.01)
    axes.locator_params(nbins=5)
    axes.grid(alpha=0.3)
    return figure, axes


def svg(figure: Figure) -> str:
    """Return a figure as SVG text."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()
