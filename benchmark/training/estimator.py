"""Estimators of scikit-learn in place of a network: fitted in one go, on the same rows."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.strategy import Priors
from benchmark.protocol.task import Budget, Estimator, Splits
from benchmark.training.loop import Clock, require_finite
from benchmark.training.predictions import Fit, Predictions, of_split
from benchmark.training.stages import StagePlan

DEVICE = "CPU: scikit-learn, 1 thread"


def fit(
    untrained: Estimator,
    plan: StagePlan,
    splits: Splits,
    priors: Priors,
    budget: Budget,
    clock: Clock,
) -> Fit:
    """Fit on the rows of the only stage, with their weights, and predict as a network does.

    One thread, as for networks: sums are added in the same order everywhere.
    """
    [stage] = plan.stages
    clock.turn("training")
    with threadpool_limits(1):
        fit_estimator(untrained, plan.x[stage.rows], plan.y[stage.rows], stage.weights)
        clock.turn("evaluation")
        validation = _predictions(untrained, splits, "validation", budget.steps)
        test = _predictions(untrained, splits, "test", budget.steps)
    clock.turn("")
    return Fit(
        validation=validation,
        test=test,
        outputs={},
        priors=priors,
        trained_rows=len(stage.rows),
        class_rows=np.bincount(splits.y[splits.train], minlength=len(priors.training)),
        best_step=budget.steps,
        seconds=clock.read(),
        compiled=False,
        device=DEVICE,
        curves={},
    )


def fit_estimator(untrained: Estimator, x: NDArray[Any], y: Ints, weights: Floats) -> Any:
    """Fit the scikit-learn estimator with sample weights and return it."""
    estimator = untrained.estimator
    # the last step of a pipeline takes the weights
    steps = getattr(estimator, "steps", None)
    name = f"{steps[-1][0]}__sample_weight" if steps else "sample_weight"
    return estimator.fit(x, y, **{name: weights})


def predict_logits(estimator: Any, x: NDArray[Any]) -> Floats:
    """Return logits (rows, classes), from log-odds of two classes or one score per class."""
    if not len(x):  # searches have no test rows, and scikit-learn refuses to predict none
        return np.empty((0, len(estimator.classes_)))
    scores = np.asarray(estimator.decision_function(x), np.float32).astype(np.float64)
    return np.column_stack([-scores / 2, scores / 2]) if scores.ndim == 1 else scores


def _predictions(
    trained: Estimator, splits: Splits, part: Literal["validation", "test"], steps: int
) -> Predictions:
    logits = predict_logits(trained.estimator, splits.x[getattr(splits, part)])
    require_finite(logits, f"an output of the estimator on {part}", steps)
    return of_split(splits, part, logits, logits)
