"""Figures of a leaderboard: wide ones, and small ones per strategy to lay out side by side.

Black, grey and dashes read the same on paper. Lines are means over seeds, bands one standard
deviation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from benchmark.metrics import classification
from benchmark.metrics import curves as metric_curves
from benchmark.metrics.curves import Band
from benchmark.protocol.arrays import Floats
from benchmark.results import comparison
from benchmark.results.analysis import Analysis
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.predicted import TablePredictions

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


MOST_NAMED = 12  # classes whose names and numbers fit a small figure
Figures = dict[str, "Figure"]  # what it is of -> figure


def differences(analysis: Analysis) -> Figure | None:
    """Each seed's ΔF1 vs the baseline, the mean and its interval."""
    claims = {claim.label: claim for claim in analysis.claims_on("test/f1")}
    if not claims:
        return None
    f1 = comparison.values(analysis.table, "test/f1")
    order = sorted(claims, key=lambda label: claims[label].mean)
    figure, axes = _rows(order, f"Δ{analysis.words.f1} vs baseline at the same seed")
    axes.axvline(0, color="0.5", linewidth=0.8)
    for place, label in enumerate(order):
        seeds = (f1.loc[label] - f1.loc[analysis.baseline]).to_numpy()
        axes.plot(seeds, np.full(len(seeds), place), "o", color="0.65", markersize=3.5)
        mean, low, high = claims[label].mean, claims[label].low, claims[label].high
        if not np.isnan(low):
            axes.plot([low, high], [place, place], color="black", linewidth=1.6)
        axes.plot(mean, place, "|", color="black", markersize=11, markeredgewidth=2)
    return figure


def threshold_tuning(analysis: Analysis) -> Figure:
    """F1 of each training at 0.5, at the tuned threshold, and at the best threshold on test."""
    tuning, words = analysis.tuning.iloc[::-1], analysis.words
    figure, axes = _rows(list(tuning["label"]), f"{words.f1} on test, mean over seeds")
    places = np.arange(len(tuning))
    axes.hlines(places, tuning["at_half"], tuning["upper_bound"], color="0.8", linewidth=1)
    for name, marker, meaning in (
        ("at_half", "o", words.plain),
        ("tuned", "D", f"{words.threshold} tuned on validation"),
        ("upper_bound", "|", f"best {words.threshold} on test (upper bound)"),
    ):
        axes.plot(
            tuning[name],
            places,
            marker,
            color="black",
            markerfacecolor="white" if name == "at_half" else "black",
            markersize=6,
            label=meaning,
        )
    axes.set_xlim(left=min(0, axes.get_xlim()[0]))
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize=8, ncols=3, frameon=False)
    return figure


def cost(analysis: Analysis) -> Figure:
    """F1 and training time side by side, best F1 first."""
    runs = analysis.table.runs
    complete = runs[runs["label"].isin(analysis.complete)]
    means = complete.groupby("label")[["test/f1", "timing/training"]]
    centre, spread = means.mean(), means.std()
    order = list(centre["test/f1"].dropna().sort_values().index)
    figure, (quality, price) = _two_columns(len(order))
    for axes, name, words in (
        (quality, "test/f1", analysis.words.f1),
        (price, "timing/training", "training time (s)"),
    ):
        axes.errorbar(
            centre.loc[order, name],
            range(len(order)),
            xerr=spread.loc[order, name].fillna(0),
            fmt="o",
            color="black",
            ecolor="0.6",
            markersize=4,
        )
        axes.set(xlabel=words, xlim=(0, None), ylim=(-0.6, len(order) - 0.4))
        axes.grid(axis="x", alpha=0.3)
    quality.set_yticks(range(len(order)), [_short(label, 34) for label in order])
    return figure


def precision_recall(predictions: TablePredictions, names: Mapping[str, str]) -> Figures:
    """Precision-recall curve of each training, the baseline dashed."""
    curves = {
        part: metric_curves.precision_recall(scored) for part, scored in _raw(predictions).items()
    }
    figures = {}
    for part, band in curves.items():
        figure, axes = _small("recall", "precision")
        _behind(axes, curves, part)
        _draw(axes, band)
        axes.set(xlim=(0, 1), ylim=(0, 1.02))
        figures[names[part]] = figure
    return figures


def f1_by_threshold(predictions: TablePredictions, names: Mapping[str, str]) -> Figures:
    """F1 on test against the threshold, the baseline dashed; with two classes."""
    raw = {part: scored for part, scored in _raw(predictions).items() if _binary(scored)}
    curves = {part: metric_curves.f1_by_threshold(scored) for part, scored in raw.items()}
    top = max((band.high.max() for band in curves.values()), default=1) * 1.05
    figures = {}
    for part, band in curves.items():
        figure, axes = _small("decision threshold", "F1 on test")
        axes.axvline(0.5, color="0.7", linewidth=0.8, linestyle=":")
        _behind(axes, curves, part)
        _draw(axes, band)
        axes.set(xlim=(0, 1), ylim=(0, top))
        figures[names[part]] = figure
    return figures


def losses(predictions: TablePredictions, names: Mapping[str, str]) -> Figures:
    """Training loss and log loss on validation of each training that has curves."""
    figures = {}
    for part, fits in predictions.fits.items():
        if not any(fit.curves for fit in fits):
            continue
        figure, axes = _small("optimizer step", "loss (nats per row)")
        for name, words, style in (
            ("train/loss", "training loss", "--"),
            ("val/log_loss", "validation log loss", "-"),
        ):
            curves = [fit.curves[name] for fit in fits if fit.curves.get(name)]
            if curves:
                _draw(axes, metric_curves.steps(curves), style, words)
        axes.set_ylim(bottom=0)
        axes.legend(fontsize=7, frameon=False)
        figures[names[part]] = figure
    return figures


