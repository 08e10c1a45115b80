"""The report: one HTML file that needs nothing else, not even a network."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.results import comparison
from benchmark.results.analysis import Sentence
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
    """A figure as a page holds it."""

    name: str
    source: str  # data: URI


@dataclass(frozen=True)
class Group:
    """Figures that belong together."""

    title: str
    caption: str
    images: list[Image]
    wide: bool  # one across the page, not many side by side


@dataclass(frozen=True)
class Section:
    """One leaderboard, ready to be laid out."""

    title: str
    synthetic: bool
    verdict: list[Sentence]
    grids: list[TextTable]
    troubles: list[str]
    conditions: dict[str, str]
    command: str
    groups: list[Group]


def report(sections: Sequence[Section]) -> str:
    """The page. Whatever came from a store is escaped."""
    from jinja2 import Environment, FileSystemLoader

    templates = Environment(loader=FileSystemLoader(HERE), autoescape=True, trim_blocks=True)
    script = (HERE / "sort.js").read_text("utf-8")
    return templates.get_template("page.html").render(
        sections=sections,
        style=(HERE / "style.css").read_text("utf-8"),
        script=script,
        # the browser runs this script and no other, whatever else came into the page
        hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def section(table: Leaderboard, evidence: TablePredictions) -> Section:
    """A table with its figures."""
    return Section(
        title=markdown.title(table),
        synthetic=table.facts["source"] != "real",
        verdict=verdict(table),
        grids=tables.tables(table),
        troubles=markdown.troubles(table),
        conditions=markdown.conditions(table),
        command=table.command,
        groups=[group for group in _groups(table, evidence) if group.images],
    )


def _groups(table: Leaderboard, evidence: TablePredictions) -> list[Group]:
    names = {part: _sharing(table, part) for part in evidence.fits}
    words = table.words
    lines = "Mean over seeds, band of one standard deviation; dashed: none."
    return [
        _wide(
            "Difference to none, seed by seed",
            "Grey dots are seeds, bars the mean, lines its 95 % interval.",
            figures.differences(table),
        ),
        _wide(
            words.moved,
            f"{words.f1} of each training, decided in three ways.",
            figures.moved_threshold(table) if evidence.fits else None,
        ),
        _wide(
            "Cost against quality",
            "Mean and standard deviation over seeds.",
            figures.cost(table) if comparison.complete(table) else None,
        ),
        _many("Precision against recall", lines, figures.precision_recall(evidence, names)),
        _many(
            "F1 against the threshold",
            f"{lines} Dotted: 0.5.",
            figures.f1_by_threshold(evidence, names),
        ),
        _many(
            "Confusion on test",
            "Summed over seeds; shares of the true class.",
            figures.confusions(evidence, table),
        ),
        _many(
            "Recall by class size",
            "A dot a class, mean over seeds; grey: none.",
            figures.recalls(evidence, table),
        ),
        _many(
            "Reliability",
            "Bins of equal mass; on the dotted line a probability means what it says.",
            figures.reliability(evidence),
        ),
        _many(
            "Loss while training",
            "Mean over seeds, band of one standard deviation. Training losses differ in what they "
            "weigh; log loss on validation is the same measure for all.",
            figures.losses(evidence, names),
        ),
    ]


def _sharing(table: Leaderboard, part: str) -> str:
    """The strategies that share a training part."""
    labels = table.runs.loc[table.runs["training_part"] == part, "label"].drop_duplicates()
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
