"""Objectives of a search: measures of one split, with every threshold tuned on validation."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from benchmark.metrics import classification
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

    def decisions(self, offsets: Floats | None = None) -> Ints:
        """Decide every row with the strategy's own offsets, or with others."""
        return classification.decide(self.logits, self.offsets if offsets is None else offsets)

    @property
    def margin(self) -> Floats:
        """Logit of the positive class minus that of the negative one, (rows,)."""
        return self.logits[:, 1] - self.logits[:, 0]


Measure = Callable[[Scored, Scored], float]
"""(validation, the split to measure) -> number"""


@dataclass(frozen=True)
class Objective:
    """A measure and its direction.

    Attributes:
        text: as ``--objective`` takes it.
        metric: its name in MLflow, without the split.
        name: for readers.
        binary: whether it needs two classes.
    """

    text: str
    metric: str
    name: str
    measure: Measure
    minimize: bool = False
    binary: bool = False

    def on_validation(self, strategy: Strategy, fit: Fit) -> float:
        """Return the objective of a trial, which reads nothing but validation."""
        validation = _scored(strategy, fit, fit.validation)
        return self.measure(validation, validation)

    def on_test(self, strategy: Strategy, fit: Fit) -> float:
        """Return the objective on test, with every choice made on validation."""
        validation = _scored(strategy, fit, fit.validation)
        return self.measure(validation, _scored(strategy, fit, fit.test))


def _scored(strategy: Strategy, fit: Fit, part: Predictions) -> Scored:
    decision = fit_decision(strategy, fit)
    return Scored(part.labels, decision.calibration(part.best), part.weights, decision.offsets)


def f1() -> Objective:
    """F1 at the strategy's own threshold: 0.5, unless the strategy moves it."""
    return Objective("f1", "f1", "F1", lambda _, on: _f_beta(on, on.decisions(), 1))


def f1_tuned() -> Objective:
    """F1 at the threshold where it is largest on validation."""

    def measure(validation: Scored, on: Scored) -> float:
        tuned = best_offsets(validation.labels, validation.logits, validation.weights)
        return _f_beta(on, on.decisions(tuned), 1)

    return Objective("f1_tuned", "f1_tuned", "F1 at the tuned threshold", measure)


def fbeta(beta: Annotated[float, Range(0, open_low=True)] = 2.0) -> Objective:
    """F-beta at the strategy's own threshold; beta above 1 weighs recall higher."""
    text = f"fbeta({arguments.as_text({'beta': beta}, ', ')})"
    return Objective(
        text, "fbeta", f"F-beta ({beta:g})", lambda _, on: _f_beta(on, on.decisions(), beta)
    )


def average_precision() -> Objective:
    """Average precision, which does not depend on a threshold."""
    return Objective(
        "average_precision",
        "average_precision",
        "average precision",
        lambda _, on: classification.average_precision(on.labels, on.logits, on.weights),
    )


def recall(precision: Annotated[float, Range(0, 1, open_low=True)] = 0.5) -> Objective:
    """Recall at the lowest threshold that has this precision on validation; 0 if none has."""

    def measure(validation: Scored, on: Scored) -> float:
        from sklearn.metrics import precision_recall_curve

        precisions, _, candidates = precision_recall_curve(
            validation.labels, validation.margin, sample_weight=validation.weights
        )
        reached = np.flatnonzero(precisions[:-1] >= precision)
        if not len(reached):
            return 0.0
        positive = on.labels == 1
        found = on.margin[positive] >= candidates[reached[0]]
        return float(np.average(found, weights=on.weights[positive]))

    text = f"recall({arguments.as_text({'precision': precision}, ', ')})"
    name = f"recall at a precision of {precision:g}"
    return Objective(text, "recall_at_precision", name, measure, binary=True)


def cost(
    fp: Annotated[float, Range(0, open_low=True)], fn: Annotated[float, Range(0, open_low=True)]
) -> Objective:
    """Cost of wrong decisions at the strategy's own threshold."""
    costs = Costs(fp, fn)
    return Objective(
        f"cost({arguments.as_text({'fp': fp, 'fn': fn}, ', ')})",
        "cost",
        f"cost per {PER:,} rows",
        lambda _, on: costs.of(on.labels, on.decisions(), on.weights),
        minimize=True,
        binary=True,
    )


OBJECTIVES: dict[str, Callable[..., Objective]] = {
    make.__name__: make for make in (f1, f1_tuned, fbeta, average_precision, recall, cost)
}


def read(text: str, costs: str = "") -> Objective:
    """Read an objective as a user writes it.

    Args:
        text: e.g. ``fbeta(beta=2)``; "" is the default.
        costs: e.g. ``fp=1,fn=10``; "" if costs are not the objective.

    Raises:
        UserError: if there is no such objective.
    """
    if costs and text not in ("", "cost"):
        raise UserError(f"--cost is an objective of its own: leave out --objective {text}")
    written = f"cost({costs})" if costs else text or DEFAULT
    name, _, rest = written.partition("(")
    if name not in OBJECTIVES:
        raise UserError(f"unknown objective {written!r}: {arguments.suggest(name, OBJECTIVES)}")
    given: dict[str, Any] = {}
    for word in filter(None, re.split(r"[,\s]+", rest.removesuffix(")"))):
        key, equals, value = word.partition("=")
        if not (key and equals and value) or key in given:
            raise UserError(f"objective {name!r}: arguments are written name=value, not {word!r}")
        given[key] = value
    bound = arguments.bind(OBJECTIVES[name], given, f"objective {name!r}")
    missing = [key for key, value in bound.items() if value is inspect.Parameter.empty]
    if missing:
        raise UserError(
            f"a cost needs both sides, and {' and '.join(missing)} is missing: --cost fp=1,fn=10"
        )
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
