"""A leaderboard for the terminal."""

from __future__ import annotations

import shlex
import sys

from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from benchmark.errors import without_passwords
from benchmark.leaderboard import COLUMNS, Table
from benchmark.report import markdown
from benchmark.tracking.store import Store, resolve

SHOWN = (
    "test/f1",
    "test/f1_at_half",
    "test/f1_tuned",
    "test/average_precision",
    "test/roc_auc",
    "test/brier",
)


def console(stderr: bool = False) -> Console:
    """A console as wide as the terminal; wide enough for a table where there is none."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else 130)


def show(console: Console, table: Table) -> None:
    """Prints the columns that fit a terminal; the files hold all of them."""
    grid = Grid(
        title=escape(f"{markdown.title(table)}   {table.facts['settings']}"),
        caption=f"mean ± standard deviation over seeds, on test   {markdown.account(table)}",
    )
    grid.add_column("strategy")
    for name in SHOWN:
        grid.add_column(COLUMNS[name], justify="right")
    grid.add_column("seeds", justify="right")
    summary = table.summary()
    if summary["cells", "collapsed"].any():
        grid.caption = f"{grid.caption}\ncollapsed: at some seed every test row got the same class"
    for label, row in summary.iterrows():
        numbers = [markdown.number(row[name, "mean"], row[name, "std"], name) for name in SHOWN]
        lost = int(row["cells", "failed"] + row["cells", "missing"])
        seeds = str(int(row["cells", "finished"])) + (f" ({lost} lost)" if lost else "")
        mark = " [yellow](collapsed)[/]" if row["cells", "collapsed"] else ""
        grid.add_row(f"{escape(str(label))}{mark}", *numbers, seeds)
    console.print(grid)


def where_next(console: Console, store: Store) -> None:
    """Says how to open the runs in MLflow, as commands that can be pasted."""
    uri = without_passwords(store.uri)
    address = uri
    if not address.startswith(("http://", "https://")):
        console.print("Compare the runs in MLflow:")
        command = shlex.join(["uv", "run", "mlflow", "ui", "--backend-store-uri", uri])
        console.print(f"  {escape(command)}", soft_wrap=True)
        address = "http://127.0.0.1:5000"
    page = f"{address}/#/experiments/{store.experiment}?workflowType=machine_learning"
    console.print(f"  {escape(page)}", soft_wrap=True)
    where = [] if store.uri == resolve("") else ["--tracking", uri]
    words = ["uv", "run", "python", "-m", "benchmark", "leaderboard"]
    command = shlex.join([*words, "--output", "my-leaderboard.md", *where])
    console.print(f"Write the leaderboard:\n  {escape(command)}", soft_wrap=True)
