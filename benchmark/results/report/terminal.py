"""Leaderboards in the terminal."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from benchmark.protocol.errors import without_passwords
from benchmark.protocol.text import command, runner
from benchmark.results.analysis import Analysis
from benchmark.results.report import markdown, summary
from benchmark.results.report.console import LINES
from benchmark.results.report.console import console as console
from benchmark.results.report.tables import TextTable
from benchmark.results.sentence import Sentence
from benchmark.results.verdict import findings, headline
from benchmark.tracking.store import Store, resolve, short
from benchmark.tracking.views import TABLE


def show(console: Console, analysis: Analysis) -> None:
    """Print the table, the headline and the findings; the files hold all of it."""
    table = analysis.table
    console.print(escape(markdown.title(table)), style="bold", highlight=False)
    console.print(_grid(summary.fitting(summary.columns(analysis), console.width)))
    console.print(escape(summary.caption(analysis)), style="dim", highlight=False)
    for note in table.facts.get("notes", ()):
        console.print(f"[yellow]data:[/] {escape(note)}", highlight=False)
    if table.mixed:
        console.print(f"[yellow]mixed:[/] {escape(markdown.mixed(table))}", highlight=False)
    print_sentences(console, headline(analysis))
    found = findings(analysis)
    if found:
        console.print("[dim]Findings[/]")
        print_sentences(console, found)


def _grid(columns: Sequence[summary.Column]) -> Grid:
    grid = Grid(**LINES)
    for number, column in enumerate(columns):
        grid.add_column(
            escape(column.heading),
            justify="right" if number else "left",
            width=column.width,
            vertical="bottom",
        )
    for row in zip(*(column.cells for column in columns), strict=True):
        grid.add_row(*map(escape, row))
    return grid


def text_table(table: TextTable) -> Grid:
    """Lay out a table of text, names and words to the left."""
    grid = Grid(**LINES, title=escape(table.title), caption=escape(table.caption))
    for number, heading in enumerate(table.headings):
        longest = max(map(len, heading.split()))
        is_text = number == 0 or heading in table.words
        justify: JustifyMethod = "left" if is_text else "right"
        grid.add_column(escape(heading), justify=justify, overflow="fold", min_width=longest)
    for row in table.rows:
        grid.add_row(*(escape(cell.text) for cell in row))
    return grid


def print_sentences(console: Console, sentences: Sequence[Sentence]) -> None:
    """Print each sentence with its figures below it."""
    for sentence in sentences:
        console.print(f"• {escape(sentence.text)}", highlight=False)
        if sentence.figures:
            console.print(Padding(Text(sentence.figures, style="dim"), (0, 0, 0, 2)))


def in_mlflow(console: Console, store: Store, heading: str, page: str) -> None:
    """Print how to open a page of the store's experiment."""
    uri = without_passwords(store.uri)
    address = uri
    if not address.startswith(("http://", "https://")):
        console.print(heading)
        words = shlex.join([*runner(), "mlflow", "ui", "--backend-store-uri", short(uri)])
        console.print(f"  {escape(words)}", soft_wrap=True)
        address = "http://127.0.0.1:5000"
    console.print(
        f"  {escape(f'{address}/#/experiments/{store.experiment}{page}')}", soft_wrap=True
    )


def where_next(console: Console, store: Store) -> None:
    """Print how to open the runs in MLflow, as commands that can be pasted."""
    in_mlflow(console, store, "Compare the runs in MLflow:", TABLE)
    tracking = "" if store.uri == resolve("") else without_passwords(store.uri)
    line = command("leaderboard", output="my-leaderboard.md", tracking=tracking)
    console.print(f"Write the leaderboard:\n  {escape(line)}", soft_wrap=True)
