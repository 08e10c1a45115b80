"""Data of the report's charts: curves of all strategies laid over each other, and measures.

`report.js` draws them. Lines are means over seeds, bands one standard deviation. A strategy keeps
its colour and dashes in all charts and all reports.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark.metrics import curves as metric_curves
from benchmark.metrics.curves import Band
from benchmark.protocol import registry
from benchmark.protocol.arrays import Floats
from benchmark.protocol.text import percent
from benchmark.results.analysis import Analysis
from benchmark.results.predicted import TablePredictions

COLOURS, DASHES = 8, 3  # that style.css has
MOST_POINTS = 51  # of a curve
MOST_SHOWN = 5  # strategies, before the reader chooses
TENTH = 9  # place of 10 % in a curve of lift
SCALE = 1000  # numbers are sent as thousandths
MEASURES = (
    *("test/f1_tuned", "test/f1", "test/average_precision", "test/roc_auc", "test/ece"),
    *("test/brier", "test/log_loss", "test/balanced_accuracy", "test/precision", "test/recall"),
    *("test/mcc", "timing/training"),
)


@dataclass(frozen=True)
class Chart:
    """Curves over one pair of axes.

    Attributes:
        key: part of its address in the page.
        lines: reference lines, ((x, y), (x, y)) each.
        series: label -> curve.
        points: label -> the point of the curve where the strategy decides.
        values: label -> number that sums the curve up, as text.
        top: end of both axes; None to fit the curves.
    """

    key: str
    title: str
    caption: str
    x: str
    y: str
    series: Mapping[str, Band]
    lines: Sequence[tuple[tuple[float, float], tuple[float, float]]] = ()
    points: Mapping[str, tuple[float, float]] | None = None
    values: Mapping[str, str] | None = None
    top: float | None = 1.0
    log: bool = False


def data(analysis: Analysis, predictions: TablePredictions) -> tuple[list[Chart], str]:
    """Return the charts of a leaderboard, and all that is drawn as JSON."""
    drawn = [chart for chart in _charts(analysis, predictions) if chart.series]
    best = [label for label in map(str, analysis.tuning["label"]) if label != analysis.baseline]
    labels = [*filter(None, [analysis.baseline]), *best]
    labels += [label for label in map(str, analysis.ranking.index) if label not in labels]
    shown = _shown(analysis)
    content = {
        "strategies": [
            {"name": label, "style": _style(label, analysis), "on": label in shown}
            for label in labels
        ],
        "charts": [_as_json(chart, labels) for chart in drawn],
        "measures": _measures(analysis, labels),
    }
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return drawn, text.replace("<", "\\u003c")  # so that no text ends the element


def _charts(analysis: Analysis, predictions: TablePredictions) -> Iterable[Chart]:
    if not predictions.fits:
        return
    labels, binary = analysis.trainings, analysis.table.binary
    ranked = {
        labels[part]: metric_curves.ranked(
            [(fit.test.labels, fit.test.best, fit.test.weights) for fit in fits]
        )
        for part, fits in predictions.fits.items()
        if part in labels
    }
    prevalence = predictions.prevalence
    macro, dot = (
        ("", "dot: at the tuned threshold; ") if binary else ("Averaged over classes. ", "")
    )
    yield Chart(
        "precision-recall",
        "Precision-recall",
        f"{macro}Dashed: the prevalence; {dot}AP: average precision.",
        "recall",
        "precision",
        {label: metric_curves.precision_recall(seeds) for label, seeds in ranked.items()},
        lines=[((0, prevalence), (1, prevalence))],
        points=predictions.operating_points(labels) if binary else {},
        values=_means(analysis, ranked, "test/average_precision", "AP"),
    )
    yield Chart(
        "roc",
        "ROC",
        f"{macro}Dashed: chance.",
        "false positive rate",
        "true positive rate",
        {label: metric_curves.roc(seeds) for label, seeds in ranked.items()},
        lines=[((0, 0), (1, 1))],
        values=_means(analysis, ranked, "test/roc_auc", "AUC"),
    )
    yield Chart(
        "calibration",
        "Calibration",
        "Bins of equal mass, after the strategy's own calibration. Dashed: perfect; ECE: expected "
        "calibration error.",
        "predicted probability",
        "observed frequency",
        {label: metric_curves.reliability(seeds) for label, seeds in predictions.scored.items()},
        lines=[((0, 0), (1, 1))],
        values=_means(analysis, predictions.scored, "test/ece", "ECE"),
    )
    if binary:
        gains = {label: metric_curves.gains(seeds) for label, seeds in ranked.items()}
        lifts = {label: metric_curves.lift(found) for label, found in gains.items()}
        yield Chart(
            "f1-threshold",
            "F1 against the threshold",
            "On test. Dashed: a threshold of 0.5.",
            "decision threshold",
            "F1",
            {label: metric_curves.f1_by_threshold(seeds) for label, seeds in ranked.items()},
            lines=[((0.5, 0), (0.5, 1))],
            values=_means(analysis, ranked, "test/f1_tuned", "tuned"),
            top=None,
        )
        yield Chart(
            "gains",
            "Gains",
            "Positives among the rows with the highest scores. Dashed: rows taken at random.",
            "share of rows",
            "share of positives",
            gains,
            lines=[((0, 0), (1, 1))],
        )
        yield Chart(
            "lift",
            "Lift",
            "Positives among the rows with the highest scores, over those of as many rows taken at "
            "random. Dashed: rows taken at random.",
            "share of rows",
            "lift",
            lifts,
            lines=[((0, 1), (1, 1))],
            values={
                label: f"{it.mean[TENTH]:.1f} at {percent(it.x[TENTH])}"
                for label, it in lifts.items()
            },
            top=None,
        )
    else:
        yield _recall_by_class(analysis, predictions)
    yield _loss(analysis, predictions)


def _recall_by_class(analysis: Analysis, predictions: TablePredictions) -> Chart:
    return Chart(
        "recall-class",
        "Recall by class size",
        "One point per class, mean over seeds.",
        "training rows of the class",
        "recall",
        predictions.recalls(analysis.table.class_count),
        top=None,
        log=True,
    )


def _loss(analysis: Analysis, predictions: TablePredictions) -> Chart:
    curves = {}
    for part, fits in predictions.fits.items():
        known = [fit.curves["val/log_loss"] for fit in fits if fit.curves.get("val/log_loss")]
        if known and part in analysis.trainings:
            curves[analysis.trainings[part]] = metric_curves.steps(known)
    return Chart(
        "log-loss",
        "Log loss on validation during training",
        "The same measure for all strategies, unlike their training losses.",
        "optimizer step",
        "log loss (nats per row)",
        curves,
        top=None,
    )


def _means(analysis: Analysis, labels: Iterable[str], metric: str, word: str) -> dict[str, str]:
    return {label: f"{word} {analysis.mean(label, metric):.3f}" for label in labels}


def _shown(analysis: Analysis) -> set[str]:
    """The baseline, and the trainings with the best tuned F1."""
    best = list(map(str, analysis.tuning["label"]))
    return {analysis.baseline, *best[: MOST_SHOWN - 1]}


def _style(label: str, analysis: Analysis) -> str:
    """Classes of style.css: the baseline has the colour of text."""
    if label == analysis.baseline:
        return "base"
    names = list(registry.strategies())
    number = names.index(label) if label in names else zlib.crc32(label.encode())
    return f"c{number % COLOURS} d{number // COLOURS % DASHES}"


def _as_json(chart: Chart, labels: Sequence[str]) -> dict[str, Any]:
    series = []
    for label, curve in chart.series.items():
        few = np.unique(
            np.linspace(0, len(curve.x) - 1, min(MOST_POINTS, len(curve.x))).astype(int)
        )
        entry: dict[str, Any] = {
            "n": labels.index(label),
            "x": _numbers(curve.x[few]),
            "y": _numbers(curve.mean[few]),
            "s": _numbers(curve.high[few] - curve.mean[few]),
        }
        if chart.points and label in chart.points:
            entry["p"] = _numbers(np.array(chart.points[label]))
        if chart.values and label in chart.values:
            entry["v"] = chart.values[label]
        series.append(entry)
    content = {
        "key": chart.key,
        "x": chart.x,
        "y": chart.y,
        "top": chart.top,
        "log": chart.log,
        "lines": chart.lines,
        "series": series,
    }
    grid = series[0]["x"]
    if all(entry["x"] == grid for entry in series):  # once for all
        content["grid"] = grid
        for entry in series:
            del entry["x"]
    return content


def _numbers(values: Floats) -> list[int]:
    return [round(SCALE * value) for value in np.nan_to_num(values).tolist()]


def _measures(analysis: Analysis, labels: Sequence[str]) -> list[dict[str, Any]]:
    """Every seed's value of every measure, by strategy; null where a run is not finished."""
    runs, names = analysis.table.runs, analysis.words.headings()
    found: list[dict[str, Any]] = []
    for metric in MEASURES:
        if metric in runs and runs[metric].notna().any():
            by_seed = runs.pivot(index="label", columns="seed", values=metric).reindex(list(labels))
            found.append(
                {
                    "name": names[metric],
                    "values": [
                        [None if np.isnan(value) else round(SCALE * value) for value in row]
                        for row in by_seed.to_numpy(np.float64).tolist()
                    ],
                }
            )
    return found
