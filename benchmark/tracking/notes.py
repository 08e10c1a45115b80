"""What MLflow shows as the description of a run, in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.protocol.grid import Cell, Training
from benchmark.protocol.text import escape_markdown


def of_cell(training: Training, cell: Cell) -> str:
    """One cell: what it is, on which data, and what it shares."""
    conditions = training.conditions
    shared = [other.label for other in training.cells if other.identity != cell.identity]
    lines = [
        f"Strategy **{escape_markdown(cell.label)}** (in full {escape_markdown(cell.strategy)}) on task "
        f"**{conditions.task}**, seed {cell.seed}.",
        "",
        f"- data: {escape_markdown(source_in_words(conditions.source, conditions.origin))}, "
        f"content `{conditions.content}`",
        f"- {escape_markdown(classes_in_words(conditions.classes, len(conditions.classes)))}",
        f"- settings: {escape_markdown(conditions.settings_text)}",
        f"- budget: {conditions.budget}",
        "- `test/...` are the weights chosen on validation, `test_last_step/...` the last ones; "
        "what is no network is fitted whole: it has no checkpoints, steps or curves",
    ]
    if shared:
        lines.append(f"- one training serves this run and {escape_markdown(', '.join(shared))}")
    return "\n".join(lines)


def classes_in_words(classes: Sequence[str], count: int) -> str:
    """The positive one of two classes; how many there are of more."""
    return f"positive class: {classes[1]}" if count == 2 else f"classes: {count:,}"


def source_in_words(source: str, origin: str) -> str:
    """Real data by its place; the stand-in loudly."""
    return f"real, {origin}" if source == "real" else f"SYNTHETIC STAND-IN ({origin})"