def reliability(predictions: TablePredictions) -> Figures:
    """Observed frequency against predicted probability; the diagonal is perfect calibration."""
    figures = {}
    for label, scored in predictions.scored.items():
        band = metric_curves.reliability(scored)
        figure, axes = _small("predicted probability", "observed frequency")
        top = min(1.0, max(band.x.max(), band.high.max()) * 1.08 + 1e-6)
        axes.plot([0, top], [0, top], color="0.6", linestyle=":")
        axes.fill_between(band.x, band.low, band.high, color="0.8", linewidth=0)
        axes.plot(band.x, band.mean, "o-", color="black", markersize=3.5, linewidth=1)
        axes.set(xlim=(0, top), ylim=(0, top))
        figures[label] = figure
    return figures


def confusions(predictions: TablePredictions, table: Leaderboard) -> Figures:
    """Confusion matrices summed over seeds; shades are shares of the actual class."""
    classes = table.facts["classes"]
    if table.class_count > len(classes):
        return {}  # too many to be seen
    return {
        label: _confusion(
            np.sum([classification.confusion(*each, len(classes)) for each in decided], axis=0),
            classes,
        )
        for label, decided in predictions.decided.items()
    }


def recalls(predictions: TablePredictions, analysis: Analysis) -> Figures:
    """Recall of each class against its training rows, the baseline grey; for three or more."""
    table = analysis.table
    if table.binary:
        return {}
    classes, none = table.class_count, analysis.baseline
    parts = dict(zip(table.runs["label"], table.runs["training_part"], strict=True))
    points = {}
    for label, decided in predictions.decided.items():
        rows = np.mean([fit.class_rows for fit in predictions.fits[parts[label]]], axis=0)
        found = np.mean([classification.class_recalls(*each, classes) for each in decided], axis=0)
        points[label] = rows, found
    figures = {}
    for label, point in points.items():
        figure, axes = _small("training rows of the class", "recall")
        if none in points and label != none:
            axes.plot(*points[none], "o", color="0.75", markersize=3.5)
        axes.plot(*point, "o", color="black", markersize=3.5)
        axes.set(xscale="log", ylim=(-0.02, 1.02))
        _few_ticks(axes, point[0])
        figures[label] = figure
    return figures


def _few_ticks(axes: Axes, sizes: Floats) -> None:
    """The ends of a logarithmic axis, as plain numbers."""
    ends = sorted({float(sizes.min()), float(sizes.max())})
    axes.set_xticks(ends, [f"{end:,.0f}" for end in ends])
    axes.minorticks_off()


def _confusion(counts: Floats, classes: Sequence[str]) -> Figure:
    shares = classification.shares_of_actual(counts)
    figure, axes = _small("predicted", "actual")
    axes.imshow(shares, cmap="Greys", vmin=0, vmax=1, aspect="auto")
    axes.grid(False)
    if len(classes) > MOST_NAMED:
        return figure
    few = len(classes) == 2
    for row, column in np.ndindex(*counts.shape):
        share = shares[row, column]
        text = f"{counts[row, column]:,.0f}\n{share:.1%}" if few else f"{100 * share:.0f}"
        colour = "white" if share > 0.5 else "black"
        size = 9 if few else 6
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=size)
    names = [_short(name, 16 if few else 8) for name in classes]
    places = range(len(classes))
    axes.set_xticks(places, names, rotation=0 if few else 90)
    axes.set_yticks(places, names, rotation=90 if few else 0, va="center")
    return figure


def _raw(predictions: TablePredictions) -> dict[str, list[metric_curves.Scored]]:
    """Test labels and logits of each training, before any post-hoc step."""
    return {
        part: [(fit.test.labels, fit.test.best, fit.test.weights) for fit in fits]
        for part, fits in predictions.fits.items()
    }


def _binary(scored: Sequence[metric_curves.Scored]) -> bool:
    return all(logits.shape[1] == 2 for _, logits, _ in scored)


def _draw(axes: Axes, band: Band, style: str = "-", label: str = "") -> None:
    axes.fill_between(band.x, band.low, band.high, color="0.82", linewidth=0)
    axes.plot(band.x, band.mean, style, color="black", linewidth=1.3, label=label)


def _behind(axes: Axes, curves: Mapping[str, Band], part: str) -> None:
    if part != comparison.NONE and comparison.NONE in curves:
        plain = curves[comparison.NONE]
        axes.plot(plain.x, plain.mean, "--", color="0.45", linewidth=1, zorder=3)


def _small(x: str, y: str) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3, 2.3), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(x, fontsize=9)
    axes.set_ylabel(y, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.locator_params(nbins=4)
    axes.grid(alpha=0.25)
    return figure, axes


def _rows(labels: list[str], x: str) -> tuple[Figure, Axes]:
    """One row a strategy."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 1 + 0.28 * len(labels)), layout="constrained")
    axes = figure.add_subplot(xlabel=x)
    axes.set_yticks(range(len(labels)), [_short(label, 34) for label in labels])
    axes.set_ylim(-0.6, len(labels) - 0.4)
    axes.grid(axis="x", alpha=0.3)
    return figure, axes


def _two_columns(rows: int) -> tuple[Figure, tuple[Axes, Axes]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 1 + 0.28 * rows), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    return figure, (left, right)


def _short(text: str, most: int = 16) -> str:
    """Cut, and without a meaning to matplotlib, which reads mathematics between dollars."""
    return (text if len(text) <= most else text[: most - 1] + "…").replace("$", r"\$")
