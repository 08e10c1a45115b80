"""Draw the two figures of the README from the recorded leaderboard of the insurance task.

``python -m docs.make_figures`` reads ``docs/results/insurance.md`` and writes ``delta-f1.svg`` and
``reading.svg`` beside this file.
"""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

DOCS = Path(__file__).parent
OWN, TUNED, GREY, LIGHT = "#d95f02", "#1f5fa8", "#5f6670", "#f2f4f7"
DELTA = "ΔF1 vs baseline"
PICTURED = (
    *("threshold", "sqrt_sampling", "oversample", "class_weight", "logit_adjust"),
    *("logit_shift", "smote", "undersample", "focal", "effective_number", "prior_bias"),
)

Row = dict[str, str]


def read_tables(page: str) -> list[dict[str, Row]]:
    """Return the Markdown tables of a page: first column -> {heading: text}."""
    tables = []
    for block in re.findall(r"(?:^\|.*\n)+", page, flags=re.M):
        lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in block.splitlines()]
        headings, rows = lines[0], lines[2:]
        tables.append({row[0]: dict(zip(headings, row, strict=True)) for row in rows})
    return tables


def parse_interval(text: str) -> tuple[float, float, float]:
    """Return mean, low and high of ``+0.443 [0.425, 0.461]``."""
    mean, low, high = map(float, re.findall(r"[-+]?\d\.\d+", text))
    return mean, low, high


def _interval(axes: Axes, text: str, y: float, colour: str, filled: bool) -> None:
    mean, low, high = parse_interval(text)
    axes.plot([low, high], [y, y], color=colour, linewidth=2.2, solid_capstyle="butt")
    axes.plot(mean, y, "o", color=colour, markerfacecolor=colour if filled else "white", ms=6.5)


def draw_delta_f1(own: dict[str, Row], tuned: dict[str, Row]) -> Figure:
    """Return the intervals of all strategies, at their own and at tuned thresholds."""
    figure = Figure(figsize=(8.33, 4.9), facecolor="white")
    axes = figure.add_axes((0.185, 0.12, 0.795, 0.69))
    labels = [label for label in own if label in PICTURED]
    for place, label in enumerate(labels):
        y = len(labels) - 1 - place
        if label in tuned:
            _interval(axes, tuned[label][DELTA], y - 0.17, TUNED, True)
        _interval(axes, own[label][DELTA], y + 0.17, OWN, False)
    axes.axvline(0, color="black", linewidth=1)
    axes.set_yticks(range(len(labels)), labels[::-1], family="monospace", fontsize=10)
    axes.set_ylim(-0.7, len(labels) - 0.3)
    axes.set_xlim(-0.06, 0.49)
    axes.set_xlabel("ΔF1 vs baseline on test: mean and 95 % confidence interval", fontsize=10)
    axes.grid(axis="x", color="#e3e6ea")
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    notes = {"ha": "left", "fontsize": 10.5}
    axes.text(
        0.15, 1.95, "Every threshold tuned on validation:\nno gain is left", color=TUNED, **notes
    )
    axes.text(
        0.15,
        6.6,
        "At each strategy's own threshold:\neight strategies gain 0.42 to 0.45",
        color=OWN,
        **notes,
    )
    title = "What strategies gain here is a better decision threshold"
    figure.text(0.02, 0.935, title, fontsize=14, weight="bold")
    figure.text(
        0.02,
        0.875,
        "Insurance customers, 12 % positive, 15,000 test rows, 10 seeds. "
        "Baseline: plain training, threshold 0.5\n(orange) or tuned (blue). "
        "A strategy without a blue point shares the baseline's training.",
        fontsize=9,
        color=GREY,
        va="center",
    )
    return figure


COLUMNS = (  # x of the column, its alignment, heading, badge
    (0.015, "left", "strategy", ""),
    (0.205, "left", "F1", "1"),
    (0.345, "left", "ΔF1 vs baseline\n(95 % CI)", "2"),
    (0.565, "left", "p\n(adjusted)", "3"),
    (0.69, "left", "P(best)", "4"),
    (0.785, "left", "ΔF1, thresholds\ntuned (95 % CI)", "5"),
)
NOTES = (
    "F1 on test at the strategy's own threshold: mean ± standard deviation over seeds.",
    "Difference to the baseline (none) by seed. The intervals of the column hold together.",
    "Adjusted for all comparisons of the column. Below 0.05 a difference is called significant.",
    "Probability of the highest F1 on fresh rows. The advice weighs it against simplicity.",
    "From the table Effect of threshold tuning. "
    "What was +0.42 is now 0: the gain was the threshold.\n"
    "SMOTE is even significantly worse: its whole interval lies below 0.",
)
SHOWN = ("threshold", "oversample", "class_weight", "smote", "none", "focal")


def draw_reading(own: dict[str, Row], tuned: dict[str, Row]) -> Figure:
    """Return an excerpt of a leaderboard with numbered explanations."""
    figure = Figure(figsize=(8.33, 5.1), facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    top, step = 0.84, 0.062
    for x, align, heading, badge in COLUMNS:
        axes.text(x, top, heading, ha=align, va="bottom", fontsize=10, weight="bold")
        if badge:
            _badge(axes, x + 0.012, top + 0.115, badge)
    axes.plot([0.01, 0.99], [top - 0.012] * 2, color="black", linewidth=1)
    for place, label in enumerate(SHOWN):
        y = top - 0.05 - place * step
        if label == "none":
            axes.axhspan(y - 0.03, y + 0.03, 0.01, 0.99, color=LIGHT, zorder=0)
        columns = ("F1", DELTA, "p", "P(best)")
        values = [label, *(own[label][column] for column in columns)]
        values.append(tuned.get(label, {}).get(DELTA, "-"))
        for (x, align, *_), text in zip(COLUMNS, values, strict=True):
            shown = text.replace("&lt;", "<").replace("&gt;", ">").replace("-0.000 [", "0.000 [")
            axes.text(x, y, shown, ha=align, va="center", fontsize=9, family="monospace")
    y = top - 0.05 - len(SHOWN) * step - 0.035
    for number, note in enumerate(NOTES, 1):
        _badge(axes, 0.027, y, str(number))
        axes.text(0.055, y + 0.016, note, va="top", fontsize=10, linespacing=1.35)
        y -= 0.068
    return figure


def _badge(axes: Axes, x: float, y: float, text: str) -> None:
    box = {"boxstyle": "circle,pad=0.25", "facecolor": TUNED, "edgecolor": TUNED}
    axes.text(
        x, y, text, ha="center", va="center", fontsize=9, color="white", weight="bold", bbox=box
    )


def main() -> None:
    """Write both figures."""
    matplotlib.rcParams["svg.hashsalt"] = "skewbench"
    own, tuned, *_ = read_tables((DOCS / "results" / "insurance.md").read_text(encoding="utf-8"))
    for name, figure in (
        ("delta-f1.svg", draw_delta_f1(own, tuned)),
        ("reading.svg", draw_reading(own, tuned)),
    ):
        figure.savefig(DOCS / name, metadata={"Date": None})


if __name__ == "__main__":
    main()
