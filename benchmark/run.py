"""One cell from data to scores.

`fit` is the training part: it sees training rows and, to choose a checkpoint,
validation rows. `score` is the decision part: it needs no data and no network,
only the predictions that `fit` left. Test labels are read in `score`, after the
cell's choices are frozen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark import device, metrics, reference
from benchmark.decision import Checkpoint, frozen
from benchmark.errors import UserError
from benchmark.fits import Fit, Predictions
from benchmark.offsets import best_offsets
from benchmark.program import program
from benchmark.seeding import seeded
from benchmark.strategy import Features, Floats, Ints, Priors, Strategy
from benchmark.task import Budget, Reference, Splits, Task, class_shares
from benchmark.train import Batches, Clock, Rows, Trained, predictor, require_finite, train

RESAMPLING = 1  # the stream of random numbers that resamplers draw from


@dataclass(frozen=True)
class Score:
    """The numbers of a cell, and what its figures are drawn from."""

    metrics: dict[str, float]
    labels: Ints
    decisions: Ints
    logits: Floats  # calibrated, (rows, classes)
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
    """What training a network with the training part of `strategy` leaves.

    Raises:
        UserError: for what the strategy made of the rows, if it cannot be trained on.
        DivergedError: when a loss or an output of the network is not finite.
    """
    fitted, _ = fit_network(task, settings, splits, classes, strategy, budget, seed, report)
    return fitted


def fit_network(
    task: Task,
    settings: Any,
    splits: Splits,
    classes: int,
    strategy: Strategy,
    budget: Budget,
    seed: int,
    report: Callable[[int], None],
) -> tuple[Fit, Any]:
    """Trains a network with the training part of `strategy` on ``task.split(..., seed)``.

    The Keras model is given at the chosen checkpoint; the next training may use it again. Of a
    Reference it is the fitted estimator.

    Raises:
        UserError: for what the strategy made of the rows, if it cannot be trained on.
        DivergedError: when a loss or an output of the network is not finite.
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
        if isinstance(network, Reference):
            fitted = reference.fit(network, x, y, rows, weights, splits, priors, budget, clock)
            return fitted, network.estimator
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
            lambda step: _look(predict(splits.validation), splits.y[splits.validation], step),
            report,
        )
    clock.turn("evaluation")
    validation = _predictions(compiled.model, predict, trained, splits, "validation")
    test = _predictions(compiled.model, predict, trained, splits, "test")
    clock.turn("")
    compiled.model.set_weights(trained.best)
    fitted = Fit(
        validation=validation,
        test=test,
        priors=priors,
        trained_rows=len(rows),
        class_rows=np.bincount(splits.y[splits.train], minlength=classes),
        best_step=trained.best_step,
        seconds=clock.read(),
        compiled=compiled.by_xla,
        device=device.name(task.kind),
        curves=trained.curves,
    )
    return fitted, compiled.model


def _predictions(
    model: Any, predict: Callable[[Ints], Floats], trained: Trained, splits: Splits, part: str
) -> Predictions:
    rows = getattr(splits, part)
    model.set_weights(trained.best)
    best = last = predict(rows)
    if trained.best_step < trained.last_step:
        model.set_weights(trained.last)
        last = predict(rows)
    for logits, step in ((best, trained.best_step), (last, trained.last_step)):
        require_finite(logits, f"an output of the network on {part}", step)
    return Predictions(rows, splits.y[rows], best, last)


def _look(logits: Floats, labels: Ints, step: int) -> dict[str, float]:
    """Validation metrics; the first chooses the checkpoint."""
    require_finite(logits, "an output of the network on validation", step)
    return {
        "val/average_precision": metrics.average_precision(labels, logits),
        "val/log_loss": metrics.log_loss(labels, logits),
    }


def score(strategy: Strategy, fit: Fit) -> Score:
    """Calibrates and decides on validation, then reads the test labels once.

    Raises:
        DivergedError: when a calibrated logit, an offset or a measure is not finite.
    """
    best, decisions, logits = _decide(strategy, fit, "best", fit.best_step)
    # what was fitted whole has no other checkpoint
    last = _decide(strategy, fit, "last", fit.last_step)[0] if fit.curves else {}
    return Score(
        metrics={
            **{f"test/{name}": value for name, value in best.items()},
            **{f"test_last_step/{name}": value for name, value in last.items()},
        },
        labels=fit.test.labels,
        decisions=decisions,
        logits=logits,
        collapsed=len(np.unique(decisions)) == 1,
    )


