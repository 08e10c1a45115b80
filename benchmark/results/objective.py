"""Objectives of a search or a recommendation: measures of one split, chosen on validation."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from benchmark.metrics import classification, cost_spec, influence
from benchmark.metrics.constraints import (
    Rule,
    at_false_positive_rate,
    at_precision,
    at_recall,
    at_share,
)
from benchmark.metrics.cost_spec import ERRORS, CostSpec
from benchmark.metrics.costs import PER, Costs
from benchmark.metrics.thresholds import best_offsets
from benchmark.protocol import arguments
from benchmark.protocol.arguments import Range
from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.errors import UserError
from benchmark.protocol.strategy import Strategy
from benchmark.training.decision import fit_decision
from benchmark.training.predictions import Fit, Predictions

DEFAULT = "f1"


@dataclass(frozen=True)
class Scored:
    """A split: labels, calibrated logits, weights, and offsets of the strategy's threshold."""

    labels: Ints
    logits: Floats
    weights: Floats
    offsets: Floats
    rows: Ints  # numbers in the data

    def decisions(self, offsets: Floats | None = None) -> Ints:
        """Decide every row with the strategy's own offsets, or with others."""
        return classification.decide(self.logits, self.offsets if offsets is None else offsets)

    @property
    def margin(self) -> Floats:
        """Logit of the positive class minus that of the negative one, (rows,)."""
        return self.logits[:, 1] - self.logits[:, 0]


Measure = Callable[[Scored, Scored], float]
"""(validation, the split to measure) -> number"""

Influence = Callable[[Scored, Scored], Floats]
"""(validation, the split to measure) -> influence of each of its rows on the measure"""


@dataclass(frozen=True)
class Objective:
    """A measure and its direction.

    Attributes:
        text: as ``--objective`` takes it.
        metric: its name in MLflow, without the split.
        name: for readers.
        binary: whether it needs two classes.
        rule: how it chooses the threshold on validation; None: it has no part in that.
        costs: those that it sums up, as they were written; see `cost`.
    """

    text: str
    metric: str
    name: str
    measure: Measure
    influence: Influence
    minimize: bool = False
    binary: bool = False
    rule: Rule | None = None
    costs: CostSpec | None = None

    def on_validation(self, strategy: Strategy, fit: Fit) -> float:
        """Return the objective of a trial, which reads nothing but validation."""
        validation = _scored(strategy, fit, fit.validation)
        return self.measure(validation, validation)

    def on_test(self, strategy: Strategy, fit: Fit) -> tuple[float, Floats]:
        """Return the objective on test, every choice made on validation, and its influences."""
        scored = _scored(strategy, fit, fit.validation), _scored(strategy, fit, fit.test)
        return self.measure(*scored), self.influence(*scored)


def _scored(strategy: Strategy, fit: Fit, part: Predictions) -> Scored:
    decision = fit_decision(strategy, fit)
    logits = decision.calibration(part.best)
    return Scored(part.labels, logits, part.weights, decision.offsets, part.rows)


def f1() -> Objective:
    """F1 at the strategy's own threshold: 0.5, unless the strategy moves it."""
    return _of_decisions("f1", "f1", "F1", 1, lambda _, on: on.decisions())


def f1_tuned() -> Objective:
    """F1 at the threshold where it is largest on validation."""

    def decisions(validation: Scored, on: Scored) -> Ints:
        tuned = best_offsets(validation.labels, validation.logits, validation.weights)
        return on.decisions(tuned)

    return _of_decisions("f1_tuned", "f1_tuned", "F1 at the tuned threshold", 1, decisions)


def fbeta(beta: Annotated[float, Range(0, open_low=True)] = 2.0) -> Objective:
    """F-beta at the strategy's own threshold; beta above 1 weighs recall higher."""
    text = f"fbeta({arguments.as_text({'beta': beta}, ', ')})"
    return _of_decisions(text, "fbeta", f"F-beta ({beta:g})", beta, lambda _, on: on.decisions())


def _of_decisions(
    text: str, metric: str, name: str, beta: float, decisions: Callable[[Scored, Scored], Ints]
) -> Objective:
    """F-beta of decisions that may be chosen on validation."""
    return Objective(
        text,
        metric,
        name,
        lambda validation, on: _f_beta(on, decisions(validation, on), beta),
        lambda validation, on: influence.f_beta(
            on.labels, decisions(validation, on), on.logits.shape[1], on.weights, beta
        ),
    )


def average_precision() -> Objective:
    """Average precision, which does not depend on a threshold."""
    return Objective(
        "average_precision",
        "average_precision",
        "average precision",
        lambda _, on: classification.average_precision(on.labels, on.logits, on.weights),
        lambda _, on: influence.average_precision(on.labels, on.logits, on.weights),
    )


Bound = Annotated[float | None, Range(0, 1, open_low=True)]


def recall(precision: Bound = None, fpr: Bound = None) -> Objective:
    """Recall at the lowest threshold that keeps precision (0.5) or false positive rate."""
    if fpr is None:
        precision = 0.5 if precision is None else precision
        name = f"recall at a precision of {precision:g}"
        rule = Rule("recall", {"precision": precision}, at_precision)
        return _constrained("recall_at_precision", name, rule)
    if precision is not None:
        raise UserError("objective 'recall' keeps a precision or an fpr: name one")
    name = f"recall at a false positive rate of {fpr:g}"
    return _constrained("recall_at_fpr", name, Rule("recall", {"fpr": fpr}, at_false_positive_rate))


