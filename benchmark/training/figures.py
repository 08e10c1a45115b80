"""The figure of one run, drawn without pyplot's global state so that any thread may draw.

The report draws all others, of many runs together.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from benchmark.metrics import classification, long_tail
from benchmark.protocol.arrays import Floats, Ints

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from benchmark.training.predictions import Fit
    from benchmark.training.score import Score

MOST_DRAWN = 50  # classes; with more, only figures that aggregate over classes


def of_run(score: Score, fit: Fit) -> tuple[str, Figure]:
    """Draw the figure that every run gets, from its test split; return its name too.

    Precision and recall, or the recalls of classes that are more than `MOST_DRAWN`.
    """
    if len(fit.class_rows) > MOST_DRAWN:
        drawn = recalls(score.labels, score.decisions, score.weights, fit.class_rows)
        return "recalls", drawn
    drawn = precision_recall(score.labels, score.logits, score.decisions, score.weights)
    return "precision_recall", drawn


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
    # where no curve is: matplotlib warns where it takes long to look for the best place
    axes.legend(loc="lower left" if area > 0.5 else "upper right")
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
    """Return a figure as SVG text, the same for the same figure."""
    import matplotlib

    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "skewbench"}):  # else names in it are random
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()
