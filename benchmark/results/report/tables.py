"""Tables of a leaderboard as text, laid out the same in every format."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd

from benchmark.metrics.classification import shares_of_actual
from benchmark.metrics.posterior import WITHIN
from benchmark.protocol.arrays import Floats
from benchmark.protocol.text import percent, probability
from benchmark.results.analysis import THRESHOLDS, Analysis
from benchmark.results.comparison import UNCALIBRATED
from benchmark.results.outlook import TUNED


@dataclass(frozen=True)
class TextCell:
    """A number as text, and the value that it sorts by."""

    text: str
    value: float = math.nan


@dataclass(frozen=True)
class TextTable:
    """One table: a row of cells for each strategy, the first cell its name."""

    title: str
    caption: str
    headings: tuple[str, ...]
    rows: list[list[TextCell]]
    words: tuple[str, ...] = ()  # headings of columns that hold words, not numbers
    narrow: tuple[str, ...] = ()  # headings that a narrow screen has room for; all where empty

    def classes(self, column: int) -> str:
        """Classes of style.css for the cells of a column."""
        heading = self.headings[column]
        kinds = {"words": heading in self.words, "wide": self.narrow and heading not in self.narrow}
        return " ".join(name for name, applies in kinds.items() if applies)


def tables(analysis: Analysis) -> list[TextTable]:
    """All tables of a leaderboard, the most read first."""
    sizes = [] if analysis.table.binary else [by_class_size(analysis)]
    return [
        leaderboard(analysis),
        *sizes,
        threshold_tuning(analysis),
        calibration(analysis),
        further(analysis),
    ]


def leaderboard(analysis: Analysis) -> TextTable:
    """F1 at each strategy's own threshold, and its difference to the baseline."""
    runs, words = analysis.table.runs, analysis.words
    precision = runs.groupby("label")["test/average_precision"].agg(["mean", "std"])
    rows = []
    for label, row in analysis.ranking.iterrows():
        rows.append(
            [
                TextCell(str(label)),
                _spread(row["f1"], row["f1_sd"]),
                TextCell(_interval(row["difference"], row["low"], row["high"]), row["difference"]),
                TextCell(_p(row["p"]), row["p"]),
                TextCell(probability(row["best"]), row["best"]),
                TextCell(probability(row["within"]), row["within"]),
                TextCell(_number(row["regret"]), row["regret"]),
                _spread(*precision.loc[str(label)]),
                TextCell(_seeds(row), row["finished"]),
            ]
        )
    f1, ap = words.f1, words.headings()["test/average_precision"]
    caption = (
        "On test, at the checkpoint chosen on validation; mean ± standard deviation over seeds. "
        f"{_simultaneous(analysis)} P(best): probability of the highest expected {f1}; expected "
        f"regret: {f1} lost on average against the best."
    )
    tuned = analysis.race.outlooks.get(TUNED) if analysis.race else None
    if tuned:
        caption += f" P(best) of {TUNED}, which no strategy here is: {probability(tuned.best)}."
    headings = (
        *("strategy", f1, f"Δ{f1} vs baseline", "p", "P(best)", f"P(within {WITHIN})"),
        *("expected regret", ap, "seeds"),
    )
    title = f"{f1} at each strategy's own {words.threshold}"
    narrow = (*headings[:3], "P(best)")
    return TextTable(title, caption, headings, rows, narrow=narrow)


def threshold_tuning(analysis: Analysis) -> TextTable:
    """F1 of each training without tuning, at the tuned and at the best threshold."""
    binary, words, names = analysis.table.binary, analysis.words, analysis.words.headings()
    rows = [
        [
            TextCell(str(row["label"])),
            _spread(row["at_half"], row["at_half_sd"]),
            _spread(row["tuned"], row["tuned_sd"]),
            TextCell(_interval(row["difference"], row["low"], row["high"]), row["difference"]),
            TextCell(_p(row["p"]), row["p"]),
            TextCell(
                _interval(row["ap_difference"], row["ap_low"], row["ap_high"]), row["ap_difference"]
            ),
            TextCell(_p(row["ap_p"]), row["ap_p"]),
            _spread(row["upper_bound"], row["upper_bound_sd"]),
            *([TextCell(_number(row["threshold"]), row["threshold"])] if binary else []),
        ]
        for _, row in analysis.tuning.iterrows()
    ]
    caption = (
        f"One row per training: {words.f1} on test {words.plain}, at the {words.threshold} tuned "
        f"on validation, and at the best {words.threshold} on test itself, an upper bound; average "
        f"precision (AP) needs no {words.threshold}. {_simultaneous(analysis)}"
    )
    plain, tuned, upper_bound = (names[f"test/f1_{threshold}"] for threshold in THRESHOLDS)
    last = ("tuned threshold",) if binary else ()
    headings = (
        *("training", plain, tuned, f"Δ{words.f1} vs baseline", "p", "ΔAP vs baseline", "p"),
        *(upper_bound, *last),
    )
    narrow = ("training", tuned, f"Δ{words.f1} vs baseline")
    return TextTable(words.tuning, caption, headings, rows, narrow=narrow)


def _simultaneous(analysis: Analysis) -> str:
    """How the differences of a table are to be read."""
    return (
        f"Differences to the baseline are paired by seed; the {analysis.confidence} intervals of "
        "one column hold together (Bonferroni), and so do its p (Holm)."
    )


