"""Recommendations in the terminal."""

from __future__ import annotations

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from benchmark.protocol.text import command, share
from benchmark.results.constrained import Constrained
from benchmark.results.query import leaderboard_arguments
from benchmark.results.recommendation import Recommendation
from benchmark.results.report import costs, markdown, terminal
from benchmark.results.report.console import LINES


def show(console: Console, advice: Recommendation) -> None:
    """Print what to use and why, and what every other candidate would cost."""
    heading = f"{markdown.title(advice.table)}   {advice.table.facts['settings']}"
    console.print(escape(heading), highlight=False)
    terminal.print_sentences(console, advice.sentences)
    if advice.expected:
        console.print(terminal.text_table(costs.table(advice.expected)))
    if advice.constrained:
        console.print(_attained(advice.constrained))
    if advice.label:
        console.print(f"Export it:\n  {escape(_command(advice))}", soft_wrap=True)


def _attained(found: Constrained) -> Grid:
    assert found.goal.rule
    grid = Grid(
        **LINES,
        title=escape(f"{found.goal.name}, on test"),
        caption="thresholds chosen on validation; means over seeds, with 95 % confidence intervals",
    )
    headings = ("strategy", "threshold", found.goal.rule.objective, found.goal.rule.bounded)
    if found.goal.rule.objective == "capacity":
        headings = ("strategy", "threshold", "precision", "share")
    for number, heading in enumerate(headings):
        grid.add_column(heading, justify="right" if number else "left", overflow="fold")
    for one in sorted(found.strategies, key=lambda one: -one.mean):
        cells = [one.label, f"{np.mean(one.thresholds):.3g}"]
        cells += [share(part) for part in (found.value(one), found.kept(one))]
        grid.add_row(*map(escape, cells))
    return grid


def _command(advice: Recommendation) -> str:
    task, options = leaderboard_arguments(advice.table)
    return command("export", task, **options, cost=advice.costs, objective=advice.objective)
