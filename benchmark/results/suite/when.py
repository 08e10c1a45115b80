"""What the differences depend on: a regression on properties of the data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.metrics import pooled
from benchmark.metrics.pooled import Observed, Slopes
from benchmark.results.suite.field import estimates
from benchmark.results.suite.measured import Measured

DIFFICULTY = "difficulty"  # 1 - ROC AUC of the baseline
FEWEST_DEGREES = 3.0  # of an error: fewer have no variance


@dataclass(frozen=True)
class When:
    """How the strategies' differences change with the properties."""

    strategies: tuple[str, ...]
    names: tuple[str, ...]
    slopes: Slopes


def when(found: Measured) -> When:
    """Regress differences on properties."""
    return When(found.strategies, found.names, pooled.slopes(pooled.fit(_observed(found))))


def _observed(found: Measured) -> Observed:
    rows = [
        (number, found.sets.index(name), difference)
        for number, own in enumerate(found.known.values())
        for name, difference in own.items()
        if name in found.sets
    ]
    known = estimates([difference for *_, difference in rows])
    degrees = np.maximum(known.degrees, FEWEST_DEGREES)
    errors = known.errors * np.sqrt(degrees / (degrees - 2))  # normal ones as wide as Student's t
    data_set = np.array([row for _, row, _ in rows])
    properties = found.standardised(found.properties)[data_set]
    return Observed(known.means, errors, np.array([s for s, *_ in rows]), data_set, properties)
