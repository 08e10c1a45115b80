"""One cell from data to scores.

`fit` is the training part: it sees training rows and, to choose a checkpoint,
validation rows. `score` is the decision part: it needs no data and no network,
only the predictions that `fit` left. Test labels are read in `score`, after the
cell's choices are frozen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark import device, metrics
from benchmark.fits import Fit, Predictions
from benchmark.seeding import seeded
from benchmark.strategy import Features, Floats, Ints, Priors, Strategy
from benchmark.task import Budget, Data, Splits, Task, class_shares
from benchmark.train import (
    Batches,
    DivergedError,
    Rows,
    Trained,
    compiles,
    predictor,
    train,
)

RESAMPLING = 1  # the stream of random numbers that resamplers draw from


@dataclass(frozen=True)
class Score:
    """The numbers of a cell, and what its figures are drawn from."""

    metrics: dict[str, float]
    labels: Ints
    decisions: Ints
    probabilities: Floats  # of the positive class, calibrated
    collapsed: bool  # every test row got the same decision


def fit(
    task: Task,
    settings: Any,
    data: Data,
    strategy: Strategy,
    budget: Budget,
    seed: int,
    report: Callable[[int], None],
) -> Fit:
    """Trains a network with the training part of `strategy`.

    Raises:
        DivergedError: when the loss of a step is not finite.
    """
    import keras

    classes = len(data.classes)
    splits = task.split(data, settings, seed)
    x, y, rows, weights = _training_rows(splits, strategy, classes, seed)
    priors = Priors(
        training=class_shares(y[rows], classes, weights),
        population=class_shares(splits.y[splits.train], classes),
    )
    keras.backend.clear_session()
    with seeded(seed):
        network = task.network(settings, splits, classes, budget)
        network.model.layers[-1].bias.assign(strategy.bias(priors.training))
        on_device = Rows.on_device(x, y)
        predict = predictor(network.model, on_device.x)
        trained = train(
            network,
            on_device,
            Batches(rows, weights, budget.batch, seed),
            strategy.loss(priors.training),
            budget.steps,
            lambda: _look(predict(splits.validation), splits.y[splits.validation]),
            report,
        )

    return Fit(
        validation=_predictions(network.model, predict, trained, splits, splits.validation),
        test=_predictions(network.model, predict, trained, splits, splits.test),
        priors=priors,
        trained_rows=len(rows),
        best_step=trained.best_step,
        seconds=trained.seconds,
        compiled=compiles(network.model),
        device=device.name(),
        curves=trained.curves,
    )


def _predictions(
    model: Any, predict: Callable[[Ints], Floats], trained: Trained, splits: Splits, rows: Ints
) -> Predictions:
    model.set_weights(trained.best)
    best = last = predict(rows)
    if trained.best_step < trained.last_step:
        model.set_weights(trained.last)
        last = predict(rows)
    return Predictions(rows, splits.y[rows], best, last)


def _look(logits: Floats, labels: Ints) -> dict[str, float]:
    """Validation metrics; the first chooses the checkpoint."""
    if not np.isfinite(logits).all():
        raise DivergedError("the network's outputs on validation are not finite")
    average_precision = metrics.ranking_metrics(labels, logits)["average_precision"]
    log_loss = metrics.probability_metrics(labels, logits)["log_loss"]
    return {"val/average_precision": average_precision, "val/log_loss": log_loss}


def score(strategy: Strategy, fit: Fit) -> Score:
    """Calibrates and decides on validation, then reads the test labels once."""
    best, decisions, probabilities = _decide(strategy, fit, "best")
    last, _, _ = _decide(strategy, fit, "last")
    return Score(
        metrics={
            **{f"test/{name}": value for name, value in best.items()},
            **{f"test_last_step/{name}": value for name, value in last.items()},
        },
        labels=fit.test.labels,
        decisions=decisions,
        probabilities=probabilities,
        collapsed=len(np.unique(decisions)) == 1,
    )


def _decide(strategy: Strategy, fit: Fit, checkpoint: str) -> tuple[dict[str, float], Ints, Floats]:
    """Test metrics, decisions and probabilities of the weights at one checkpoint."""
    raw, labels = getattr(fit.validation, checkpoint), fit.validation.labels
    calibrate = strategy.calibrate(raw, labels, fit.priors)
    validation = calibrate(raw)
    offsets = strategy.threshold(validation, labels)
    tuned = np.array([0.0, -metrics.best_cut(labels, validation[:, 1] - validation[:, 0])])
    # every choice is frozen here
    test, truth = calibrate(getattr(fit.test, checkpoint)), fit.test.labels
    values = metrics.all_metrics(truth, test, offsets)
    for name, cut in {"at_half": np.zeros(2), "tuned": tuned}.items():
        at_cut = metrics.decision_metrics(truth, metrics.decide(test, cut))
        values |= {
            f"{measure}_{name}": at_cut[measure] for measure in ("f1", "precision", "recall")
        }
    values["cut"] = float(metrics.probabilities(-offsets[None])[0])
    values["cut_tuned"] = float(metrics.probabilities(-tuned[None])[0])
    return values, metrics.decide(test, offsets), metrics.probabilities(test)


def _training_rows(
    splits: Splits, strategy: Strategy, classes: int, seed: int
) -> tuple[NDArray[Any], Ints, Ints, Floats]:
    """x and y with made rows at their end, the row numbers to train on, and their weights."""
    labels = splits.y[splits.train]

    def features() -> Features:
        return Features(splits.x[splits.train], splits.categorical)

    drawn = strategy.resample(labels, features, np.random.default_rng([seed, RESAMPLING]))
    x, y, numbers = splits.x, splits.y, splits.train
    if drawn.made is not None and drawn.made_labels is not None:
        numbers = np.concatenate([numbers, len(y) + np.arange(len(drawn.made))])
        x, y = np.concatenate([x, drawn.made]), np.concatenate([y, drawn.made_labels])
    rows = numbers[drawn.rows]
    weights = strategy.weigh(y[rows], classes)
    return x, y, rows, weights / weights.mean()
