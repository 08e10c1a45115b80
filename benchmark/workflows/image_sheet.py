"""Sheets of images with captions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmark.protocol.arrays import Array, Ints
from benchmark.protocol.task import Data
from benchmark.workflows.neighbours import Neighbours

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 8
SUSPECTS = 40  # images
TWINS = 20  # pairs
LONGEST = 26  # characters of a caption's line


def figures(data: Data, found: Neighbours) -> dict[str, Figure]:
    """Draw the images with suspicious labels and, if there are any, near-duplicates: by name."""
    suspects = found.suspects[:SUSPECTS]
    captions = [f"{data.classes[data.labels[row]]}?" for row in suspects]
    drawn = {"suspicious_labels": sheet(data, suspects, captions)}
    if len(found.twins):
        pairs = found.twins[:TWINS].ravel()
        captions = [data.classes[data.labels[row]] for row in pairs]
        drawn["near_duplicates"] = sheet(data, pairs, captions)
    return drawn


def sheet(data: Data, rows: Ints, captions: Sequence[str]) -> Figure:
    """Draw images in lines of `COLUMNS`, each with its caption and, if known, its file."""
    from matplotlib.figure import Figure

    lines = -(-len(rows) // COLUMNS)
    figure = Figure(figsize=(1.6 * COLUMNS, 1.95 * lines), layout="constrained")
    grid = figure.subplots(lines, COLUMNS, squeeze=False).ravel()
    for axes in grid:
        axes.axis("off")
    for axes, row, caption in zip(grid, rows, captions, strict=False):
        pixels: Array = data.rows[row]
        axes.imshow(pixels)
        name = data.names[row][-LONGEST:] if data.names else f"row {row}"
        axes.set_title(literal(f"{caption[:LONGEST]}\n{name}"), fontsize=7)
    return figure


def literal(text: str) -> str:
    """Escape dollars, which matplotlib reads as a formula."""
    return text.replace("$", r"\$")
