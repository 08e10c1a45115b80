"""An inspection as a page: what to look at before training, and the columns one by one."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from benchmark.protocol.text import SYNTHETIC_BANNER, percent
from benchmark.results.report.document import Document, Part
from benchmark.results.report.tables import TextCell, TextTable
from benchmark.workflows import inspection_columns as columns
from benchmark.workflows import inspection_report as report
from benchmark.workflows.drift import LEAST
from benchmark.workflows.inspection import Inspection

if TYPE_CHECKING:
    from matplotlib.figure import Figure


WANTED = 0.05  # half-width of F1 that a reader can use
NAMED = 3  # columns in a headline


def page(inspection: Inspection, figures: Mapping[str, Figure]) -> Document:
    """Lay out an inspection, with the figures of images."""
    data = inspection.data
    parts = [
        Part("Classes and splits", (), [_classes(inspection)]),
        Part("What the test split can resolve", list(_resolution(inspection))),
    ]
    if inspection.kind == "table":
        parts += [_leaks(inspection), _drifts(inspection), _conflicts(inspection)]
        parts += [Part("Notes on the data", _notes(inspection))]
        parts += [Part("Columns", list(columns.sentences(data)), [_columns(inspection)])]
    else:
        images = {name: _png(it) for name, it in figures.items()}
        parts += [Part("Images", _notes(inspection), (), images)]
    return Document(
        f"{inspection.task}: {data.origin}",
        list(_chips(inspection)),
        list(_headline(inspection)) or ["Nothing suspicious was found."],
        parts,
    )


def _chips(inspection: Inspection) -> Iterator[str]:
    data = inspection.data
    if data.source != "real":
        yield SYNTHETIC_BANNER
    yield f"{len(data.labels):,} rows"
    if len(data.classes) == 2:
        yield f"{percent(inspection.counts[1] / inspection.counts.sum(), 1)} {data.classes[1]}"
    else:
        yield f"{len(data.classes):,} classes"
    yield f"imbalance ratio {inspection.imbalance:,.1f}"
    if inspection.columns:
        yield f"{inspection.columns:,} feature columns"


def _headline(inspection: Inspection) -> Iterator[str]:
    """What to look at before training, the worst first."""
    drifts = list(inspection.drifts)
    leaks = [column.name for column in inspection.suspects if column.leaks]
    suspects = [column.name for column in inspection.suspects if not column.leaks]
    if leaks:
        yield f"{_named(leaks)} alone tell{'s' * (len(leaks) == 1)} the class: a leak?"
    if suspects:
        verb = "ranks" if len(suspects) == 1 else "rank"
        yield f"{_named(suspects)} alone {verb} rows well: known before the class is?"
    if inspection.conflicts:
        yield f"{inspection.conflicts.rows:,} rows have a twin of another class."
    if drifts:
        verb = "differs" if len(drifts) == 1 else "differ"
        yield f"{_named(drifts)} {verb} between training and test."
    if inspection.half_width > 2 * WANTED:
        yield f"Test rows are few: F1 of one run is known to ± {inspection.half_width:.2f}."


def _named(names: list[str]) -> str:
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return f"{'Column' if len(names) == 1 else 'Columns'} {', '.join(names[:NAMED])}{more}"


def _notes(inspection: Inspection) -> list[str]:
    """All sentences but those that have parts of their own."""
    own = ("columns:", "columns that differ", "on this test split")
    return [it for it in report.sentences(inspection) if not it.startswith(own)]


def _classes(inspection: Inspection) -> TextTable:
    return TextTable(
        "Classes and splits",
        "Splits of the first seed. F1 on test ±: half of its 95 % confidence interval in one run, "
        "at its widest.",
        report.HEADINGS,
        [list(map(TextCell, row)) for row in report.rows(inspection)],
    )


def _resolution(inspection: Inspection) -> Iterator[str]:
    """How exactly F1 is known, and how many test rows would be enough."""
    *_, told = report.sentences(inspection)
    yield told
    binary = len(inspection.counts) == 2
    label = 1 if binary else int(np.argmin(inspection.splits["test"]))
    rows, half = int(inspection.splits["test"][label]), float(inspection.half_widths[label])
    if half > WANTED:
        needed = math.ceil(rows * (half / WANTED) ** 2)
        yield (
            f"± {WANTED} for {inspection.data.classes[label]} takes {needed:,} test rows of that "
            f"class, not {rows:,}: a larger test=, or folds=, by which every row is tested once"
        )


def _leaks(inspection: Inspection) -> Part:
    title = "Leak candidates"
    if not inspection.suspects:
        return Part(title, ["No column alone predicts the class well in the training rows."])
    rows = [
        [
            TextCell(column.name),
            TextCell(f"{column.auc:.4f}", column.auc),
            TextCell("almost certain" if column.leaks else ""),
        ]
        for column in inspection.suspects
    ]
    caption = (
        "ROC AUC of a tree on this column alone, fitted on one half of the training rows and "
        "tested on the other. A column that is known only after the class is makes every result "
        "worthless: drop= leaves it out."
    )
    headings = ("column", "ROC AUC alone", "a leak")
    return Part(title, (), [TextTable(title, caption, headings, rows, ("a leak",))])


def _drifts(inspection: Inspection) -> Part:
    title = "Drift between splits"
    if not inspection.drifts:
        return Part(title, [f"No column differs by {LEAST} or more between training and test."])
    rows = [[TextCell(name), TextCell(f"{it:.2f}", it)] for name, it in inspection.drifts.items()]
    caption = (
        "Distance of the distributions in training and test, 0 to 1: Kolmogorov-Smirnov of "
        "numbers, total variation of categories; significant at 0.001 over all columns."
    )
    return Part(title, (), [TextTable(title, caption, ("column", "distance"), rows)])


def _conflicts(inspection: Inspection) -> Part:
    found, data = inspection.conflicts, inspection.data
    title = "Duplicates and label conflicts"
    if not found:
        return Part(title, ["No two rows are equal but for their class."])
    rows = [
        [
            TextCell(", ".join(f"{row + 1:,}" for row in twins)),
            TextCell(", ".join(data.classes[label] for label in data.labels[list(twins)])),
        ]
        for twins in found.examples
    ]
    caption = (
        "The first of the rows that are equal in all features but not in class, numbered among "
        "those that have a class. No model can be right on all of them."
    )
    groups = f"{found.groups:,} group{'s' * (found.groups != 1)}"
    said = f"{found.rows:,} rows in {groups} are equal but for their class."
    return Part(title, [said], [TextTable(title, caption, ("rows", "classes"), rows, ("classes",))])


def _columns(inspection: Inspection) -> TextTable:
    rows = [list(map(TextCell, row)) for row in columns.rows(inspection.data)]
    words = ("used as", "values", "remarks")
    caption = "As they are read, and what is done with them."
    return TextTable("Columns", caption, columns.HEADINGS, rows, words)


def _png(figure: Figure) -> str:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110)
    return base64.b64encode(file.getvalue()).decode()