def _decide(
    strategy: Strategy, fit: Fit, checkpoint: Checkpoint, step: int
) -> tuple[dict[str, float], Ints, Floats]:
    """Test metrics, decisions and logits of the weights at one checkpoint."""
    decision = frozen(strategy, fit, checkpoint)
    calibration, offsets = decision.calibration, decision.offsets
    validation = calibration(getattr(fit.validation, checkpoint))
    require_finite(validation, "a calibrated logit on validation", step)
    require_finite(offsets, "the threshold", step)
    tuned = best_offsets(fit.validation.labels, validation)
    # every choice is frozen here
    test, truth = calibration(getattr(fit.test, checkpoint)), fit.test.labels
    require_finite(test, "a calibrated logit on test", step)
    values = metrics.all_metrics(truth, test, offsets)
    # what nobody can reach without the test labels: says how much a better cut could still give
    oracle, plain = best_offsets(truth, test), np.zeros_like(tuned)
    for name, cut in {"at_half": plain, "tuned": tuned, "oracle": oracle}.items():
        at_cut = metrics.decision_metrics(truth, metrics.decide(test, cut), len(cut))
        values |= {
            f"{measure}_{name}": at_cut[measure] for measure in ("f1", "precision", "recall")
        }
    if len(plain) == 2:
        values["cut"] = float(metrics.probabilities(-offsets[None])[0])
        values["cut_tuned"] = float(metrics.probabilities(-tuned[None])[0])
    else:
        values |= metrics.long_tail_metrics(truth, test, offsets, fit.class_rows)
    for name, value in values.items():
        require_finite(np.array([value]), f"{name} on test", step)
    return values, metrics.decide(test, offsets), test


def _training_rows(
    splits: Splits, strategy: Strategy, classes: int, seed: int
) -> tuple[NDArray[Any], Ints, Ints, Floats]:
    """x and y with made rows at their end, the row numbers to train on, and their weights."""
    labels = splits.y[splits.train]
    # bound to no more than it needs: nothing that a strategy is handed leads to a label of test
    features = partial(_features, splits.x, splits.train, splits.categorical)
    drawn = strategy.resample(labels, features, np.random.default_rng([seed, RESAMPLING]))
    x, y, numbers = splits.x, splits.y, splits.train
    if drawn.made is not None and drawn.made_labels is not None:
        numbers = np.concatenate([numbers, len(y) + np.arange(len(drawn.made))])
        x, y = np.concatenate([x, drawn.made]), np.concatenate([y, drawn.made_labels])
    rows = numbers[drawn.rows]
    counts = np.bincount(y[rows], minlength=classes)
    if len(counts) > classes or not counts.all():
        raise UserError(
            f"resampling left {', '.join(map(str, counts))} rows of class 0, 1, ...: "
            f"each of {classes} classes, and no other, must have some"
        )
    weights = strategy.weigh(y[rows], classes)
    if splits.weights is not None:
        # a made row counts as the mean of those that it was made from
        made = np.full(len(y) - len(splits.y), splits.weights[splits.train].mean())
        weights = weights * np.concatenate([splits.weights, made])[rows]
    return x, y, rows, _relative(weights, y[rows])


def _features(x: NDArray[Any], rows: Ints, categorical: tuple[int, ...]) -> Features:
    return Features(x[rows], categorical)


def _relative(weights: Floats, labels: Ints) -> Floats:
    """Weights of mean 1. UserError unless all are positive, in float32 too."""
    if weights.shape != labels.shape:
        raise UserError(f"{weights.shape} weights were given to {len(labels)} training rows")
    with np.errstate(all="ignore"):
        relative: Floats = weights / weights.mean()
        right = np.isfinite(weights) & (weights > 0)
        if right.all():
            right = np.isfinite(relative) & (relative.astype(np.float32) > 0)
    if not right.all():
        raise UserError(
            f"a training row of class {labels[~right][0]} weighs {weights[~right][0]}: weights "
            "must be positive, finite, and not so far apart that the smallest counts for nothing"
        )
    return relative
