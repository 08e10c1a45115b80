"""The tables of a leaderboard as text, laid out the same in every format."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from benchmark.results import comparison
from benchmark.results.leaderboard import Leaderboard


@dataclass(frozen=True)
class TextCell:
    """A number as people read it, and as it sorts."""

    text: str
    value: float = math.nan


@dataclass(frozen=True)
class TextTable:
    """One table: a heading and a row of cells for each strategy, the first cell its name."""

    title: str
    caption: str
    headings: tuple[str, ...]
    rows: list[list[TextCell]]


def tables(table: Leaderboard) -> list[TextTable]:
    """All tables of a leaderboard, the most read first."""
    sizes = [] if table.binary else [by_class_size(table)]
    return [
        leaderboard(table),
        *sizes,
        threshold_tuning(table),
        probabilities(table),
        further(table),
    ]


def leaderboard(table: Leaderboard) -> TextTable:
    """F1 as each strategy decides, and what is known of its difference to `none`."""
    precision = table.runs.groupby("label")["test/average_precision"].agg(["mean", "std"])
    rows = []
    for label, row in comparison.leaderboard(table).iterrows():
        rows.append(
            [
                TextCell(str(label)),
                _spread(row["f1"], row["f1_sd"]),
                TextCell(_interval(row["difference"], row["low"], row["high"]), row["difference"]),
                TextCell(_share(row["above"]), row["above"]),
                TextCell(_p(row["p"]), row["p"]),
                TextCell(_rank(row), row["rank"]),
                _spread(*precision.loc[str(label)]),
                TextCell(_seeds(row), row["finished"]),
            ]
        )
    caption = (
        "On test, at the checkpoint that validation chose; mean ± standard deviation over seeds. "
        "Differences are to none at the same seed, with the 95 % interval of the expected one and "
        "the probability that it is above zero; p by Holm over all p of this page; ranks with what "
        "all pairs together leave possible at 95 %."
    )
    if comparison.one_test_split(table):
        caption += " All seeds were tested on the same rows, and what is said holds for these."
    f1, precise = table.words.f1, table.words.headings()["test/average_precision"]
    headings = ("strategy", f1, f"{f1} less none's", "P(better)", "p", "rank", precise, "seeds")
    return TextTable(f"{f1} as decided", caption, headings, rows)


def threshold_tuning(table: Leaderboard) -> TextTable:
    """How much of a strategy was only a moved threshold."""
    rows = [
        [
            TextCell(str(row["label"])),
            _spread(row["at_half"], row["at_half_sd"]),
            _spread(row["tuned"], row["tuned_sd"]),
            TextCell(_interval(row["difference"], row["low"], row["high"]), row["difference"]),
            TextCell(_p(row["p"]), row["p"]),
            _spread(row["upper_bound"], row["upper_bound_sd"]),
            *([TextCell(_number(row["threshold"]), row["threshold"])] if table.binary else []),
        ]
        for _, row in comparison.decision_account(table).iterrows()
    ]
    words, names = table.words, table.words.headings()
    caption = (
        f"One row a training: {words.f1} on test {words.plain}, at the {words.threshold} tuned on "
        f"validation (less plain training's), and at the best {words.threshold} on test itself, which "
        "nobody can reach."
    )
    plain, tuned, upper_bound = (
        names[f"test/f1_{threshold}"] for threshold in comparison.THRESHOLDS
    )
    last = ("tuned threshold",) if table.binary else ()
    headings = ("training", plain, tuned, "less none's", "p", upper_bound, *last)
    return TextTable(words.moved, caption, headings, rows)


def probabilities(table: Leaderboard) -> TextTable:
    """Whether the probabilities can be believed, best calibrated first."""
    names = ("test/ece", "test/brier", "test/log_loss")
    caption = (
        "Calibration error (ECE, ten bins of equal mass), Brier score, log loss (nats per row): "
        "the lower, the more a probability means what it says. p is that of an ECE of 0.05."
    )
    grid = _means(table, "Whether probabilities can be believed", caption, names, True)
    claimed = comparison.claims_on(table, "test/ece")
    p = {label: claim.p for label, claim in claimed.items()}
    found = [p.get(row[0].text, math.nan) for row in grid.rows]
    rows = [[*row, TextCell(_p(it), it)] for row, it in zip(grid.rows, found, strict=True)]
    return TextTable(grid.title, grid.caption, (*grid.headings, "p"), rows)


def further(table: Leaderboard) -> TextTable:
    """Other measures, best balanced accuracy first."""
    names = ("balanced_accuracy", "precision", "recall", "mcc", "roc_auc")
    if not table.binary:  # balanced accuracy is the macro recall
        names = ("balanced_accuracy", "accuracy", "precision", "mcc", "roc_auc")
    chosen, f1 = (*(f"test/{name}" for name in names), "seconds/training"), table.words.f1
    caption = (
        f"As decided; strategies with the same training time share one training. The {f1} of the "
        "middle half of the seeds (interquartile mean) forgives an outlier."
    )
    grid = _means(table, "Further measures", caption, chosen, False)
    middle = comparison.leaderboard(table)["f1_iqm"]
    rows = [
        [*row, TextCell(_number(middle[row[0].text]), middle[row[0].text])] for row in grid.rows
    ]
    return TextTable(grid.title, grid.caption, (*grid.headings, f"{f1}, middle half"), rows)


def by_class_size(table: Leaderboard) -> TextTable:
    """Of more than two classes: where the tail is won or lost, best balanced accuracy first."""
    groups = [f"test/accuracy_{name}" for name in ("many", "medium", "few")]
    known = [name for name in groups if table.runs[name].notna().any()]
    caption = (
        "Accuracy of the test rows whose class has above 100, 20 to 100 and below 20 training "
        "rows; MAP at 5 is the mean of 1 / place of the true class among the first five."
    )
    names = ("test/balanced_accuracy", "test/accuracy", *known, "test/map_at_5")
    return _means(table, "By class size", caption, names, False)


def _means(
    table: Leaderboard, title: str, caption: str, names: tuple[str, ...], rising: bool
) -> TextTable:
    """Mean and spread of measures, ordered by the first."""
    numbers = table.summary().sort_values((names[0], "mean"), ascending=rising, kind="stable")
    rows = [
        [
            TextCell(str(label)),
            *(_spread(row[name, "mean"], row[name, "std"], _places(name)) for name in names),
        ]
        for label, row in numbers.iterrows()
    ]
    return TextTable(
        title, caption, ("strategy", *(table.words.headings()[name] for name in names)), rows
    )


def _places(metric: str) -> int:
    return 1 if metric.startswith("seconds") else 3


def _number(value: float, places: int = 3) -> str:
    return "-" if math.isnan(value) else f"{value:.{places}f}"


def _spread(mean: float, spread: float, places: int = 3) -> TextCell:
    """``0.815 ± 0.012``; no spread for one seed."""
    text = _number(mean, places)
    return TextCell(text if math.isnan(spread) else f"{text} ± {spread:.{places}f}", mean)


def _interval(mean: float, low: float, high: float) -> str:
    if math.isnan(mean):
        return "-"
    return f"{mean:+.3f}" if math.isnan(low) else f"{mean:+.3f} [{low:.3f}, {high:.3f}]"


def _share(value: float) -> str:
    if math.isnan(value):
        return "-"
    return "> 99 %" if value > 0.99 else "< 1 %" if value < 0.01 else f"{100 * value:.0f} %"


def _p(value: float) -> str:
    return "-" if math.isnan(value) else "< 0.001" if value < 0.001 else f"{value:.3f}"


def _rank(row: pd.Series) -> str:
    if math.isnan(row["rank"]):
        return "-"
    ends = "" if math.isnan(row["rank_low"]) else f" [{row['rank_low']:.0f}-{row['rank_high']:.0f}]"
    return f"{row['rank']:.1f}{ends}"


def _seeds(row: pd.Series) -> str:
    """``10``, or what became of the others."""
    finished, planned = int(row["finished"]), int(row[["finished", "failed", "missing"]].sum())
    notes = [f"{int(row[state])} {state}" for state in ("failed", "missing") if row[state]]
    notes += [f"{int(row['collapsed'])} collapsed"] if row["collapsed"] else []
    count = str(finished) if finished == planned else f"{finished} of {planned}"
    return f"{count} ({', '.join(notes)})" if notes else count
