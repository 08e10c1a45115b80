"""Costs of decisions, and the decisions that cost least by calibrated probabilities.

A cost is a number, or a column of the table: what a missed fraud costs is its amount.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from benchmark.metrics.constraints import at_least_cost, cuts
from benchmark.protocol.arguments import as_text, quoted
from benchmark.protocol.arrays import Floats, Ints

PER = 1000  # costs are stated per so many rows

Entry = float | str
"""A cost, or the name of the column of the table that holds it, row by row."""


@dataclass(frozen=True)
class Costs:
    """Costs of decisions in any currency; a cost below 0 is a gain.

    Attributes:
        entries: of each actual class the costs of predicting every class, (actual, predicted).
        classes: in the order of the entries; of two, the second is positive.
        amounts: column -> its values in all rows of the data, (rows,).
    """

    entries: tuple[tuple[Entry, ...], ...]
    classes: tuple[str, ...]
    amounts: Mapping[str, Floats] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns of the table that hold costs."""
        names = [entry for row in self.entries for entry in row if isinstance(entry, str)]
        return tuple(dict.fromkeys(names))

    @property
    def is_threshold(self) -> bool:
        """Whether one threshold decides: of two classes, with the same costs in all rows."""
        return len(self.classes) == 2 and not self.columns

    @property
    def threshold(self) -> float:
        """Probability from which a positive decision is cheaper, fp / (fp + fn).

        Source: Elkan 2001, "The foundations of cost-sensitive learning", section 1.2.
        """
        fp, fn = self.errors(np.zeros(1, np.int64))
        return float(fp[0] / (fp[0] + fn[0]))

    def with_amounts(self, amounts: Mapping[str, Floats]) -> Costs:
        """Return these costs for the rows that have these values of its columns."""
        return replace(self, amounts=amounts)

    def matrices(self, rows: Ints) -> Floats:
        """Return the costs of rows of the data, (rows, actual, predicted); one where all agree."""
        count = len(rows) if self.columns else 1
        found = np.empty((count, len(self.entries), len(self.entries)))
        for actual, of_actual in enumerate(self.entries):
            for predicted, entry in enumerate(of_actual):
                cost = self.amounts[entry][rows] if isinstance(entry, str) else entry
                found[:, actual, predicted] = cost
        return found

    def errors(self, rows: Ints) -> tuple[Floats, Floats]:
        """Return what a false positive and a false negative cost more than the truth, of two."""
        of_rows = self.matrices(rows)
        return of_rows[:, 0, 1] - of_rows[:, 0, 0], of_rows[:, 1, 0] - of_rows[:, 1, 1]

    def of(self, labels: Ints, decisions: Ints, weights: Floats, rows: Ints) -> float:
        """Return the cost of decisions, per `PER` rows; all are float or int (rows,)."""
        return float(np.average(self.of_each(labels, decisions, rows), weights=weights))

    def of_each(self, labels: Ints, decisions: Ints, rows: Ints) -> Floats:
        """Return the cost of each row's decision as if `PER` rows were like it, (rows,)."""
        of_rows = self.matrices(rows)
        at = np.arange(len(labels)) if len(of_rows) > 1 else 0
        return np.asarray(PER * of_rows[at, labels, decisions], np.float64)

    def decide(self, logits: Floats, rows: Ints) -> Ints:
        """Return the class of least expected cost of each row, (rows,); of equal ones the first.

        Source: Elkan 2001, equation 1.

        Args:
            logits: calibrated, (rows, classes).
        """
        from scipy.special import softmax

        p, of_rows = softmax(logits, axis=1), self.matrices(rows)
        expected = p @ of_rows[0] if len(of_rows) == 1 else np.einsum("ri,rij->rj", p, of_rows)
        return np.asarray(np.argmin(expected, axis=1), np.int64)

    def __str__(self) -> str:
        """Return them as ``--cost`` takes them."""
        if len(self.classes) == 2 and self.entries[0][0] == self.entries[1][1] == 0:
            return as_text({"fp": self.entries[0][1], "fn": self.entries[1][0]}, ",")
        usual = 1.0 - np.eye(len(self.classes))
        written = {
            quoted(f"{self.classes[actual]}>{self.classes[predicted]}"): entry
            for actual, of_actual in enumerate(self.entries)
            for predicted, entry in enumerate(of_actual)
            if entry != usual[actual, predicted]
        }
        return as_text(written, ",") or f"{self.classes[0]}>{self.classes[1]}=1"


