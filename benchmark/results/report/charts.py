"""Data of all that the report draws, as JSON: curves of all strategies, and measures.

`report.js` draws them. A strategy keeps its colour and dashes in all charts and all reports.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmark.protocol import registry
from benchmark.protocol.arrays import Floats
from benchmark.results.analysis import Analysis
from benchmark.results.predicted import TablePredictions
from benchmark.results.report import curves
from benchmark.results.report.curves import Chart

COLOURS, DASHES = 8, 3  # that style.css has
MOST_POINTS = 51  # of a curve
MOST_SHOWN = 5  # strategies, before the reader chooses
SCALE = 1000  # numbers are sent as thousandths
MEASURES = (
    *("test/f1_tuned", "test/f1", "test/average_precision", "test/roc_auc", "test/ece"),
    *("test/brier", "test/log_loss", "test/balanced_accuracy", "test/precision", "test/recall"),
    *("test/mcc", "timing/training"),
)


def data(analysis: Analysis, predictions: TablePredictions) -> tuple[list[Chart], str]:
    """Return the charts of a leaderboard, and all that is drawn as JSON."""
    drawn = [chart for chart in curves.charts(analysis, predictions) if chart.series]
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
