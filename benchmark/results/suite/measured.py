"""Differences of strategies on data sets, beside properties of these data sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.metrics.stats import Difference
from benchmark.protocol.arrays import Floats

# known before anything is trained; the number of rows is positives / prevalence
BEFORE = ("prevalence", "positives", "columns", "overlap")
FEWEST_SETS = 10

Known = Mapping[str, Mapping[str, Difference]]  # strategy -> data set -> difference


@dataclass(frozen=True)
class Measured:
    """What was measured on data sets.

    Attributes:
        sets: data sets whose properties are all known.
        names: of the properties.
        properties: in logs, see `on_scale`, (data sets, properties).
        known: differences to the baseline; some of other data sets, too.
    """

    sets: tuple[str, ...]
    names: tuple[str, ...]
    properties: Floats
    known: Known

    @property
    def strategies(self) -> tuple[str, ...]:
        """Strategies, the baseline not among them."""
        return tuple(self.known)

    def means(self) -> Floats:
        """Differences, nan where a strategy has none, (data sets, strategies)."""
        return np.array(
            [
                [own[name].mean if name in own else np.nan for own in self.known.values()]
                for name in self.sets
            ]
        )

    def standardised(self, properties: Floats) -> Floats:
        """Properties in standard deviations from the mean of the data sets."""
        spread = self.properties.std(axis=0)
        centred = properties - self.properties.mean(axis=0)
        return np.asarray(centred / np.where(spread > 0, spread, 1))


def measured(
    known: Known, properties: Mapping[str, Mapping[str, float]], names: Sequence[str] = BEFORE
) -> Measured | None:
    """Put differences and properties together; None for fewer data sets than `FEWEST_SETS`.

    Args:
        properties: of each data set.
        names: properties that are asked for.
    """
    sets = [
        name
        for name in dict.fromkeys(name for own in known.values() for name in own)
        if all(np.isfinite(properties[name].get(each, np.nan)) for each in names)
    ]
    if len(sets) < FEWEST_SETS:
        return None
    table = np.array([on_scale(properties[name], names) for name in sets])
    return Measured(tuple(sets), tuple(names), table, known)


def on_scale(properties: Mapping[str, float], names: Sequence[str]) -> list[float]:
    """Return prevalence in log-odds, counts in logs, shares as they are."""
    found = []
    for name in names:
        value = properties[name]
        if name == "prevalence":
            found.append(float(np.log(value / (1 - value))))
        else:
            found.append(float(np.log(value)) if name in ("positives", "columns") else value)
    return found
