"""Costs of wrong decisions between two classes, and the decision thresholds that follow."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from benchmark.metrics.constraints import at_least_cost, cuts
from benchmark.protocol import arguments
from benchmark.protocol.arguments import Range
from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.errors import UserError
from benchmark.protocol.strategy import Threshold

PER = 1000  # costs are stated per so many rows


@dataclass(frozen=True)
class Costs:
    """Costs of one false positive and one false negative, in any currency."""

    fp: Annotated[float, Range(0, open_low=True)] = 1.0
    fn: Annotated[float, Range(0, open_low=True)] = 1.0

    @property
    def threshold(self) -> float:
        """Probability from which a positive decision is cheaper, fp / (fp + fn).

        Source: Elkan 2001, "The foundations of cost-sensitive learning", section 1.2.
        """
        return self.fp / (self.fp + self.fn)

    def of(self, labels: Ints, decisions: Ints, weights: Floats) -> float:
        """Return the cost of the wrong decisions, per `PER` rows; all are float or int (rows,)."""
        return float(np.average(self.of_each(labels, decisions), weights=weights))

    def of_each(self, labels: Ints, decisions: Ints) -> Floats:
        """Return the cost of each row's decision as if `PER` rows were like it, (rows,)."""
        false_positives = (labels == 0) & (decisions == 1)
        false_negatives = (labels == 1) & (decisions == 0)
        return np.asarray(PER * (self.fp * false_positives + self.fn * false_negatives), np.float64)

    def __str__(self) -> str:
        return f"fp={self.fp:g},fn={self.fn:g}"


def read(text: str) -> Costs:
    """Read costs as users write them: ``fp=1,fn=10``.

    Raises:
        UserError: for text that does not name costs.
    """
    given: dict[str, str] = {}
    for word in text.replace(",", " ").split():
        name, equals, value = word.partition("=")
        if not (name and equals and value):
            raise UserError(f"--cost: costs are written name=value, not {word!r}")
        if name in given:
            raise UserError(f"--cost: {name} is given twice")
        given[name] = value
    return Costs(**arguments.bind(Costs, given, "--cost"))


def by_theory(costs: Costs) -> Threshold:
    """Return the threshold of decision theory: optimal if probabilities are calibrated."""
    return lambda logits, labels: np.array([0.0, math.log(costs.fn / costs.fp)])


def tuned(costs: Costs) -> Threshold:
    """Return the threshold that is cheapest on validation, calibrated or not."""

    def threshold(logits: Floats, labels: Ints) -> Floats:
        found = cuts(labels, logits[:, 1] - logits[:, 0], np.ones(len(labels)))
        return np.array([0.0, -at_least_cost(found, costs.fp, costs.fn)])

    return threshold


THEORY = "decision theory's threshold"
RULES: dict[str, Callable[[Costs], Threshold]] = {
    THEORY: by_theory,
    "the threshold tuned on validation": tuned,
}
