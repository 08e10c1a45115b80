"""The post-hoc part of a cell: predictions in, test scores out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.metrics import classification, long_tail
from benchmark.metrics.thresholds import best_offsets
from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.strategy import Strategy
from benchmark.training.decision import Checkpoint, fit_decision
from benchmark.training.loop import require_finite
from benchmark.training.predictions import Fit


@dataclass(frozen=True)
class Score:
    """The measures of a cell, and what its figures are drawn from."""

    metrics: dict[str, float]
    labels: Ints  # (rows,), of test
    weights: Floats  # (rows,)
    decisions: Ints  # (rows,)
    logits: Floats  # calibrated, (rows, classes)
    collapsed: bool  # every test row got the same decision


def score(strategy: Strategy, fit: Fit) -> Score:
    """Calibrate and decide on validation, then read the test labels once.

    Raises:
        DivergedError: if a calibrated logit, an offset or a measure is not finite.
    """
    best, decisions, logits = _decide(strategy, fit, "best", fit.best_step)
    last: dict[str, float] = {}  # an estimator has no other checkpoint
    if fit.curves:  # the weights of the last step may be the best ones
        same = fit.best_step == fit.last_step
        last = best if same else _decide(strategy, fit, "last", fit.last_step)[0]
    return Score(
        metrics={
            **{f"test/{name}": value for name, value in best.items()},
            **{f"test_last_step/{name}": value for name, value in last.items()},
        },
        labels=fit.test.labels,
        weights=fit.test.weights,
        decisions=decisions,
        logits=logits,
        collapsed=len(np.unique(decisions)) == 1,
    )


def _decide(
    strategy: Strategy, fit: Fit, checkpoint: Checkpoint, step: int
) -> tuple[dict[str, float], Ints, Floats]:
    """Return test metrics, decisions and calibrated logits at one checkpoint."""
    decision = fit_decision(strategy, fit, checkpoint)
    calibration, offsets = decision.calibration, decision.offsets
    validation = calibration(getattr(fit.validation, checkpoint))
    require_finite(validation, "a calibrated logit on validation", step)
    require_finite(offsets, "the threshold", step)
    tuned = best_offsets(fit.validation.labels, validation, fit.validation.weights)
    # all choices are made: test labels may be read
    test, truth = calibration(getattr(fit.test, checkpoint)), fit.test.labels
    weights = fit.test.weights
    require_finite(test, "a calibrated logit on test", step)
    values = classification.all_metrics(truth, test, offsets, weights)
    # the best threshold on test: how much a better threshold could still gain
    upper_bound, plain = best_offsets(truth, test, weights), np.zeros_like(tuned)
    for name, threshold in {"at_half": plain, "tuned": tuned, "upper_bound": upper_bound}.items():
        at_threshold = classification.decision_metrics(
            truth, classification.decide(test, threshold), weights, len(threshold)
        )
        values |= {
            f"{measure}_{name}": at_threshold[measure] for measure in ("f1", "precision", "recall")
        }
    if len(plain) == 2:
        values["threshold"] = float(classification.positive_probabilities(-offsets[None])[0])
        values["threshold_tuned"] = float(classification.positive_probabilities(-tuned[None])[0])
    else:
        values |= long_tail.metrics_by_size(truth, test, offsets, weights, fit.class_rows)
    for name, value in values.items():
        require_finite(np.array([value]), f"{name} on test", step)
    return values, classification.decide(test, offsets), test
