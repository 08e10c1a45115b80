"""A reference of scikit-learn in the place of a network: fitted whole, on the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.strategy import Priors
from benchmark.protocol.task import Budget, Estimator, Splits
from benchmark.training.loop import Clock, require_finite
from benchmark.training.predictions import Fit, Predictions
from benchmark.training.stages import StagePlan

DEVICE = "CPU: scikit-learn, 1 thread"


def fit(
    reference: Estimator,
    planned: StagePlan,
    splits: Splits,
    priors: Priors,
    budget: Budget,
    clock: Clock,
) -> Fit:
    """Fits on the rows of the only stage, with their weights, and predicts as a network does.

    One thread, as for networks: sums are then added in the same order everywhere.
    """
    [stage] = planned.stages
    clock.turn("training")
    with threadpool_limits(1):
        fit_estimator(reference, planned.x[stage.rows], planned.y[stage.rows], stage.weights)
        clock.turn("evaluation")
        validation, test = (
            _predictions(reference, splits, part, budget.steps) for part in ("validation", "test")
        )
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


def fit_estimator(reference: Estimator, x: NDArray[Any], y: Ints, weights: Floats) -> Any:
    """The estimator, fitted with a weight for each row."""
    estimator = reference.estimator
    # the last step of a pipeline takes the weights
    steps = getattr(estimator, "steps", None)
    name = f"{steps[-1][0]}__sample_weight" if steps else "sample_weight"
    return estimator.fit(x, y, **{name: weights})


def predict_logits(estimator: Any, x: NDArray[Any]) -> Floats:
    """(rows, classes), from log-odds of two classes or a score for each of more."""
    scores = np.asarray(estimator.decision_function(x), np.float32).astype(np.float64)
    return np.column_stack([-scores / 2, scores / 2]) if scores.ndim == 1 else scores


def _predictions(reference: Estimator, splits: Splits, part: str, steps: int) -> Predictions:
    rows = getattr(splits, part)
    found = predict_logits(reference.estimator, splits.x[rows])
    require_finite(found, f"an output of the reference on {part}", steps)
    return Predictions(rows, splits.y[rows], found, found)
