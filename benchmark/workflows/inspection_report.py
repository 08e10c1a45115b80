"""An inspection for the terminal, as Markdown and as figures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.markup import escape as plain
from rich.table import Table as Grid

from benchmark.protocol.text import escape_markdown
from benchmark.tracking.notes import source_in_words
from benchmark.workflows.inspection import Inspection

if TYPE_CHECKING:
    from matplotlib.figure import Figure


BAR = 30  # characters of the largest class in the terminal
MOST_CLASSES = 40  # shown one by one: the largest and the smallest
SHEET_CLASSES = 12
SHEET_IMAGES = 8  # of each class
SHOWN = 15  # columns with missing values
HEADINGS = ("class", "rows", "share", "train", "validation", "test", "F1 on test ±")


def show(console: Console, found: Inspection) -> None:
    """Prints all of it."""
    grid = Grid(title=plain(f"{found.task}: {_origin(found)}"))
    for heading in (*HEADINGS, ""):
        grid.add_column(heading, justify="left" if heading in ("class", "") else "right")
    for label in _classes(found):
        length = BAR * found.counts[label] / found.counts.max()
        bar = "█" * int(length) or "▏"
        grid.add_row(*map(plain, _row(found, label)), f"[cyan]{bar}[/]")
    console.print(grid)
    for line in sentences(found):
        console.print(f"• {plain(line)}", highlight=False)


def markdown(found: Inspection) -> str:
    """All of it but the figures."""
    rows = [HEADINGS, ("---", *["---:"] * (len(HEADINGS) - 1))]
    rows += [tuple(map(escape_markdown, _row(found, label))) for label in _classes(found)]
    lines = [f"# {found.task}", "", escape_markdown(_origin(found)), ""]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    lines += ["", *(f"- {escape_markdown(line)}" for line in sentences(found))]
    return "\n".join(lines) + "\n"


def sentences(found: Inspection) -> Iterator[str]:
    """What the numbers mean, a line each."""
    hidden = len(found.counts) - len(_classes(found))
    if hidden:
        yield f"{hidden} classes of middling size are not shown"
    yield f"imbalance ratio {found.imbalance:,.1f}, of the largest class to the smallest"
    if found.unused:
        yield f"{found.unused:,} rows are in no split"
    if found.columns:
        yield f"{found.columns} columns to learn from; missing values: {_missing(found)}"
    if found.together:
        yield (
            f"{found.together:,} rows are together with others in one split: exact duplicates, or "
            "groups that were named"
        )
    else:
        yield "no exact duplicates"
    if found.contradictory:
        yield f"{found.contradictory:,} of these groups have rows of more than one class"
    yield from found.data.notes
    measure = "F1" if len(found.counts) == 2 else "macro-F1"
    yield (
        f"the test split tells {measure} to within ± {found.half_width:.3f}: 95 % interval of one "
        "run, where it is widest; strategies on the same rows, over seeds, are told apart sooner"
    )


def figures(found: Inspection) -> dict[str, Figure]:
    """Name -> figure: a histogram of the classes and, of images, some of each."""
    drawn = {"classes": _histogram(found)}
    return drawn | ({"images": _sheet(found)} if found.kind == "image" else {})


def _origin(found: Inspection) -> str:
    data = found.data
    return f"{source_in_words(data.source, data.origin)}, {len(data.labels):,} rows"


def _classes(found: Inspection, most: int = MOST_CLASSES) -> list[int]:
    """Labels by size, the largest first; of many those at both ends."""
    order: list[int] = np.argsort(-found.counts, kind="stable").tolist()
    return order if len(order) <= most else order[: most // 2] + order[-(most // 2) :]


def _row(found: Inspection, label: int) -> tuple[str, ...]:
    counts = found.counts
    return (
        found.data.classes[label],
        f"{counts[label]:,}",
        f"{counts[label] / counts.sum():.2%}",
        *(f"{part[label]:,}" for part in found.splits.values()),
        f"{found.half_widths[label]:.3f}",
    )


def _missing(found: Inspection) -> str:
    rows = len(found.data.labels)
    shown = [
        f"{name} {share:.1%}" if share >= 0.001 else f"{name} {share * rows:.0f} of {rows:,}"
        for name, share in [*found.missing.items()][:SHOWN]
    ]
    more = len(found.missing) - len(shown)
    return (", ".join(shown) or "none") + (f" and {more} more columns" if more else "")


def _histogram(found: Inspection) -> Figure:
    from matplotlib.figure import Figure

    labels = _classes(found)
    figure = Figure(figsize=(7, 1.5 + 0.25 * len(labels)), layout="constrained")
    axes = figure.add_subplot(xlabel="rows, by split", title="Classes")
    names = [_dollars(found.data.classes[label]) for label in labels]
    left = np.zeros(len(labels))
    for part, counts in found.splits.items():
        axes.barh(range(len(labels)), counts[labels], left=left, label=part)
        left += counts[labels]
    axes.set_yticks(range(len(labels)), names)
    axes.invert_yaxis()
    if found.imbalance > 100:
        axes.set_xscale("symlog", linthresh=10)
    axes.legend()
    return figure


def _sheet(found: Inspection) -> Figure:
    """Images of the largest and the smallest classes, drawn at random."""
    from matplotlib.figure import Figure

    labels = _classes(found, SHEET_CLASSES)
    figure = Figure(figsize=(SHEET_IMAGES + 1, 1.15 * len(labels)), layout="constrained")
    grid = figure.subplots(len(labels), SHEET_IMAGES, squeeze=False)
    rng = np.random.default_rng(0)
    for axes_of_class, label in zip(grid, labels, strict=True):
        members = rng.permutation(np.flatnonzero(found.data.labels == label))
        for axes in axes_of_class:
            axes.axis("off")
        for axes, row in zip(axes_of_class, members, strict=False):
            axes.imshow(found.data.rows[row])
        axes_of_class[0].set_title(_dollars(found.data.classes[label]), loc="left", fontsize=8)
    return figure


def _dollars(name: str) -> str:
    """Not taken for a formula."""
    return name.replace("$", r"\$")
