"""The answer of a study: a paragraph, a table and a figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from benchmark.protocol.arrays import Floats
from benchmark.protocol.text import escape_markdown as harmless
from benchmark.results.report.markdown import conditions as conditions_of
from benchmark.results.study import Answer, Line, Measured
from benchmark.training.figures import svg

STYLES: tuple[dict[str, Any], ...] = (
    {"color": "black", "linestyle": "-", "marker": "o"},
    {"color": "black", "linestyle": "--", "marker": "s", "markerfacecolor": "white"},
    {"color": "0.45", "linestyle": "-", "marker": "^"},
    {"color": "0.45", "linestyle": "--", "marker": "D", "markerfacecolor": "white"},
    {"color": "black", "linestyle": ":", "marker": "v"},
    {"color": "0.45", "linestyle": ":", "marker": "x"},
)


def show(console: Console, question: str, answer: Answer) -> None:
    """Print the answer: its table, then its paragraph."""
    grid = Grid(title=escape(question), caption="mean over seeds with its 95 % confidence interval")
    for number, heading in enumerate(answer.headings):
        grid.add_column(heading, justify="right" if number else "left")
    for row in answer.rows:
        grid.add_row(*(escape(cell.replace(" [", "\n[")) for cell in row))
    console.print(grid)
    console.print(escape(answer.paragraph), highlight=False)


def markdown(name: str, question: str, answer: Answer, measured: Sequence[Measured]) -> str:
    """A Markdown page; its figure lies beside it as `name`.svg."""
    lines = [f"# {question}", "", harmless(answer.paragraph), "", f"![{question}]({name}.svg)"]
    lines += ["", f"| {' | '.join(answer.headings)} |"]
    lines += ["| --- |" + " ---: |" * (len(answer.headings) - 1)]
    lines += [f"| {' | '.join(map(harmless, row))} |" for row in answer.rows]
    lines += ["", "Means over seeds with 95 % confidence intervals, on test.", ""]
    for one in measured:
        conditions = conditions_of(one.table).items()
        lines += [f"**{harmless(one.arm.name)}**", ""]
        lines += [f"- {harmless(key)}: {harmless(value)}" for key, value in conditions]
        lines += [""]
    return "\n".join(lines)


def figure(answer: Answer) -> str:
    """Draw every line with its intervals, as SVG."""
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(7, 4.2), layout="constrained")
    axes = drawn.add_subplot(xlabel=answer.x, ylabel=answer.y)
    places = np.array(list(answer.ticks), np.float64)
    consecutive = np.allclose(np.diff(places), 1)
    if not consecutive:
        axes.set_xscale("log")
    axes.set_xticks(places, list(answer.ticks.values()))
    axes.minorticks_off()
    if min(it.mean for line in answer.lines for it in line.values) < 0:
        axes.axhline(0, color="0.6", linewidth=0.8)
    for number, line in enumerate(answer.lines):
        shift = (number - (len(answer.lines) - 1) / 2) * 0.012
        moved = places_of(line) + (10 * shift if consecutive else 0)
        moved = moved if consecutive else moved * (1 + 2 * shift)
        means = np.array([it.mean for it in line.values])
        reach = [0 if np.isnan(it.low) else it.high - it.mean for it in line.values]
        style = STYLES[number % len(STYLES)] | ({"linestyle": ""} if consecutive else {})
        axes.errorbar(
            moved,
            means,
            yerr=reach,
            label=line.name,
            capsize=2,
            elinewidth=0.8,
            markersize=5,
            **style,
        )
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, frameon=False, loc="best")
    return svg(drawn)


def places_of(line: Line) -> Floats:
    """Positions of a line on the x axis."""
    return np.asarray(line.places, np.float64)
