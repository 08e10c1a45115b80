"""Figures of one run, drawn without pyplot's global state so that any thread may draw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from benchmark import metrics
from benchmark.metrics import Floats, Ints
from benchmark.train import Curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def of_cell(
    curves: Mapping[str, Curve], labels: Ints, probabilities: Floats, decisions: Ints
) -> dict[str, Figure]:
    """Name -> figure: precision-recall, confusion matrix, reliability, loss curve.

    `labels` and `decisions` are (rows,), `probabilities` those of the positive class.
    """
    return {
        "precision_recall": precision_recall(labels, probabilities, decisions),
        "confusion_matrix": confusion_matrix(labels, decisions),
        "reliability": reliability(labels, probabilities),
        "loss": loss(curves),
    }


def precision_recall(labels: Ints, probabilities: Floats, decisions: Ints) -> Figure:
    """Precision against recall on test, and where the strategy's cut lies on it."""
    from sklearn.metrics import average_precision_score, precision_recall_curve

    figure, axes = _canvas("Precision and recall on test", "recall", "precision")
    precision, recall, _ = precision_recall_curve(labels, probabilities)
    area = average_precision_score(labels, probabilities)
    prevalence = labels.mean()
    axes.step(recall, precision, where="post", label=f"average precision {area:.3f}")
    axes.axhline(prevalence, color="0.6", linestyle=":", label=f"by chance {prevalence:.3f}")
    at_cut = metrics.decision_metrics(labels, decisions)
    axes.plot(
        at_cut["recall"], at_cut["precision"], "ko", label=f"as decided, F1 {at_cut['f1']:.3f}"
    )
    axes.set(xlim=(0, 1.02), ylim=(0, 1.05))
    axes.legend()
    return figure


def confusion_matrix(labels: Ints, decisions: Ints) -> Figure:
    """Counts on test; shades are shares of the true class."""
    from sklearn.metrics import confusion_matrix

    figure, axes = _canvas("Confusion matrix on test", "decided", "true")
    counts = confusion_matrix(labels, decisions, labels=[0, 1])
    shares = counts / counts.sum(axis=1, keepdims=True)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row in range(2):
        for column in range(2):
            axes.text(
                column,
                row,
                f"{counts[row, column]:,}\n{shares[row, column]:.1%}",
                ha="center",
                va="center",
                color="white" if shares[row, column] > 0.5 else "black",
            )
    names = ["negative", "positive"]
    axes.set(xticks=[0, 1], yticks=[0, 1], xticklabels=names, yticklabels=names)
    axes.grid(False)
    return figure


def reliability(labels: Ints, probabilities: Floats) -> Figure:
    """Share of positives against the probability that was promised, bins of equal mass."""
    figure, axes = _canvas(
        "Reliability on test", "mean probability in the bin", "share of positives in the bin"
    )
    mean, share, _ = metrics.reliability(labels, probabilities)
    error = metrics.calibration_error(labels, probabilities)
    top = max(mean.max(), share.max()) * 1.05 + 1e-6
    axes.plot([0, top], [0, top], color="0.6", linestyle=":", label="perfect")
    axes.plot(mean, share, "o-", label=f"calibration error {error:.3f}")
    axes.set(xlim=(0, top), ylim=(0, top))
    axes.legend()
    return figure


def loss(curves: Mapping[str, Curve]) -> Figure:
    """Training loss, which strategies may define differently, and log loss on validation."""
    figure, axes = _canvas("Loss", "optimizer step", "loss (nats per row)")
    for name, label in {
        "train/loss": "training loss",
        "val/log_loss": "validation log loss",
    }.items():
        if curves.get(name):
            axes.plot(*zip(*curves[name], strict=True), label=label)
    axes.set_ylim(bottom=0)
    axes.legend()
    return figure


def _canvas(title: str, x: str, y: str) -> tuple[Figure, Axes]:
    """Drawn once a run, so without what makes matplotlib draw twice: layouts, a floating title."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 4))
    figure.subplots_adjust(left=0.14, bottom=0.13, right=0.97, top=0.91)
    axes = figure.add_subplot(xlabel=x, ylabel=y)
    axes.set_title(title, y=1.01)
    axes.locator_params(nbins=5)
    axes.grid(alpha=0.3)
    return figure, axes
