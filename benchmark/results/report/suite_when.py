"""What the differences of a suite depend on, in a sentence and a figure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from benchmark.protocol.text import listed
from benchmark.results.suite.when import When

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLEAR = 2.0  # standard errors from which a slope is named
MOST_NAMED = 4


def sentence(model: str, fitted: When) -> str:
    """Return what the differences depend on."""
    where = f"{model}: " if model else ""
    slopes, errors = fitted.slopes.means, fitted.slopes.errors
    clear = [
        (abs(slopes[row, column]), label, name, slopes[row, column], errors[row, column])
        for row, label in enumerate(fitted.strategies)
        for column, name in enumerate(fitted.names)
        if abs(slopes[row, column]) > CLEAR * errors[row, column]
    ]
    found = [
        f"{label} {slope:+.3f} (standard error {error:.3f}) with {name}"
        for _, label, name, slope, error in sorted(clear, reverse=True)[:MOST_NAMED]
    ]
    return (
        f"{where}per standard deviation of a property the difference to the baseline changes most "
        f"for {listed(found)}."
        if found
        else f"{where}no property moves the difference of any strategy by two standard errors."
    )


def figure(models: Mapping[str, When]) -> Figure:
    """Slopes of the differences with two standard errors, a row of panels for each model."""
    from matplotlib.figure import Figure

    width = max(len(one.names) for one in models.values())
    height = max(len(one.strategies) for one in models.values())
    drawn = Figure(
        figsize=(1.8 + 1.55 * width, len(models) * (0.9 + 0.24 * height)), layout="constrained"
    )
    for row, (model, one) in enumerate(models.items()):
        places = np.arange(len(one.strategies))[::-1]
        limit = 1.05 * float((np.abs(one.slopes.means) + 2 * one.slopes.errors).max())
        for column, name in enumerate(one.names):
            axes = drawn.add_subplot(len(models), width, row * width + column + 1)
            axes.axvline(0, color="0.5", linewidth=0.8)
            means, errors = one.slopes.means[:, column], one.slopes.errors[:, column]
            clear = np.abs(means) > CLEAR * errors
            axes.hlines(
                places,
                means - 2 * errors,
                means + 2 * errors,
                color=np.where(clear, "black", "0.65"),
            )
            for place, mean, strong in zip(places, means, clear, strict=True):
                axes.plot(mean, place, "o", color="black" if strong else "0.65", markersize=4)
            axes.set(xlim=(-limit, limit), ylim=(-0.6, height - 0.4))
            axes.set_title(name, fontsize=9)
            axes.tick_params(labelsize=7)
            axes.set_yticks(places, one.strategies if column == 0 else [], fontsize=8)
            if column == 0:
                axes.set_ylabel(model, fontsize=9)
    drawn.supxlabel("change of the difference per standard deviation of the property", fontsize=9)
    return drawn
