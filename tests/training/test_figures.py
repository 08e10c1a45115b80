"""Figures: the same text for the same figure, so that stored ones change with numbers alone."""

import pytest

from benchmark.training import figures


@pytest.mark.drawn
def test_a_figure_drawn_twice_is_the_same_text() -> None:
    drawn = []
    for _ in range(2):
        figure, axes = figures.canvas("title", "x", "y")
        axes.plot([0, 1], [0, 1])
        drawn.append(figures.svg(figure))
    assert drawn[0] == drawn[1]
