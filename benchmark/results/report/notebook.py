"""Leaderboards in a notebook: HTML without style or script, and a plot of intervals."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from io import StringIO
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console

from benchmark.protocol.arguments import suggest
from benchmark.protocol.errors import UserError
from benchmark.results.analysis import Analysis
from benchmark.results.comparison import QUESTIONS, Claim
from benchmark.results.report import markdown, summary, terminal
from benchmark.results.sentence import Sentence
from benchmark.results.verdict import headline

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 100  # columns of a notebook's output
# as in the report, for light and dark backgrounds alike
BETTER, WORSE, OPEN = "#00926a", "#d1431f", "#7a808a"


def leaderboard(analysis: Analysis) -> str:
    """The verdict and the table, as HTML."""
    columns = summary.columns(analysis)
    heads = "".join(f"<th>{escape(column.heading)}</th>" for column in columns)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
        for cells in zip(*(column.cells for column in columns), strict=True)
    )
    return (
        f"<h4>{escape(markdown.title(analysis.table))}</h4>{sentences(headline(analysis))}"
        f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
        f"<p><small>{escape(summary.caption(analysis))}</small></p>"
    )


def sentences(said: Sequence[Sentence]) -> str:
    """Sentences as a list in HTML, each with its figures below it."""
    items = (
        escape(sentence.text)
        + (f"<br><small>{escape(sentence.figures)}</small>" if sentence.figures else "")
        for sentence in said
    )
    return f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>"


def text(said: Sequence[Sentence]) -> str:
    """Sentences as text, each with its figures in the next line."""
    lines = []
    for sentence in said:
        lines += [sentence.text, *([f"  {sentence.figures}"] if sentence.figures else [])]
    return "\n".join(lines)


def screen(analysis: Analysis) -> str:
    """The leaderboard as a terminal shows it."""
    shown = Console(file=StringIO(), width=WIDTH, force_jupyter=False, force_terminal=False)
    terminal.show(shown, analysis)
    assert isinstance(shown.file, StringIO)
    return shown.file.getvalue()


def plot(analysis: Analysis, measure: str, axes: Axes | None) -> Axes:
    """Draw the differences to the baseline in a measure of `QUESTIONS`, on axes or a new figure.

    Raises:
        UserError: for another measure, or if nothing can be compared.
    """
    names = [name.removeprefix("test/") for name in QUESTIONS]
    if measure not in names:
        raise UserError(f"no plot of {measure!r}: {suggest(measure, names)}")
    claims = sorted(analysis.claims_on(f"test/{measure}"), key=lambda claim: claim.mean)
    if not claims:
        raise UserError(analysis.problem or "there is no other strategy to compare")
    if axes is None:
        from matplotlib import pyplot

        size = (7.5, 1.2 + 0.3 * len(claims))
        _, axes = pyplot.subplots(figsize=size, layout="constrained")
    _draw(axes, analysis, claims)
    return axes


def _draw(axes: Axes, analysis: Analysis, claims: Sequence[Claim]) -> None:
    """Draw a line for each interval and a dot for each mean, the last claim on top."""
    places = np.arange(len(claims))
    for place, claim in zip(places.tolist(), claims, strict=True):
        significant = claim.p < analysis.level
        colour = (BETTER if claim.mean > 0 else WORSE) if significant else OPEN
        axes.plot([claim.low, claim.high], [place, place], color=colour, linewidth=2)
        face = colour if significant else axes.get_facecolor()
        axes.plot(claim.mean, place, "o", color=colour, markerfacecolor=face)
    axes.axvline(0, color="0.5", linewidth=1)
    axes.set_yticks(places, [claim.label for claim in claims])
    axes.set_ylim(-0.7, len(claims) - 0.3)
    name = analysis.words.headings()[claims[0].metric]
    axes.set_xlabel(f"Δ{name} vs baseline, {analysis.confidence} intervals")
    axes.set_title("filled: significant", fontsize="small", loc="right")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", alpha=0.3)
