"""Models side by side, as a table in the terminal and in Markdown."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from benchmark.protocol.text import escape_markdown
from benchmark.results.models import MEASURES, ModelTable
from benchmark.results.report import markdown, terminal

CAPTION = "on test, means over seeds; all models have the same splits"
DIGITS = {"timing/training": 1}


def headings(table: ModelTable) -> list[str]:
    """Name the columns."""
    words = next(iter(table.analyses.values())).words.headings()
    return ["model", "strategy", *(words[name] for name in MEASURES)]


def rows(table: ModelTable) -> list[list[str]]:
    """Format the cells, the best average precision first."""
    return [
        [model, label, *(f"{values[name]:.{DIGITS.get(name, 3)}f}" for name in MEASURES)]
        for model, label, values in table.rows
    ]


def show(console: Console, table: ModelTable) -> None:
    """Print the table and what follows from it."""
    grid = Grid(title="Models side by side", caption=CAPTION)
    for number, heading in enumerate(headings(table)):
        grid.add_column(heading, justify="right" if number > 1 else "left")
    for row in rows(table):
        grid.add_row(*map(escape, row))
    console.print(grid)
    terminal.print_sentences(console, list(table.sentences()))


def section(table: ModelTable) -> str:
    """Write the table and what follows from it in Markdown."""
    lines = ["## Models side by side", ""]
    lines += [*markdown.sentences(list(table.sentences())), ""]
    columns = headings(table)
    lines += [f"| {' | '.join(columns)} |", "| --- | --- |" + " ---: |" * (len(columns) - 2)]
    lines += [f"| {' | '.join(map(escape_markdown, row))} |" for row in rows(table)]
    return "\n".join([*lines, "", f"<sub>{CAPTION}</sub>"])
