"""The report: one self-contained HTML file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from markupsafe import Markup

from benchmark import __version__
from benchmark.metrics.classification import shares_of_actual
from benchmark.protocol.text import percent, seeds
from benchmark.results.analysis import Analysis
from benchmark.results.predicted import TablePredictions
from benchmark.results.report import charts, markdown, tables
from benchmark.results.report.curves import Chart
from benchmark.results.report.forest import Forest, forests
from benchmark.results.report.tables import TextTable
from benchmark.results.report.templates import content_hash, environment, source
from benchmark.results.sentence import Sentence
from benchmark.results.verdict import findings, headline

MOST_NAMED = 12  # classes of a confusion matrix


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix: (share of the actual class, shade from 0 to 9) of each cell."""

    label: str
    rows: list[tuple[str, list[tuple[str, int]]]]  # actual class, cells


@dataclass(frozen=True)
class Section:
    """One leaderboard, ready for the template."""

    title: str
    synthetic: bool
    chips: list[str]
    headline: list[Sentence]
    findings: list[Sentence]
    forests: list[Forest]
    charts: list[Chart]
    data: str  # JSON for the script
    grids: list[TextTable]
    troubles: list[str]
    classes: list[str]
    matrices: list[Matrix]
    conditions: dict[str, str]
    command: str


def report(sections: Sequence[Section]) -> str:
    """Render the page. Everything that came from a store is escaped."""
    templates = environment()
    templates.filters |= {"breakable": _breakable, "together": _together}
    style, script = map(source, ("style.css", "report.js"))
    return templates.get_template("page.html").render(
        sections=sections,
        style=style,
        script=script,
        # the browser takes this style and this script, and no others
        hashes={"style": content_hash(style), "script": content_hash(script)},
    )


def _breakable(label: str) -> Markup:
    """Escape the name of a strategy, which may break between its words."""
    return Markup("<wbr>").join(re.split(r"(?<=[+_ ])|(?=\()", label))


def _together(number: str) -> str:
    """Let a mean and its deviation, and an interval, stay on one line."""
    return re.sub(r" ± |(?<=\d), ", lambda found: found[0].replace(" ", "\u00a0"), number)


def section(analysis: Analysis, more: Sequence[TextTable] = ()) -> Section:
    """A leaderboard with its plots, and further tables after its own."""
    table = analysis.table
    training_of = dict(zip(table.runs["label"], table.runs["training_part"], strict=True))
    predictions = TablePredictions(table.row_errors.predicted, training_of)
    drawn, data = charts.data(analysis, predictions)
    return Section(
        title=markdown.title(table),
        synthetic=table.facts["source"] != "real",
        chips=_chips(analysis, predictions),
        headline=headline(analysis),
        findings=findings(analysis),
        forests=forests(analysis),
        charts=drawn,
        data=data,
        grids=[*tables.tables(analysis), *_confusion(analysis, predictions), *more],
        troubles=markdown.troubles(table),
        classes=table.facts["classes"],
        matrices=_matrices(analysis, predictions),
        conditions=markdown.conditions(table),
        command=table.command,
    )


def _chips(analysis: Analysis, predictions: TablePredictions) -> list[str]:
    """What a reader wants to know first: when, of what, how much."""
    table, facts = analysis.table, analysis.table.facts
    day = datetime.fromtimestamp(table.newest / 1000, UTC).strftime("%Y-%m-%d")
    rows = facts.get("rows", sum(facts["counts"]))
    # a task may make the data rarer in positives than it comes
    positive = predictions.prevalence if predictions.predicted else facts["counts"][1] / rows
    prevalence = (
        f"{percent(positive, 1)} {facts['classes'][1]}"
        if table.binary
        else f"{table.class_count:,} classes"
    )
    count = table.runs["label"].nunique()
    return [
        day,
        f"{rows:,} rows",
        prevalence,
        f"{count} strateg{'y' if count == 1 else 'ies'}",
        seeds(int(table.runs["seed"].nunique())),
        f"Skewbench {__version__}",
    ]


def _confusion(analysis: Analysis, predictions: TablePredictions) -> list[TextTable]:
    """Confusion matrices of two classes as one table, if there are predictions."""
    if not analysis.table.binary or not predictions.predicted:
        return []
    return [tables.confusion(analysis, predictions.confusions(2))]


def _matrices(analysis: Analysis, predictions: TablePredictions) -> list[Matrix]:
    """Confusion matrices of 3 to 12 classes on test, in the order of the table."""
    names = analysis.table.facts["classes"]
    few = 2 < analysis.table.class_count == len(names) <= MOST_NAMED
    if not predictions.predicted or not few:
        return []
    counts = predictions.confusions(len(names))
    matrices = []
    for label in analysis.ranking.index:
        if label in counts:
            shares = shares_of_actual(counts[label])
            cells = [[(percent(it), min(9, int(10 * it))) for it in row] for row in shares]
            matrices.append(Matrix(str(label), list(zip(names, cells, strict=True))))
    return matrices
