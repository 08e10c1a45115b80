"""Estimators in place of a network, such as those of scikit-learn, on the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics import classification
from benchmark.protocol.arrays import Floats
from benchmark.protocol.strategy import Priors, Strategy, changed
from benchmark.protocol.task import Budget, Estimator, FitData, Splits
from benchmark.protocol.threads import one_thread
from benchmark.training.loop import Clock, require_finite
from benchmark.training.predictions import Fit, Predictions, of_split
from benchmark.training.stages import StagePlan

LEAST = 1e-7  # probability: forests return zeros, which have no logit


def fit(
    untrained: Estimator,
    strategy: Strategy,
    plan: StagePlan,
    splits: Splits,
    priors: Priors,
    budget: Budget,
    clock: Clock,
) -> Fit:
    """Fit on the rows of the only stage, with their weights, and predict as a network does.

    One thread, as for networks: sums are added in the same order everywhere.
    """
    clock.turn("training")
    data = fit_data(strategy, plan, splits, len(priors.training))
    with one_thread():
        fit_estimator(untrained, data)
        steps = getattr(untrained.estimator, "best_step", budget.steps)
        clock.turn("evaluation")
        validation, test = _predictions(untrained, splits, steps)
    clock.turn("")
    return Fit(
        validation=validation,
        test=test,
        outputs={},
        priors=priors,
        trained_rows=len(data.y),
        class_rows=np.bincount(splits.y[splits.train], minlength=len(priors.training)),
        best_step=steps,
        seconds=clock.read(),
        compiled=False,
        device=f"CPU: {untrained.library}, 1 thread",
        curves={},
    )


def fit_data(strategy: Strategy, plan: StagePlan, splits: Splits, classes: int) -> FitData:
    """Return the rows of the only stage, and the loss of the strategy where it has one."""
    [stage] = plan.stages
    y = plan.y[stage.rows]
    derivatives = None
    if changed(strategy, ["loss"]):
        from benchmark.training.derivatives import derivatives_of

        derivatives = derivatives_of(stage.loss, y, classes, stage.weights)
    labels = splits.y[splits.validation]

    def average_precision(scores: Floats) -> float:
        return classification.average_precision(labels, as_logits(scores), np.ones(len(labels)))

    return FitData(
        x=plan.x[stage.rows],
        y=y,
        weights=stage.weights,
        validation_x=splits.x[splits.validation],
        validation_y=labels,
        average_precision=average_precision,
        derivatives=derivatives,
    )


def fit_estimator(untrained: Estimator, data: FitData) -> Any:
    """Fit the estimator and return it."""
    untrained.fit(untrained.estimator, data)
    return untrained.estimator


def predict_logits(estimator: Any, x: NDArray[Any]) -> Floats:
    """Return logits (rows, classes), from log-odds of two classes or one score per class."""
    if not len(x):  # searches have no test rows, and scikit-learn refuses to predict none
        return np.empty((0, len(estimator.classes_)))
    if hasattr(estimator, "decision_function"):
        return as_logits(np.asarray(estimator.decision_function(x)))
    p = np.asarray(estimator.predict_proba(x), np.float64)
    return np.log(np.clip(p, LEAST, 1)).astype(np.float32).astype(np.float64)


def as_logits(scores: Floats) -> Floats:
    """Return logits (rows, classes) of log-odds (rows,), in float32 precision; logits as such."""
    scores = np.asarray(scores, np.float32).astype(np.float64)
    return np.column_stack([-scores / 2, scores / 2]) if scores.ndim == 1 else scores


def _predictions(trained: Estimator, splits: Splits, steps: int) -> tuple[Predictions, Predictions]:
    """Predict validation and test in one call: half of a call checks its arguments."""
    rows = np.concatenate([splits.validation, splits.test])
    logits = predict_logits(trained.estimator, splits.x[rows])
    require_finite(logits, "an output of the estimator", steps)
    validation, test = np.split(logits, [len(splits.validation)])
    return (
        of_split(splits, "validation", validation, validation),
        of_split(splits, "test", test, test),
    )
