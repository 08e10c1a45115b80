"""The report: one self-contained HTML file."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.results.advice import Sentence
from benchmark.results.analysis import Analysis
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.predictions import TablePredictions
from benchmark.results.report import figures, markdown, tables
from benchmark.results.report.tables import TextTable
from benchmark.results.verdict import verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure


HERE = Path(__file__).parent


@dataclass(frozen=True)
class Image:
    """A figure inside a page."""

    name: str
    source: str  # data: URI


@dataclass(frozen=True)
class Group:
    """Figures that belong together."""

    title: str
    caption: str
    images: list[Image]
    wide: bool  # one across the page, instead of many side by side


@dataclass(frozen=True)
class Section:
    """One leaderboard, ready for the template."""

    title: str
    synthetic: bool
    verdict: list[Sentence]
    grids: list[TextTable]
    troubles: list[str]
    conditions: dict[str, str]
    command: str
    groups: list[Group]


def report(sections: Sequence[Section]) -> str:
    """Render the page. Everything that came from a store is escaped."""
    from jinja2 import Environment, FileSystemLoader

    templates = Environment(loader=FileSystemLoader(HERE), autoescape=True, trim_blocks=True)
    script = (HERE / "sort.js").read_text("utf-8")
    return templates.get_template("page.html").render(
        sections=sections,
        style=(HERE / "style.css").read_text("utf-8"),
        script=script,
        # the browser runs this script and no other
        hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def section(analysis: Analysis, predictions: TablePredictions) -> Section:
    """A leaderboard with its figures."""
    table = analysis.table
    return Section(
        title=markdown.title(table),
        synthetic=table.facts["source"] != "real",
        verdict=verdict(analysis),
        grids=tables.tables(analysis),
        troubles=markdown.troubles(table),
        conditions=markdown.conditions(table),
        command=table.command,
        groups=[group for group in _groups(analysis, predictions) if group.images],
    )


def _groups(analysis: Analysis, predictions: TablePredictions) -> list[Group]:
    return [*_wide_groups(analysis, predictions), *_small_groups(analysis, predictions)]


def _wide_groups(analysis: Analysis, predictions: TablePredictions) -> list[Group]:
    words = analysis.words
    return [
        _wide(
            f"Δ{words.f1} vs baseline by seed",
            "Grey dots are seeds, bars the mean, lines its 95 % confidence interval.",
            figures.differences(analysis),
        ),
        _wide(
            words.tuning,
            f"{words.f1} of each training at three {words.threshold}s."
            if analysis.table.binary
            else f"{words.f1} of each training with three sets of {words.threshold}.",
            figures.threshold_tuning(analysis) if predictions.fits else None,
        ),
        _wide(
            "Training time and quality",
            "Mean and standard deviation over seeds.",
            figures.cost(analysis) if analysis.complete else None,
        ),
    ]


def _small_groups(analysis: Analysis, predictions: TablePredictions) -> list[Group]:
    """Figures of each training or strategy, side by side."""
    table = analysis.table
    names = {training: _sharing(table, training) for training in predictions.fits}
    lines = "Mean over seeds, band of one standard deviation; dashed: the baseline."
    return [
        _many("Precision-recall curves", lines, figures.precision_recall(predictions, names)),
        _many(
            "F1 against the threshold",
            f"{lines} Dotted: 0.5.",
            figures.f1_by_threshold(predictions, names),
        ),
        _many(
            "Confusion matrices on test",
            "Summed over seeds, rows by their weight; shares of the actual class.",
            figures.confusions(predictions, table),
        ),
        _many(
            "Recall by class size",
            "One dot per class, mean over seeds; grey: the baseline.",
            figures.recalls(predictions, analysis),
        ),
        _many(
            "Calibration",
            "Observed frequency against predicted probability, bins of equal mass; the dotted line "
            "is perfect calibration.",
            figures.reliability(predictions),
        ),
        _many(
            "Loss during training",
            "Mean over seeds, band of one standard deviation. Training losses of strategies with "
            "weights are not comparable; log loss on validation is the same measure for all.",
            figures.losses(predictions, names),
        ),
    ]


def _sharing(table: Leaderboard, training: str) -> str:
    """The strategies that share a training."""
    labels = table.runs.loc[table.runs["training_part"] == training, "label"].drop_duplicates()
    return ", ".join(map(str, labels))


def _wide(title: str, caption: str, figure: Figure | None) -> Group:
    return Group(title, caption, [_image(title, figure)] if figure else [], True)


def _many(title: str, caption: str, figures: figures.Figures) -> Group:
    images = [_image(name, figure) for name, figure in figures.items()]
    return Group(title, caption, images, False)


def _image(name: str, figure: Figure) -> Image:
    import matplotlib

    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "none"}):  # letters as text: a third of the size
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return Image(name, "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode())
