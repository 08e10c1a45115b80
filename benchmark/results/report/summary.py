"""The table of the terminal: the columns that fit, the most important first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from benchmark.protocol.text import shorten_all
from benchmark.results.analysis import Analysis
from benchmark.results.report import markdown, tables

BETWEEN = 2  # letters between two columns
SHORTEST_NAME = 12  # letters


@dataclass(frozen=True)
class Column:
    """A column of text.

    Attributes:
        rank: the column with the highest number is left out first.
    """

    heading: str
    cells: tuple[str, ...]
    rank: int

    @property
    def width(self) -> int:
        """Letters of its widest cell, or of the longest word of its heading."""
        return max(map(len, (*self.heading.split(), *self.cells)))


def columns(analysis: Analysis) -> list[Column]:
    """Return all columns, in their order; the first names the strategy."""
    grid = tables.leaderboard(analysis)
    texts = list(zip(*([cell.text for cell in row] for row in grid.rows), strict=True))
    by_heading = dict(zip(grid.headings, texts, strict=True))
    strategy, f1, difference, p, best, within, regret, precision, seeds = grid.headings
    tuned = analysis.words.headings()["test/f1_tuned"]
    by_heading[tuned] = tuple(
        tables.spread(analysis, label, "test/f1_tuned") for label in analysis.ranking.index
    )
    ranks = (strategy, tuned, difference, best, f1, seeds, precision, p, within, regret)
    order = (strategy, tuned, f1, difference, p, best, within, regret, precision, seeds)
    return [Column(heading, by_heading[heading], ranks.index(heading)) for heading in order]


def fitting(columns: Sequence[Column], width: int) -> list[Column]:
    """Leave out the least important columns until the others fit.

    Names of strategies are cut in the middle where even four columns do not fit.
    """
    left = list(columns)
    while _width(left) > width and len(left) > 4:
        left.remove(max(left, key=lambda column: column.rank))
    first = left[0]
    room = max(SHORTEST_NAME, first.width - max(0, _width(left) - width))
    return [replace(first, cells=tuple(shorten_all(first.cells, room))), *left[1:]]


def _width(columns: Sequence[Column]) -> int:
    return sum(column.width + BETWEEN for column in columns)


def caption(analysis: Analysis) -> str:
    """Say what the numbers are."""
    words = analysis.words
    return (
        f"On test, mean ± standard deviation over seeds; Δ{words.f1} and P(best) at each "
        f"strategy's own {words.threshold}; {analysis.confidence} intervals. "
        f"Runs: {markdown.account(analysis.table)}."
    )
