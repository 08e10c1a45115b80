"""Draw the figures of statistics.md from simulations; ``python -m docs.make_statistics_figures``.

It takes about five minutes on one core and writes ``coverage.svg``, ``power.svg`` and
``regret.svg`` beside this file. The tests in ``tests/simulations`` hold the same numbers to limits.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.simulations import insurance
from tests.simulations.designs import POWER, REGRET
from tests.simulations.regret import lost_and_said
from tests.simulations.tables import Design, claims_and_coverage, found_before_and_now

DOCS = Path(__file__).parent
INSURANCE = DOCS.parents[1] / "shared" / "data" / "insurance"
NOW, BEFORE, GREY = "#1f5fa8", "#d95f02", "#5f6670"
SEEDS = (3, 5, 10)
NOMINAL = 0.95
VERSION = "version 0.1"


def _axes(figure: Figure, place: tuple[float, float, float, float]) -> Axes:
    axes = figure.add_axes(place)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(labelsize=9)
    return axes


def draw_coverage(draws: int, subsamples: int) -> Figure:
    """Return coverage of 95 % intervals on simulated tables, and on real rows."""
    figure = Figure(figsize=(8.3, 3.4), facecolor="white")
    left = _axes(figure, (0.08, 0.16, 0.40, 0.66))
    right = _axes(figure, (0.57, 0.16, 0.40, 0.66))
    rng = np.random.default_rng(1)
    for strategies, marker in ((2, "o"), (6, "s"), (12, "D"), (35, "^")):
        covered = [
            np.mean(
                [
                    claims_and_coverage(
                        Design(np.zeros(strategies + 1), 0.05, ratio, tested), seeds, draws, rng
                    )[1]
                    for ratio in (1.0, 16.0)
                    for tested in (0.15, 1.0)
                ]
            )
            for seeds in (2, 3, 5, 10, 20)
        ]
        left.plot(range(5), covered, f"{marker}-", color=NOW, ms=5, label=f"{strategies}")
    left.set_xticks(range(5), ["2", "3", "5", "10", "20"])
    left.legend(title="strategies", fontsize=8, title_fontsize=8, frameon=False, ncols=2)
    left.set_title("simulated tables", fontsize=10, loc="left")
    x, y = insurance.read(INSURANCE)
    results = insurance.benchmarks(x, y, subsamples, rng)
    for measure, (name, marker) in enumerate(zip(insurance.MEASURES, "osD", strict=True)):
        covered = [float(np.mean(insurance.coverage(results, measure, seeds))) for seeds in SEEDS]
        right.plot(range(3), covered, f"{marker}-", ms=5, label=f"Δ{name}")
    right.set_xticks(range(3), [str(seeds) for seeds in SEEDS])
    right.legend(fontsize=8, frameon=False, loc="lower right")
    right.set_title(f"insurance rows, {subsamples} subsamples", fontsize=10, loc="left")
    for axes in (left, right):
        axes.axhline(NOMINAL, color=GREY, linewidth=0.9, linestyle="--")
        axes.set_ylim(0.7, 1.005)
        axes.set_xlabel("seeds", fontsize=9)
    left.set_ylabel("share that holds the truth", fontsize=9)
    figure.text(0.08, 0.93, "95 % intervals hold the truth in", fontsize=11, weight="bold")
    return figure


def draw_power(draws: int) -> Figure:
    """Return how often an effect is significant, before and now."""
    figure = Figure(figsize=(8.3, 3.0), facecolor="white")
    width, rng = 0.165, np.random.default_rng(2)
    for place, (name, design) in enumerate(POWER.items()):
        axes = _axes(figure, (0.07 + place * 0.187, 0.17, width, 0.52))
        found = np.array([found_before_and_now(design, seeds, draws, rng) for seeds in SEEDS])
        axes.plot(
            range(3), found[:, 0], "o--", color=BEFORE, ms=5, mfc="white", label="version 0.1"
        )
        axes.plot(range(3), found[:, 1], "o-", color=NOW, ms=5, label="now")
        axes.set_xticks(range(3), [str(seeds) for seeds in SEEDS])
        axes.set_ylim(-0.03, 1.03)
        axes.set_xlabel("seeds", fontsize=9)
        axes.set_title(name.replace(", ", "\n"), fontsize=8.5, loc="left")
        if place:
            axes.set_yticklabels([])
        else:
            axes.legend(fontsize=8, frameon=False, loc="upper left")
    figure.text(0.07, 0.93, "A true difference is significant in", fontsize=11, weight="bold")
    return figure


def draw_regret(draws: int) -> Figure:
    """Return F1 lost by following the advice, before and now, and as it is said."""
    figure = Figure(figsize=(8.3, 2.9), facecolor="white")
    rng = np.random.default_rng(3)
    for place, (name, make) in enumerate(REGRET.items()):
        axes = _axes(figure, (0.08 + place * 0.315, 0.18, 0.25, 0.56))
        lost = np.array([lost_and_said(make, seeds, draws, rng) for seeds in SEEDS])
        axes.plot(range(3), lost[:, 0], "o--", color=BEFORE, ms=5, mfc="white", label=VERSION)
        axes.plot(range(3), lost[:, 1], "o-", color=NOW, ms=5, label="now")
        axes.plot(range(3), lost[:, 2], "x", color=GREY, ms=7, label="as said")
        axes.set_xticks(range(3), [str(seeds) for seeds in SEEDS])
        axes.set_ylim(bottom=0)
        axes.set_xlabel("seeds", fontsize=9)
        axes.set_title(name, fontsize=10, loc="left")
        if not place:
            axes.legend(fontsize=8, frameon=False)
    figure.text(0.08, 0.92, "F1 lost by following the advice", fontsize=11, weight="bold")
    return figure


def main() -> None:
    """Write the figures."""
    figures = {
        "coverage": draw_coverage(100, 100),
        "power": draw_power(300),
        "regret": draw_regret(300),
    }
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "skewbench"}):
        for name, figure in figures.items():
            figure.savefig(DOCS / f"{name}.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