def precision(recall: Annotated[float, Range(0, 1, open_low=True)] = 0.5) -> Objective:
    """Precision at the best threshold that keeps this recall on validation."""
    rule = Rule("precision", {"recall": recall}, at_recall)
    return _constrained("precision_at_recall", f"precision at a recall of {recall:g}", rule)


def capacity(share: Annotated[float, Range(0, 1, open_low=True)] = 0.1) -> Objective:
    """Precision of the likeliest rows, of which no more than this share is predicted positive."""
    rule = Rule("capacity", {"share": share}, at_share)
    return _constrained("precision_at_share", f"precision of the likeliest {share:.2%}", rule)


def _constrained(metric: str, name: str, rule: Rule) -> Objective:
    """Recall, or precision, at the threshold that the rule finds on validation."""
    text = f"{rule.objective}({arguments.as_text(rule.values, ', ')})"
    is_recall = rule.objective == "recall"
    of_rows = influence.recall if is_recall else influence.precision

    def found(validation: Scored, on: Scored) -> Ints:
        return on.decisions(rule.offsets(validation.logits, validation.labels))

    def measure(validation: Scored, on: Scored) -> float:
        decided = found(validation, on)
        return _share(on, decided, is_recall) if decided.any() else 0.0

    return Objective(
        text,
        metric,
        name,
        measure,
        lambda validation, on: of_rows(on.labels, found(validation, on), 2, on.weights),
        binary=True,
        rule=rule,
    )


def _share(on: Scored, decided: Ints, is_recall: bool) -> float:
    """Return the share that is right, of the positive rows or of those predicted positive."""
    of = (on.labels if is_recall else decided) == 1
    return float(np.average(on.labels[of] * decided[of], weights=on.weights[of]))


def cost(spec: CostSpec, costs: Costs | None = None) -> Objective:
    """Cost of decisions: where one threshold decides, at the strategy's own.

    With more classes, or costs in columns of the data, rows are decided for the least expected
    cost.

    Args:
        costs: of the classes and rows of the data; None until that is read, where it matters.
    """
    binary = {*spec.given} <= {*ERRORS}
    if binary and costs is None:
        missing = [name for name in ERRORS if name not in spec.given]
        if missing:
            raise UserError(f"a cost needs both sides, and {missing[0]} is missing: {BOTH}")
        costs = spec.of(("negative", "positive"))

    def each(on: Scored) -> Floats:
        assert costs, "costs of classes or columns need the data"
        own = on.decisions() if costs.is_threshold else costs.decide(on.logits, on.rows)
        return costs.of_each(on.labels, own, on.rows)

    return Objective(
        f"cost({spec})",
        "cost",
        f"cost per {PER:,} rows",
        lambda _, on: float(np.average(each(on), weights=on.weights)),
        lambda _, on: influence.mean(each(on), on.labels, on.weights),
        minimize=True,
        binary=binary,
        costs=spec,
    )


OBJECTIVES: dict[str, Callable[..., Objective]] = {
    make.__name__: make
    for make in (f1, f1_tuned, fbeta, average_precision, recall, precision, capacity)
}
COST, BOTH = "cost", "--cost fp=1,fn=10"


def read(text: str, costs: str = "") -> Objective:
    """Read an objective as a user writes it.

    Args:
        text: e.g. ``fbeta(beta=2)``; "" is the default.
        costs: e.g. ``fp=1,fn=10``; "" if costs are not the objective.

    Raises:
        UserError: if there is no such objective.
    """
    if costs and text not in ("", COST):
        raise UserError(f"--cost is an objective of its own: leave out --objective {text}")
    if costs:
        return cost(cost_spec.read(costs))
    written = text or DEFAULT
    name, _, rest = written.partition("(")
    if name == COST:
        if not rest:
            raise UserError(f"a cost needs both sides, and fp and fn is missing: {BOTH}")
        return cost(cost_spec.read(rest.removesuffix(")")))
    if name not in OBJECTIVES:
        known = arguments.suggest(name, [*OBJECTIVES, COST])
        raise UserError(f"unknown objective {written!r}: {known}")
    given: dict[str, Any] = {}
    for word in filter(None, re.split(r"[,\s]+", rest.removesuffix(")"))):
        key, equals, value = word.partition("=")
        if not (key and equals and value) or key in given:
            raise UserError(f"objective {name!r}: arguments are written name=value, not {word!r}")
        given[key] = value
    bound = arguments.bind(OBJECTIVES[name], given, f"objective {name!r}")
    return OBJECTIVES[name](**bound)


def _f_beta(on: Scored, decisions: Ints, beta: float) -> float:
    from sklearn.metrics import fbeta_score

    # with more classes, the mean is over those that have rows, as everywhere
    average = (
        {"average": "binary"}
        if on.logits.shape[1] == 2
        else {"average": "macro", "labels": np.unique(on.labels)}
    )
    return float(
        fbeta_score(
            on.labels, decisions, beta=beta, sample_weight=on.weights, zero_division=0, **average
        )
    )
