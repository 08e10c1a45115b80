"""Recommendations in the terminal."""

from __future__ import annotations

import numpy as np
from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.table import Table as Grid

from benchmark.metrics.costs import PER
from benchmark.protocol.text import command, interval
from benchmark.results.constrained import Constrained
from benchmark.results.expected_cost import ExpectedCosts
from benchmark.results.recommendation import Recommendation, leaderboard_arguments
from benchmark.results.report import markdown, terminal
from benchmark.results.report.console import LINES

WIDTHS = (18, 11, 9, 7, 18)  # letters of the columns of costs, at least


def show(console: Console, advice: Recommendation) -> None:
    """Print what to use and why, and what every other candidate would cost."""
    console.print(escape(f"{markdown.title(advice.table)}   {advice.table.facts['settings']}"))
    terminal.print_sentences(console, advice.sentences)
    if advice.expected:
        console.print(_grid(advice.expected))
    if advice.constrained:
        console.print(_attained(advice.constrained))
    if advice.label:
        console.print(f"Export it:\n  {escape(_command(advice))}", soft_wrap=True)


def _grid(costs: ExpectedCosts) -> Grid:
    grid = Grid(
        **LINES,
        title=f"expected cost per {PER:,} rows, on test",
        caption="means over seeds; differences to the baseline at its own threshold, paired by "
        "seed, with a 95 % confidence interval",
    )
    for number, heading in enumerate(("strategy", "rule", "threshold", "cost", "Δ vs baseline")):
        justify: JustifyMethod = "left" if number < 2 else "right"
        grid.add_column(heading, justify=justify, overflow="fold", min_width=WIDTHS[number])
    baseline = costs.baseline
    for candidate in sorted((*costs.candidates, baseline), key=lambda candidate: candidate.mean):
        cells = [candidate.label, candidate.rule, f"{np.mean(candidate.thresholds):.3g}"]
        cells.append(f"{candidate.mean:,.1f}")
        difference = interval(costs.difference(candidate, baseline), 1)
        grid.add_row(*map(escape, [*cells, "" if candidate is baseline else difference]))
    for constant in costs.constants:
        name = escape(f"every row {constant.label!r}")
        grid.add_row(name, "", "", f"{constant.mean:,.1f}", "")
    return grid


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
        cells += [interval(part, sign="") for part in (found.value(one), found.kept(one))]
        grid.add_row(*map(escape, cells))
    return grid


def _command(advice: Recommendation) -> str:
    task, options = leaderboard_arguments(advice.table)
    return command("export", task, **options, cost=advice.costs, objective=advice.objective)