def calibration(analysis: Analysis) -> TextTable:
    """Calibration error, Brier score and log loss, best calibrated first."""
    names = ("test/ece", "test/brier", "test/log_loss")
    caption = (
        "Expected calibration error (ECE, ten bins of equal mass), Brier score, log loss (nats per "
        f"row): lower is better. Calibrated: whether ECE is significantly below {UNCALIBRATED} "
        "(yes) or above it (no)."
    )
    grid = _means(analysis, "Calibration", caption, names, True)
    rows = [
        [*row, TextCell(analysis.calibrated.get(row[0].text, "-"), row[1].value)]
        for row in grid.rows
    ]
    headings = (*grid.headings, "calibrated")
    narrow = (*headings[:2], headings[-1])
    return TextTable(grid.title, grid.caption, headings, rows, narrow=narrow)


def further(analysis: Analysis) -> TextTable:
    """Other measures, best balanced accuracy first."""
    names = ("balanced_accuracy", "precision", "recall", "mcc", "roc_auc")
    if not analysis.table.binary:  # balanced accuracy is the macro recall
        names = ("balanced_accuracy", "accuracy", "precision", "mcc", "roc_auc")
    measures, f1 = (*(f"test/{name}" for name in names), "timing/training"), analysis.words.f1
    caption = (
        "At each strategy's own threshold; strategies with the same training time share one "
        f"training. The interquartile mean (IQM) of {f1} over seeds is robust to an outlier."
    )
    grid = _means(analysis, "Further measures", caption, measures, False)
    iqm = analysis.ranking["f1_iqm"]
    rows = [[*row, TextCell(_number(iqm[row[0].text]), iqm[row[0].text])] for row in grid.rows]
    headings = (*grid.headings, f"{f1} (IQM)")
    return TextTable(grid.title, grid.caption, headings, rows, narrow=headings[:4])


def by_class_size(analysis: Analysis) -> TextTable:
    """Accuracy by class size, with more than two classes; best balanced accuracy first."""
    groups = [f"test/accuracy_{name}" for name in ("many", "medium", "few")]
    measured = [name for name in groups if analysis.table.runs[name].notna().any()]
    caption = (
        "Accuracy on test rows of classes with more than 100, 20 to 100 and fewer than 20 "
        "training rows; MAP at 5 is the mean of 1 / rank of the true class among the first five."
    )
    names = ("test/balanced_accuracy", "test/accuracy", *measured, "test/map_at_5")
    grid = _means(analysis, "By class size", caption, names, False)
    return replace(grid, narrow=(grid.headings[0], *grid.headings[3:-1]))


def confusion(analysis: Analysis, counts: Mapping[str, Floats]) -> TextTable:
    """Confusion matrices of two classes, one per row, in the order of the leaderboard.

    Args:
        counts: label -> (actual, predicted) by weight, summed over seeds.
    """
    rows = [
        [
            TextCell(str(label)),
            *(
                TextCell(f"{count:,.0f} ({percent(share)})", share)
                for count, share in zip(
                    counts[label].ravel(), shares_of_actual(counts[label]).ravel(), strict=True
                )
            ),
        ]
        for label in analysis.ranking.index
        if label in counts
    ]
    caption = (
        "Rows on test by their weight, summed over seeds, and their share of the actual class. "
        f"Positive is {analysis.table.facts['classes'][1]}."
    )
    counted = ("true negatives", "false positives", "false negatives", "true positives")
    headings, narrow = ("strategy", *counted), ("strategy", *counted[1::2])
    return TextTable("Confusion matrices on test", caption, headings, rows, narrow=narrow)


def _means(
    analysis: Analysis, title: str, caption: str, names: tuple[str, ...], rising: bool
) -> TextTable:
    """Mean and spread of measures, ordered by the first."""
    table, headings = analysis.table, analysis.words.headings()
    numbers = table.summary().sort_values((names[0], "mean"), ascending=rising, kind="stable")
    rows = [
        [
            TextCell(str(label)),
            *(_spread(row[name, "mean"], row[name, "std"], _places(name)) for name in names),
        ]
        for label, row in numbers.iterrows()
    ]
    return TextTable(title, caption, ("strategy", *(headings[name] for name in names)), rows)


def spread(analysis: Analysis, label: str, metric: str) -> str:
    """Format the mean of a measure and its standard deviation over seeds."""
    values = analysis.table.runs.loc[analysis.table.runs["label"] == label, metric]
    return _spread(values.mean(), values.std()).text


def _places(metric: str) -> int:
    return 1 if metric.startswith("timing") else 3


def _number(value: float, places: int = 3) -> str:
    return "-" if math.isnan(value) else f"{value:.{places}f}"


def _spread(mean: float, spread: float, places: int = 3) -> TextCell:
    """Format ``0.815 ± 0.012``; no spread for one seed."""
    text = _number(mean, places)
    return TextCell(text if math.isnan(spread) else f"{text} ± {spread:.{places}f}", mean)


def _interval(mean: float, low: float, high: float) -> str:
    if math.isnan(mean):
        return "-"
    return f"{mean:+.3f}" if math.isnan(low) else f"{mean:+.3f} [{low:.3f}, {high:.3f}]"


def _p(value: float) -> str:
    return "-" if math.isnan(value) else "< 0.001" if value < 0.001 else f"{value:.3f}"


def _seeds(row: pd.Series) -> str:
    """Number of finished seeds, with what became of the others."""
    finished, planned = int(row["finished"]), int(row[["finished", "failed", "missing"]].sum())
    notes = [f"{int(row[state])} {state}" for state in ("failed", "missing") if row[state]]
    notes += [f"{int(row['collapsed'])} collapsed"] if row["collapsed"] else []
    count = str(finished) if finished == planned else f"{finished} of {planned}"
    return f"{count} ({', '.join(notes)})" if notes else count
