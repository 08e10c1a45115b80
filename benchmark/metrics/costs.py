"""Costs of wrong decisions between two classes, and the decision thresholds that follow."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import numpy as np

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
        false_positives = (labels == 0) & (decisions == 1)
        false_negatives = (labels == 1) & (decisions == 0)
        cost = self.fp * false_positives + self.fn * false_negatives
        return float(PER * np.average(cost, weights=weights))

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
        scores, weights = logits[:, 1] - logits[:, 0], np.ones(len(labels))
        return np.array([0.0, -cheapest_threshold(labels, scores, weights, costs)])

    return threshold


THEORY = "decision theory's threshold"
RULES: dict[str, Callable[[Costs], Threshold]] = {
    THEORY: by_theory,
    "the threshold tuned on validation": tuned,
}


def cheapest_threshold(labels: Ints, scores: Floats, weights: Floats, costs: Costs) -> float:
    """Return the threshold on `scores` at which rows cost least, half-way between two scores.

    Among equally cheap thresholds, the lowest wins.
    """
    order = np.argsort(scores, kind="stable")
    ordered, positive, weight = scores[order], labels[order] == 1, weights[order]
    # position k: the k lowest rows are predicted negative, the others positive
    missed = np.append(0, np.cumsum(weight * positive))
    passed = np.append(0, np.cumsum(weight * ~positive))
    false = passed[-1] - passed
    apart = np.append(
        np.append(True, np.diff(ordered) > 0), True
    )  # no threshold between equal scores
    best = int(np.argmin(np.where(apart, costs.fn * missed + costs.fp * false, np.inf)))
    ends = np.concatenate([[ordered[0] - 1], ordered, [ordered[-1] + 1]])
    return float((ends[best] + ends[best + 1]) / 2)
