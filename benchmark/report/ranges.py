"""The learning-rate range test as words and a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.rates import RangeTest
from benchmark.report.figures import canvas

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def sentence(task: str, found: RangeTest) -> str:
    """What to try, and why."""
    end = "did not diverge" if found.diverged is None else f"diverged at {found.diverged:.1g}"
    return (
        f"{task}: try a largest learning rate of about {found.settled:.1g}, where the loss had "
        f"fallen by nearly all that it fell. With batches of {found.batch} it fell fastest at "
        f"{found.steepest:.1g} and {end}."
    )


def figure(found: RangeTest) -> Figure:
    """Loss against learning rate."""
    drawn, axes = canvas("Learning-rate range test", "learning rate", "loss (nats per row)")
    axes.set_xscale("log")
    axes.plot(found.rates, found.losses, color="0.8", linewidth=0.8, label="each step")
    axes.plot(found.rates, found.smoothed, color="C0", label="smoothed")
    for rate, style, label in (
        (found.settled, "-", "suggested"),
        (found.steepest, ":", "falls fastest"),
    ):
        axes.axvline(rate, color="0.3", linestyle=style, linewidth=1, label=f"{label}: {rate:.1g}")
    axes.set_ylim(0, 1.2 * found.smoothed.max())
    axes.legend()
    return drawn
