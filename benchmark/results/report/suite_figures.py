"""Figures of a suite: heat map, critical-difference diagram, forest plot, performance profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from benchmark.metrics.aggregate import profile
from benchmark.metrics.ranks import Ranks
from benchmark.results.suite.field import ROPE, Answer, Scores, Versus

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


LARGEST = 0.3  # difference at which the heat map's colour is full
STYLES = ("-", "--", ":", "-.")


def heat_map(answer: Answer, order: Sequence[str]) -> Figure:
    """Differences to the baseline, data sets x strategies, those with a clear sign in bold.

    Args:
        order: names of the data sets, from top to bottom.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    labels = [one.label for one in answer.versus]
    at = {
        (name, one.label): difference
        for one in answer.versus
        for name, difference in zip(one.sets, one.differences, strict=True)
    }
    rows = [name for name in order if any((name, label) in at for label in labels)]
    grid = np.full((len(rows), len(labels)), np.nan)
    for (name, label), difference in at.items():
        grid[rows.index(name), labels.index(label)] = difference.mean
    figure = Figure(
        figsize=(3.2 + 0.75 * len(labels), 1.7 + 0.19 * len(rows)), layout="constrained"
    )
    axes = figure.add_subplot()
    colours = colormaps["RdBu"].with_extremes(bad="0.9")
    image = axes.imshow(grid, cmap=colours, vmin=-LARGEST, vmax=LARGEST, aspect="auto")
    for (name, label), difference in at.items():
        row, column = rows.index(name), labels.index(label)
        clear = difference.low > 0 or difference.high < 0
        axes.text(
            column,
            row,
            f"{difference.mean:+.2f}",
            ha="center",
            va="center",
            fontsize=6.5,
            fontweight="bold" if clear else "normal",
            color="white" if abs(difference.mean) > 0.7 * LARGEST else "black",
        )
    axes.set_yticks(range(len(rows)), [shortened(name, 30) for name in rows], fontsize=7)
    axes.set_xticks(range(len(labels)), labels, rotation=40, ha="right", fontsize=8)
    axes.tick_params(length=0)
    bar = figure.colorbar(image, ax=axes, shrink=0.4, aspect=25, extend="both")
    bar.set_label(f"Δ {answer.question.title}", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    return figure


def critical_difference(scores: Scores, ranks: Ranks) -> Figure:
    """Average ranks on a line; bars join strategies that do not differ significantly."""
    from matplotlib.figure import Figure

    order = np.argsort(ranks.average, kind="stable")
    half = (len(order) + 1) // 2
    figure = Figure(
        figsize=(7.4, 1.3 + 0.24 * half + 0.1 * len(ranks.groups)), layout="constrained"
    )
    axes = figure.add_subplot()
    most = len(order)
    top = 0.55 * len(ranks.groups)
    axes.plot([1, most], [0, 0], color="black", linewidth=1)
    for tick in range(1, most + 1):
        axes.plot([tick, tick], [0, 0.35], color="black", linewidth=1)
        axes.text(tick, 0.5, str(tick), ha="center", va="bottom", fontsize=8)
    for place, number in enumerate(order.tolist()):
        rank, left = float(ranks.average[number]), place < half
        depth = -1.0 - top - 0.9 * (place if left else most - 1 - place)
        end = 1 - 0.15 if left else most + 0.15
        axes.plot([rank, rank, end], [0, depth, depth], color="0.4", linewidth=0.8)
        text = (
            f"{scores.labels[number]}  {rank:.2f}"
            if left
            else f"{rank:.2f}  {scores.labels[number]}"
        )
        axes.text(
            end + (-0.05 if left else 0.05),
            depth,
            text,
            ha="right" if left else "left",
            va="center",
            fontsize=8,
        )
    for number, (first, last) in enumerate(ranks.groups):
        ends = np.sort(ranks.average)[[first, last]] + [-0.05, 0.05]
        axes.plot(ends, [-0.5 - 0.55 * number] * 2, color="black", linewidth=3)
    axes.plot([1, 1 + ranks.critical], [1.9, 1.9], color="black", linewidth=1.6, marker="|")
    axes.text(
        1 + ranks.critical / 2,
        2.1,
        f"critical difference {ranks.critical:.2f}",
        ha="center",
        va="bottom",
        fontsize=8,
    )
    space = 0.34 * most
    axes.set(xlim=(1 - space, most + space), ylim=(-1.6 - top - 0.9 * half, 3.1))
    axes.axis("off")
    return figure


def forest(answer: Answer) -> Figure:
    """Differences of each strategy on data sets, and the centre of the true ones."""
    from matplotlib.figure import Figure

    order = sorted(answer.versus, key=lambda one: one.centre.mean)
    figure = Figure(figsize=(7.2, 1.1 + 0.5 * len(order)), layout="constrained")
    axes = figure.add_subplot()
    axes.axvspan(-ROPE, ROPE, color="0.9", zorder=0)
    axes.axvline(0, color="0.5", linewidth=0.8)
    for place, one in enumerate(order):
        _forest_row(axes, place, one)
    axes.set_yticks(range(len(order)), [one.label for one in order], fontsize=9)
    axes.set_xlabel(f"Δ {answer.question.title}, vs baseline")
    means = np.concatenate([[d.mean for d in one.differences] for one in order])
    reach = max(0.05, float(np.quantile(np.abs(means), 0.97)) * 1.1)
    axes.set(xlim=(-reach, reach), ylim=(-0.7, len(order) - 0.3))
    axes.grid(axis="x", alpha=0.3)
    return figure


def _forest_row(axes: Axes, place: int, one: Versus) -> None:
    clear = np.array([own.low > 0 or own.high < 0 for own in one.differences])
    means = np.array([own.mean for own in one.differences])
    heights = place - 0.16 + np.random.default_rng(0).uniform(-0.12, 0.12, len(means))
    for dots, color, face in ((~clear, "0.6", "none"), (clear, "black", "black")):
        axes.plot(
            means[dots],
            heights[dots],
            "o",
            markersize=3.5,
            color=color,
            markerfacecolor=face,
            markeredgewidth=0.7,
        )
    axes.plot([one.centre.low, one.centre.high], [place + 0.2] * 2, color="#0b5394", linewidth=2.4)
    axes.plot(one.centre.mean, place + 0.2, "D", color="#0b5394", markersize=5)


def profiles(answers: Mapping[str, Scores]) -> Figure:
    """Share of the data sets on which each strategy is within a gap of the best, model by model."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.7 * len(answers), 3.4), layout="constrained")
    within = np.linspace(0, 0.2, 81)
    for number, (model, scores) in enumerate(answers.items()):
        axes = figure.add_subplot(1, len(answers), number + 1)
        best = scores.means.max(axis=1)
        for place, label in enumerate(scores.labels):
            axes.step(
                within,
                profile(best - scores.means[:, place], within),
                where="post",
                linewidth=2 if label == "none" else 1.2,
                color="black" if label == "none" else f"C{place}",
                linestyle=STYLES[place % len(STYLES)],
                label=label,
            )
        axes.set(xlim=(0, 0.2), ylim=(0, 1), title=model, xlabel="gap to the best", ylabel="")
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("share of data sets within the gap")
    figure.axes[-1].legend(fontsize=7, loc="lower right")
    return figure


def shortened(text: str, most: int) -> str:
    """Shorten a name in its middle."""
    keep = (most - 1) // 2
    return text if len(text) <= most else f"{text[:keep]}…{text[-keep:]}"