Rule = Callable[[Costs, Floats, Ints, Ints], Floats]
"""(costs, calibrated validation logits, labels, row numbers) -> offsets of the logits (classes,).

Where one threshold decides, as `Costs.is_threshold` says, they make a threshold on the probability;
else they are added before the expected costs are compared."""


def by_theory(costs: Costs, logits: Floats, labels: Ints, rows: Ints) -> Floats:
    """Return the offsets of decision theory: optimal if probabilities are calibrated."""
    if not costs.is_threshold:
        return np.zeros(logits.shape[1])
    return np.array([0.0, math.log(1 / costs.threshold - 1)])


def tuned(costs: Costs, logits: Floats, labels: Ints, rows: Ints) -> Floats:
    """Return the offsets that are cheapest on validation, calibrated or not."""
    if len(costs.classes) > 2:
        return _cheapest_offsets(costs, logits, labels, rows)
    margins = logits[:, 1] - logits[:, 0]
    if costs.is_threshold:
        [fp], [fn] = costs.errors(rows[:1])
        return np.array([0.0, -at_least_cost(cuts(labels, margins, np.ones(len(labels))), fp, fn)])
    fp, fn = costs.errors(rows)
    depends = (fp > 0) & (fn > 0)  # else the row has the same decision with any offset
    if not depends.any():
        return np.zeros(2)
    labels, fp, fn = labels[depends], fp[depends], fn[depends]
    # a row is decided positive from a threshold of its own, and a mistake costs its own weight
    beyond = margins[depends] - np.log(fp / fn)
    found = cuts(labels, beyond, np.where(labels == 1, fn, fp))
    return np.array([0.0, -at_least_cost(found, 1, 1)])


STEPS = (2.0, 1.0, 0.5, 0.25, 0.125)  # of an offset, in nats
ROUNDS = 10  # at most, through all classes, with each step


def _cheapest_offsets(costs: Costs, logits: Floats, labels: Ints, rows: Ints) -> Floats:
    """Return offsets of more than two classes that cost less on validation than those around.

    Class by class, a step up or down is taken where it saves, with smaller and smaller steps: a
    local optimum, never worse than no offsets. Source: Hooke and Jeeves 1961, "Direct search".
    """

    def cost(offsets: Floats) -> float:
        decisions = costs.decide(logits + offsets, rows)
        return float(costs.of_each(labels, decisions, rows).mean())

    offsets = np.zeros(logits.shape[1])
    least = cost(offsets)
    for step in STEPS:
        for _ in range(ROUNDS):
            before = least
            for move in step * np.concatenate([np.eye(len(offsets)), -np.eye(len(offsets))]):
                moved = cost(offsets + move)
                if moved < least - 1e-12 * abs(least):
                    offsets, least = offsets + move, moved
            if least == before:
                break
    return offsets


def rule_in_words(costs: Costs, rule: str) -> str:
    """Return how a rule decides for costs, for readers."""
    return rule if costs.is_threshold else WITHOUT_THRESHOLD.get(rule, rule)


THEORY, TUNED = "decision theory's threshold", "the threshold tuned on validation"
RULES: dict[str, Rule] = {THEORY: by_theory, TUNED: tuned}
WITHOUT_THRESHOLD = {
    THEORY: "the least expected cost",
    TUNED: "the least expected cost with offsets tuned on validation",
}
