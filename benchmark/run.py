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
from benchmark.program import program
from benchmark.seeding import seeded
from benchmark.strategy import Features, Floats, Ints, Priors, Strategy
from benchmark.task import Budget, Splits, Task, class_shares
from benchmark.train import Batches, Clock, DivergedError, Rows, Trained, predictor, train

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
    splits: Splits,
    classes: int,
    strategy: Strategy,
    budget: Budget,
    seed: int,
    report: Callable[[int], None],
) -> Fit:
    """Trains a network with the training part of `strategy` on ``task.split(..., seed)``.

    Raises:
        DivergedError: when the loss of a step is not finite.
    """
    import keras

    clock = Clock()
    clock.turn("data")
    x, y, rows, weights = _training_rows(splits, strategy, classes, seed)
    priors = Priors(
        training=class_shares(y[rows], classes, weights),
        population=class_shares(splits.y[splits.validation], classes),
    )
    placed = Rows.place(x, y, device.room())
    clock.turn("compilation")
    keras.utils.clear_session(free_memory=False)  # names of layers count from 1 again
    with seeded(seed), device.precision(task.kind):
        network = task.network(settings, splits, classes, budget)
        network.model.layers[-1].bias.assign(strategy.bias(priors.training))
        made_by = (task.network, settings, budget)
        compiled = program(network, strategy.loss(priors.training), made_by)
        predict = predictor(compiled, placed)
        trained = train(
            compiled,
            placed,
            Batches(rows, weights, budget.batch, seed),
            budget.steps,
            clock,
            lambda: _look(predict(splits.validation), splits.y[splits.validation]),
            report,
        )
    clock.turn("evaluation")
    validation = _predictions(compiled.model, predict, trained, splits, splits.validation)
    test = _predictions(compiled.model, predict, trained, splits, splits.test)
    clock.turn("")
    return Fit(
        validation=validation,
        test=test,
        priors=priors,
        trained_rows=len(rows),
        best_step=trained.best_step,
        seconds=clock.read(),
        compiled=compiled.by_xla,
        device=device.name(task.kind),
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
    return {
        "val/average_precision": metrics.average_precision(labels, logits),
        "val/log_loss": metrics.log_loss(labels, logits),
    }


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
    # what nobody can reach without the test labels: says how much a better cut could still give
    oracle = np.array([0.0, -metrics.best_cut(truth, test[:, 1] - test[:, 0])])
    for name, cut in {"at_half": np.zeros(2), "tuned": tuned, "oracle": oracle}.items():
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
