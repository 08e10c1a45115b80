"""Leaderboards in the terminal."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from benchmark.protocol.errors import without_passwords
from benchmark.protocol.text import command
from benchmark.results.analysis import Analysis
from benchmark.results.report import markdown, tables
from benchmark.results.sentence import Sentence
from benchmark.results.verdict import findings, headline
from benchmark.tracking.store import Store, resolve


def console(stderr: bool = False) -> Console:
    """Return a console as wide as the terminal, or 140 columns where there is none."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else 140)


def show(console: Console, analysis: Analysis) -> None:
    """Print the first table, the headline and the findings; the files hold all of it."""
    table, grid = analysis.table, tables.leaderboard(analysis)
    shown = Grid(
        title=escape(f"{markdown.title(table)}   {table.facts['settings']}"),
        caption=f"on test, mean ± standard deviation over seeds   {markdown.account(table)}",
    )
    for number, heading in enumerate(grid.headings):
        shown.add_column(heading, justify="right" if number else "left", no_wrap=number < 3)
    for row in grid.rows:
        shown.add_row(*(escape(cell.text) for cell in row))
    console.print(shown)
    for note in table.facts.get("notes", ()):
        console.print(f"[yellow]data:[/] {escape(note)}", highlight=False)
    if table.mixed:
        console.print(f"[yellow]mixed:[/] {escape(markdown.mixed(table))}", highlight=False)
    print_sentences(console, headline(analysis))
    found = findings(analysis)
    if found:
        console.print("[dim]Findings[/]")
        print_sentences(console, found)


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
        command = shlex.join(["uv", "run", "mlflow", "ui", "--backend-store-uri", uri])
        console.print(f"  {escape(command)}", soft_wrap=True)
        address = "http://127.0.0.1:5000"
    console.print(
        f"  {escape(f'{address}/#/experiments/{store.experiment}{page}')}", soft_wrap=True
    )


def where_next(console: Console, store: Store) -> None:
    """Print how to open the runs in MLflow, as commands that can be pasted."""
    in_mlflow(console, store, "Compare the runs in MLflow:", "?workflowType=machine_learning")
    tracking = "" if store.uri == resolve("") else without_passwords(store.uri)
    line = command("leaderboard", output="my-leaderboard.md", tracking=tracking)
    console.print(f"Write the leaderboard:\n  {escape(line)}", soft_wrap=True)
