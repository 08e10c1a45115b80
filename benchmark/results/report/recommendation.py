"""A recommendation for the terminal."""

from __future__ import annotations

import shlex

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from benchmark.metrics.costs import PER
from benchmark.protocol.text import interval
from benchmark.results.expected_cost import ExpectedCosts
from benchmark.results.recommendation import Recommendation, leaderboard_arguments
from benchmark.results.report import markdown, terminal


def show(console: Console, advice: Recommendation) -> None:
    """Prints what to use and why, and what every other way to decide would cost."""
    console.print(escape(f"{markdown.title(advice.table)}   {advice.table.facts['settings']}"))
    terminal.sentences(console, advice.sentences)
    if advice.prices:
        console.print(_grid(advice.prices))
    if advice.label:
        console.print(f"Export it:\n  {escape(_command(advice))}", soft_wrap=True)


def _grid(prices: ExpectedCosts) -> Grid:
    grid = Grid(
        title=f"expected cost for {PER:,} rows of test",
        caption="means over seeds; differences are to none at its own threshold, by seed, with the 95 % "
        "interval of the expected one",
    )
    for number, heading in enumerate(("strategy", "threshold", "at", "cost", "less none's")):
        grid.add_column(heading, justify="left" if number < 2 else "right")
    for way in sorted((*prices.ways, prices.plain), key=lambda way: way.mean):
        difference = interval(way.less(prices.plain, prices.overlap), 1)
        cells = [way.label, way.rule, f"{np.mean(way.thresholds):.3g}", f"{way.mean:,.1f}"]
        grid.add_row(*map(escape, [*cells, "" if way is prices.plain else difference]))
    for way in prices.one_way:
        grid.add_row(escape(f"every row {way.label!r}"), "", "", f"{way.mean:,.1f}", "")
    return grid


def _command(advice: Recommendation) -> str:
    words = [
        "uv",
        "run",
        "python",
        "-m",
        "benchmark",
        "export",
        *leaderboard_arguments(advice.table),
    ]
    return shlex.join([*words, *(["--cost", str(advice.costs)] if advice.costs else [])])
