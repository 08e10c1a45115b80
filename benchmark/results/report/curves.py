"""The report's charts: curves of all strategies laid over each other.

Lines are means over seeds, bands one standard deviation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from benchmark.metrics import curves
from benchmark.metrics.curves import Band, Ranked
from benchmark.protocol.text import percent
from benchmark.results.analysis import Analysis
from benchmark.results.predicted import TablePredictions

TENTH = 9  # place of 10 % in a curve of lift
DIAGONAL = [((0.0, 0.0), (1.0, 1.0))]


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


@dataclass(frozen=True)
class _Drawn:
    """What the charts of one leaderboard are drawn from."""

    analysis: Analysis
    predictions: TablePredictions

    @cached_property
    def ranked(self) -> dict[str, Ranked]:
        """Label of a training -> its rows of test in the order of their scores, by seed."""
        labels = self.analysis.trainings
        return {
            labels[part]: curves.ranked(
                [(fit.test.labels, fit.test.best, fit.test.weights) for fit in fits]
            )
            for part, fits in self.predictions.fits.items()
            if part in labels
        }

    @cached_property
    def gains(self) -> dict[str, Band]:
        """Label of a training -> its gains, of which the lift is made."""
        return {label: curves.gains(seeds) for label, seeds in self.ranked.items()}

    def means(self, metric: str, word: str) -> dict[str, str]:
        """Label -> the mean of a measure, after a word."""
        labels = self.predictions.predicted
        return {label: f"{word} {self.analysis.mean(label, metric):.3f}" for label in labels}

    @property
    def averaged(self) -> str:
        """What a caption says of several classes."""
        return "" if self.analysis.table.binary else "Averaged over classes. "


def charts(analysis: Analysis, predictions: TablePredictions) -> Iterator[Chart]:
    """Yield the charts of a leaderboard; none if no predictions are kept."""
    drawn = _Drawn(analysis, predictions)
    if predictions.fits:
        for chart in (*ALWAYS, *(BINARY if analysis.table.binary else MULTICLASS), _loss):
            yield chart(drawn)


def _precision_recall(drawn: _Drawn) -> Chart:
    prevalence, labels = drawn.predictions.prevalence, drawn.analysis.trainings
    binary = drawn.analysis.table.binary
    dot = "dot: at the tuned threshold; " if binary else ""
    return Chart(
        "precision-recall",
        "Precision-recall",
        f"{drawn.averaged}Dashed: the prevalence; {dot}AP: average precision.",
        "recall",
        "precision",
        {label: curves.precision_recall(seeds) for label, seeds in drawn.ranked.items()},
        lines=[((0, prevalence), (1, prevalence))],
        points=drawn.predictions.operating_points(labels) if binary else {},
        values=drawn.means("test/average_precision", "AP"),
    )


def _roc(drawn: _Drawn) -> Chart:
    return Chart(
        "roc",
        "ROC",
        f"{drawn.averaged}Dashed: chance.",
        "false positive rate",
        "true positive rate",
        {label: curves.roc(seeds) for label, seeds in drawn.ranked.items()},
        lines=DIAGONAL,
        values=drawn.means("test/roc_auc", "AUC"),
    )


def _calibration(drawn: _Drawn) -> Chart:
    return Chart(
        "calibration",
        "Calibration",
        "Bins of equal mass, after the strategy's own calibration. Dashed: perfect; ECE: expected "
        "calibration error.",
        "predicted probability",
        "observed frequency",
        {label: curves.reliability(seeds) for label, seeds in drawn.predictions.scored.items()},
        lines=DIAGONAL,
        values=drawn.means("test/ece", "ECE"),
    )


def _f1_by_threshold(drawn: _Drawn) -> Chart:
    return Chart(
        "f1-threshold",
        "F1 against the threshold",
        "On test. Dashed: a threshold of 0.5.",
        "decision threshold",
        "F1",
        {label: curves.f1_by_threshold(seeds) for label, seeds in drawn.ranked.items()},
        lines=[((0.5, 0), (0.5, 1))],
        values=drawn.means("test/f1_tuned", "tuned"),
        top=None,
    )


def _gains(drawn: _Drawn) -> Chart:
    return Chart(
        "gains",
        "Gains",
        "Positives among the rows with the highest scores. Dashed: rows taken at random.",
        "share of rows",
        "share of positives",
        drawn.gains,
        lines=DIAGONAL,
    )


def _lift(drawn: _Drawn) -> Chart:
    lifts = {label: curves.lift(gains) for label, gains in drawn.gains.items()}
    return Chart(
        "lift",
        "Lift",
        "Positives among the rows with the highest scores, over those of as many rows taken at "
        "random. Dashed: rows taken at random.",
        "share of rows",
        "lift",
        lifts,
        lines=[((0, 1), (1, 1))],
        values={
            label: f"{it.mean[TENTH]:.1f} at {percent(it.x[TENTH])}" for label, it in lifts.items()
        },
        top=None,
    )


def _recall_by_class(drawn: _Drawn) -> Chart:
    return Chart(
        "recall-class",
        "Recall by class size",
        "One point per class, mean over seeds.",
        "training rows of the class",
        "recall",
        drawn.predictions.recalls(drawn.analysis.table.class_count),
        top=None,
        log=True,
    )


def _loss(drawn: _Drawn) -> Chart:
    found, labels = {}, drawn.analysis.trainings
    for part, fits in drawn.predictions.fits.items():
        known = [fit.curves["val/log_loss"] for fit in fits if fit.curves.get("val/log_loss")]
        if known and part in labels:
            found[labels[part]] = curves.steps(known)
    return Chart(
        "log-loss",
        "Log loss on validation during training",
        "The same measure for all strategies, unlike their training losses.",
        "optimizer step",
        "log loss (nats per row)",
        found,
        top=None,
    )


ALWAYS: Sequence[Callable[[_Drawn], Chart]] = (_precision_recall, _roc, _calibration)
BINARY: Sequence[Callable[[_Drawn], Chart]] = (_f1_by_threshold, _gains, _lift)
MULTICLASS: Sequence[Callable[[_Drawn], Chart]] = (_recall_by_class,)
