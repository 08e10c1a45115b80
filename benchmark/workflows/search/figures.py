"""Figures of a search: objective against each number, history, and importance of the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.results.objective import Objective
from benchmark.workflows.search.space import Dimension
from benchmark.workflows.search.spec import Search
from benchmark.workflows.search.summary import SearchSummary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


BEST = "#b2182b"
# above the axes, where it hides no point
LEGEND: dict[str, Any] = {"loc": "outside upper left", "fontsize": 8, "frameon": False}


def figures(search: Search, goal: Objective, summary: SearchSummary) -> dict[str, Figure]:
    """Draw the objective against each number, and over the trials; return name -> figure."""
    return {"curve": _curve(search, goal, summary), "history": _history(goal, summary)}


def _curve(search: Search, goal: Objective, summary: SearchSummary) -> Figure:
    from matplotlib.figure import Figure

    places = [
        (search.pattern.parts[argument.part][0], dimension)
        for argument in search.pattern.open
        for dimension in argument.dimensions
    ]
    columns = min(len(places), 3)
    rows = -(-len(places) // columns)
    drawn = Figure(figsize=(max(6.5, 4.2 * columns), 4 * rows), layout="constrained")
    for place, (part, dimension) in enumerate(places):
        name = f"{dimension.name} of {part}"
        axes = drawn.add_subplot(rows, columns, place + 1, xlabel=name)
        _draw_dimension(axes, dimension, summary)
        axes.set_ylabel(f"{goal.name} on validation" if place % columns == 0 else "")
        if place == 0:
            drawn.legend(*axes.get_legend_handles_labels(), **LEGEND, ncols=2)
    return drawn


def _draw_dimension(axes: Axes, dimension: Dimension, summary: SearchSummary) -> None:
    complete = [point for point in summary.points if point.complete]
    pruned = [point for point in summary.points if not point.complete]
    name = dimension.name
    if summary.alike:
        axes.axvspan(
            *summary.alike[name], color="0.85", label="no significant difference from the best"
        )
    if pruned:
        axes.plot(
            [point.chosen[name] for point in pruned],
            [point.mean for point in pruned],
            "x",
            color="0.6",
            markersize=4,
            label="pruned, fewer seeds",
        )
    for points, color, label in (
        (complete, "0.25", "a trial ± sd over seeds"),
        ([summary.best], BEST, "the best"),
    ):
        axes.errorbar(
            [point.chosen[name] for point in points],
            [point.mean for point in points],
            yerr=[point.deviation for point in points],
            fmt="o",
            color=color,
            markersize=4,
            elinewidth=0.8,
            label=label,
        )
    if dimension.log:
        from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(alpha=0.3)


def _history(goal: Objective, summary: SearchSummary) -> Figure:
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(6.5, 4), layout="constrained")
    axes = drawn.add_subplot(xlabel="trial", ylabel=f"{goal.name} on validation")
    for complete, marker, color, label in (
        (True, "o", "0.25", "complete"),
        (False, "x", "0.6", "pruned"),
    ):
        points = [point for point in summary.points if point.complete == complete]
        if points:
            numbers = [point.number for point in points]
            axes.plot(numbers, [p.mean for p in points], marker, color=color, ms=4, label=label)
    points = [point for point in summary.points if point.complete]
    best = (np.minimum if goal.minimize else np.maximum).accumulate([p.mean for p in points])
    axes.step([p.number for p in points], best, where="post", color=BEST, label="best so far")
    axes.locator_params(axis="x", integer=True)
    drawn.legend(**LEGEND, ncols=4)
    axes.grid(alpha=0.3)
    return drawn


def importance(shares: dict[str, float]) -> Figure:
    """Draw the share of each number in the differences between trials."""
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(6.5, 0.6 * len(shares) + 1.2), layout="constrained")
    axes = drawn.add_subplot(xlabel="share of the difference between trials")
    names = list(reversed(shares))
    bars = axes.barh(names, [shares[name] for name in names], color="0.4")
    axes.bar_label(bars, fmt="{:.2f}", padding=3)
    axes.set_xlim(0, 1.1)
    axes.spines[["top", "right"]].set_visible(False)
    return drawn
