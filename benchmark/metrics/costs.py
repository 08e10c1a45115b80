"""What wrong decisions cost a person, and where that puts the threshold between two classes."""

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

PER = 1000  # rows that a cost is told for


@dataclass(frozen=True)
class Costs:
    """Of one false positive and of one false negative, in whatever currency."""

    fp: Annotated[float, Range(0, open_low=True)] = 1.0
    fn: Annotated[float, Range(0, open_low=True)] = 1.0

    @property
    def threshold(self) -> float:
        """The probability from which a positive decision is the cheaper one, fp / (fp + fn).

        Source: Elkan 2001, "The foundations of cost-sensitive learning", section 1.2.
        """
        return self.fp / (self.fp + self.fn)

    def of(self, labels: Ints, decisions: Ints) -> float:
        """What the wrong ones of these decisions cost, for `PER` rows."""
        false_positives = ((labels == 0) & (decisions == 1)).mean()
        false_negatives = ((labels == 1) & (decisions == 0)).mean()
        return float(PER * (self.fp * false_positives + self.fn * false_negatives))

    def __str__(self) -> str:
        return f"fp={self.fp:g},fn={self.fn:g}"


def read(text: str) -> Costs:
    """Costs as people write them: ``fp=1,fn=10``. Raises UserError for what is none."""
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
    """Thresholds at `Costs.threshold`: right as far as the probabilities are."""
    return lambda logits, labels: np.array([0.0, math.log(costs.fn / costs.fp)])


def tuned(costs: Costs) -> Threshold:
    """Thresholds where the validation rows cost least: right whatever the probabilities."""
    return lambda logits, labels: np.array(
        [0.0, -cheapest_threshold(labels, logits[:, 1] - logits[:, 0], costs)]
    )


THEORY = "decision theory's threshold"
RULES: dict[str, Callable[[Costs], Threshold]] = {
    THEORY: by_theory,
    "the threshold tuned on validation": tuned,
}


def cheapest_threshold(labels: Ints, scores: Floats, costs: Costs) -> float:
    """The threshold on `scores` at which the rows cost least, half-way between two scores.

    Of equally good thresholds the lowest wins.
    """
    order = np.argsort(scores, kind="stable")
    ordered, positive = scores[order], labels[order] == 1
    # place k: the k lowest rows are called negative, the others positive
    missed = np.append(0, np.cumsum(positive))
    false = (~positive).sum() - np.append(0, np.cumsum(~positive))
    apart = np.append(
        np.append(True, np.diff(ordered) > 0), True
    )  # no threshold between equal scores
    best = int(np.argmin(np.where(apart, costs.fn * missed + costs.fp * false, np.inf)))
    ends = np.concatenate([[ordered[0] - 1], ordered, [ordered[-1] + 1]])
    return float((ends[best] + ends[best + 1]) / 2)
