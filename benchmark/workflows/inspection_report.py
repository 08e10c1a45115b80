"""An inspection in the terminal, as Markdown and as figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.markup import escape as plain
from rich.table import Table as Grid

from benchmark.protocol.text import escape_markdown, listed, ratio
from benchmark.results.report import suite_forecast
from benchmark.results.report.console import LINES
from benchmark.tracking.notes import source_in_words
from benchmark.workflows import image_sheet
from benchmark.workflows import inspection_columns as columns
from benchmark.workflows.image_sheet import literal
from benchmark.workflows.inspection import Inspection

if TYPE_CHECKING:
    from matplotlib.figure import Figure


BAR, SHORTEST_BAR = 30, 6  # characters of the largest class in the terminal
BESIDE_BAR = 70  # characters of the columns beside it
MOST_CLASSES = 40  # shown one by one: the largest and the smallest
SHEET_CLASSES = 12
SHEET_IMAGES = 8  # of each class
SHOWN = 15  # columns with missing values
COLOURS = {"number": "none", "category": "cyan", "date": "green"}  # others are roles
HEADINGS = ("class", "rows", "share", "train", "validation", "test", "F1 on test ±")


def show(console: Console, inspection: Inspection) -> None:
    """Print the inspection."""
    console.print(plain(f"{inspection.task}: {_origin(inspection)}"), style="bold", highlight=False)
    grid = Grid(**LINES)
    for heading in HEADINGS:
        longest = max(map(len, heading.split()))
        right = heading != "class"
        grid.add_column(heading, justify="right" if right else "left", min_width=longest)
    grid.add_column("")
    longest_bar = max(SHORTEST_BAR, min(BAR, console.width - BESIDE_BAR))
    for label, row in zip(_classes(inspection), rows(inspection), strict=True):
        length = longest_bar * inspection.counts[label] / inspection.counts.max()
        bar = "█" * int(length) or "▏"
        grid.add_row(*map(plain, row), f"[cyan]{bar}[/]")
    console.print(grid)
    if inspection.data.columns:
        console.print(_columns(inspection))
    for line in sentences(inspection):
        console.print(f"• {plain(line)}", highlight=False)


def markdown(inspection: Inspection) -> str:
    """Everything but the figures."""
    ruler = ("---", *["---:"] * (len(HEADINGS) - 1))
    known = [tuple(map(escape_markdown, row)) for row in rows(inspection)]
    lines = [f"# {inspection.task}", "", escape_markdown(_origin(inspection)), ""]
    lines += _grid([HEADINGS, ruler, *known])
    if inspection.data.columns:
        described = [tuple(map(escape_markdown, row)) for row in columns.rows(inspection.data)]
        ruler = ("---", "---", "---:", "---:", "---", "---")
        lines += ["", *_grid([columns.HEADINGS, ruler, *described])]
    lines += ["", *(f"- {escape_markdown(line)}" for line in sentences(inspection))]
    return "\n".join(lines) + "\n"


def _grid(rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in rows]


def _columns(inspection: Inspection) -> Grid:
    """The columns of a table, one line each; those that are left out stand back."""
    grid = Grid(**LINES)
    for heading in columns.HEADINGS:
        right = heading in ("missing", "distinct")
        grid.add_column(
            heading,
            justify="right" if right else "left",
            overflow="fold",
            min_width=len(heading),
        )
    for row in columns.rows(inspection.data):
        style = "dim" if row[1] == "left out" else COLOURS.get(row[1], "bold")
        grid.add_row(*map(plain, row), style=style)
    return grid


def sentences(inspection: Inspection) -> Iterator[str]:
    """What the numbers mean, one line each."""
    hidden = len(inspection.counts) - len(_classes(inspection))
    if hidden:
        yield f"{hidden} classes of medium size are not shown"
    yield f"imbalance ratio {inspection.imbalance:,.1f} (largest to smallest class)"
    if inspection.unused:
        yield f"{inspection.unused:,} rows are in no split"
    if inspection.population is not None:
        rows = [
            f"{inspection.splits['test'][label]:,} {inspection.data.classes[label]}"
            for label in _classes(inspection)
        ]
        yield f"tested on {listed(rows)} rows, weighted to {ratio(inspection.population.tolist())}"
    if inspection.columns:
        yield f"{inspection.columns} feature columns; missing values: {_missing(inspection)}"
    yield from columns.sentences(inspection.data)
    if inspection.together:
        yield (
            f"{inspection.together:,} rows share a group with others, and so a split: exact "
            "duplicates, or groups that were named"
        )
    else:
        yield "no exact duplicates"
    if inspection.contradictory:
        yield f"{inspection.contradictory:,} of these groups have rows of more than one class"
    yield from inspection.data.notes
    if inspection.drifts:
        named = [f"{name} {value:.2f}" for name, value in inspection.drifts.items()]
        more = f" and {len(named) - SHOWN} more" if len(named) > SHOWN else ""
        yield (
            "columns that differ between training and test (distance of their distributions, 0 to "
            f"1): {', '.join(named[:SHOWN])}{more}"
        )
    if inspection.kind == "image":
        yield from _of_neighbours(inspection)
    if inspection.forecast:
        found = inspection.forecast
        yield from suite_forecast.forecast(found.outlook, found.calibration, found.model)
    measure = "F1" if len(inspection.counts) == 2 else "macro-F1"
    yield (
        f"on this test split {measure} of one run is known to ± {inspection.half_width:.3f} (95 % "
        "confidence interval, at its widest); paired differences over seeds are more precise"
    )


def _of_neighbours(inspection: Inspection) -> Iterator[str]:
    """What the features of images say, or what to do to have some."""
    found, data = inspection.neighbours, inspection.data
    if found is None:
        yield (
            "suspicious labels and near-duplicates are looked for in features: choose a frozen "
            "model of keras.applications, such as model=MobileNet, with its weights"
        )
        return
    if found.compared < len(data.labels):
        yield f"{found.compared:,} images, drawn at random, are compared with each other"
    if len(found.twins):
        first, second = (data.names[row] if data.names else f"row {row}" for row in found.twins[0])
        yield (
            f"{len(np.unique(found.twins)):,} images have almost the features of one in another "
            f"split, e.g. {first} and {second}: see the figure near_duplicates"
        )
    else:
        yield "no image has almost the features of one in another split"
    yield (
        f"the {min(image_sheet.SUSPECTS, len(found.suspects))} images whose nearest neighbours "
        "disagree most with their label are in the figure suspicious_labels: look whether their "
        "labels are right"
    )


def figures(inspection: Inspection) -> dict[str, Figure]:
    """A histogram of the classes and, for images, some of each: name -> figure."""
    drawn = {"classes": _histogram(inspection)}
    if inspection.kind == "image":
        drawn["images"] = _sheet(inspection)
    if inspection.neighbours is not None:
        drawn |= image_sheet.figures(inspection.data, inspection.neighbours)
    return drawn


def _origin(inspection: Inspection) -> str:
    data = inspection.data
    return f"{source_in_words(data.source, data.origin)}, {len(data.labels):,} rows"


def _classes(inspection: Inspection, most: int = MOST_CLASSES) -> list[int]:
    """Labels by size, largest first; of many classes, the largest and the smallest."""
    order: list[int] = np.argsort(-inspection.counts, kind="stable").tolist()
    return order if len(order) <= most else order[: most // 2] + order[-(most // 2) :]


def rows(inspection: Inspection) -> Iterator[tuple[str, ...]]:
    """Yield the line of each class, the largest first; see `HEADINGS`."""
    return (_row(inspection, label) for label in _classes(inspection))


def _row(inspection: Inspection, label: int) -> tuple[str, ...]:
    counts = inspection.counts
    return (
        inspection.data.classes[label],
        f"{counts[label]:,}",
        f"{counts[label] / counts.sum():.2%}",
        *(f"{part[label]:,}" for part in inspection.splits.values()),
        f"{inspection.half_widths[label]:.3f}",
    )


def _missing(inspection: Inspection) -> str:
    rows = len(inspection.data.labels)
    shown = [
        f"{name} {share:.1%}" if share >= 0.001 else f"{name} {share * rows:.0f} of {rows:,}"
        for name, share in [*inspection.missing.items()][:SHOWN]
    ]
    more = len(inspection.missing) - len(shown)
    return (", ".join(shown) or "none") + (f" and {more} more columns" if more else "")


def _histogram(inspection: Inspection) -> Figure:
    from matplotlib.figure import Figure

    labels = _classes(inspection)
    figure = Figure(figsize=(7, 1.5 + 0.25 * len(labels)), layout="constrained")
    axes = figure.add_subplot(xlabel="rows, by split", title="Classes")
    names = [literal(inspection.data.classes[label]) for label in labels]
    left = np.zeros(len(labels))
    for part, counts in inspection.splits.items():
        axes.barh(range(len(labels)), counts[labels], left=left, label=part)
        left += counts[labels]
    axes.set_yticks(range(len(labels)), names)
    axes.invert_yaxis()
    if inspection.imbalance > 100:
        axes.set_xscale("symlog", linthresh=10)
    axes.legend()
    return figure


def _sheet(inspection: Inspection) -> Figure:
    """Images of the largest and the smallest classes, drawn at random."""
    from matplotlib.figure import Figure

    labels = _classes(inspection, SHEET_CLASSES)
    figure = Figure(figsize=(SHEET_IMAGES + 1, 1.15 * len(labels)), layout="constrained")
    grid = figure.subplots(len(labels), SHEET_IMAGES, squeeze=False)
    rng = np.random.default_rng(0)
    for axes_of_class, label in zip(grid, labels, strict=True):
        members = rng.permutation(np.flatnonzero(inspection.data.labels == label))
        for axes in axes_of_class:
            axes.axis("off")
        for axes, row in zip(axes_of_class, members, strict=False):
            axes.imshow(inspection.data.rows[row])
        axes_of_class[0].set_title(literal(inspection.data.classes[label]), loc="left", fontsize=8)
    return figure
