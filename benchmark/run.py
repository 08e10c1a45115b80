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
from itertools import pairwise
from typing import Any

import numpy as np

from benchmark import device, metrics, reference
from benchmark.course import Stage, course
from benchmark.decision import Checkpoint, frozen
from benchmark.errors import UserError
from benchmark.fits import Fit, Predictions
from benchmark.member import Job, Member, train_one
from benchmark.offsets import best_offsets
from benchmark.strategy import Floats, Ints, Priors, Strategy
from benchmark.task import Budget, Reference, Splits, Task, class_shares
from benchmark.train import (
    Clock,
    Curve,
    require_finite,
)


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
    """What training with the training part of `strategy` leaves; see `fit_network`."""
    job = Job(task, settings, splits, classes, strategy, budget, seed)
    fitted, _ = _fit(job, report) if task.is_network(settings) else _reference(job)
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
    job = Job(task, settings, splits, classes, strategy, budget, seed)
    if not task.is_network(settings):
        return _reference(job)
    fitted, members = _fit(job, report)
    model = members[0].trained.program.model
    if len(members) > 1:
        from benchmark.layers import together

        return fitted, together(model, [member.trained.best for member in members])
    model.set_weights(members[0].trained.best)
    return fitted, model


def _reference(job: Job) -> tuple[Fit, Any]:
    """A Reference in the place of a network, and its fitted estimator."""
    clock = Clock()
    clock.turn("data")
    planned = course(job.splits, job.strategy, job.classes, job.budget.steps, job.seed)
    priors = _priors(job, planned.stages[-1])
    network = job.task.network(job.settings, job.splits, job.classes, job.budget)
    assert isinstance(network, Reference)
    fitted = reference.fit(network, planned, job.splits, priors, job.budget, clock)
    return fitted, network.estimator


def _priors(job: Job, stage: Stage) -> Priors:
    population = class_shares(job.splits.y[job.splits.validation], job.classes)
    return Priors(stage.priors, population)


def _fit(job: Job, report: Callable[[int], None]) -> tuple[Fit, list[Member]]:
    """Several networks start from the same weights, as all strategies do, and share the steps."""
    clock = Clock()
    number, steps = job.strategy.networks, job.budget.steps
    if steps < number:
        raise UserError(f"{steps} steps are too few for {number} networks: train for longer")
    ends = [steps * each // number for each in range(number + 1)]
    members = [
        train_one(job, each, end - start, clock, partial(_after, report, start))
        for each, (start, end) in enumerate(pairwise(ends))
    ]
    clock.turn("")
    trained = [member.trained for member in members]
    fitted = Fit(
        validation=_averaged([member.validation for member in members]),
        test=_averaged([member.test for member in members]),
        outputs=members[0].outputs,
        priors=_priors(job, members[0].last),
        trained_rows=len(members[0].last.rows),
        class_rows=np.bincount(job.splits.y[job.splits.train], minlength=job.classes),
        best_step=sum(one.best_step for one in trained),
        seconds=clock.read(),
        compiled=trained[0].program.by_xla,
        device=device.name(job.task.kind),
        curves=_joined([one.curves for one in trained], ends),
    )
    return fitted, members


def _after(report: Callable[[int], None], start: int, done: int) -> None:
    report(start + done)


def _averaged(members: list[Predictions]) -> Predictions:
    """The log of mean probabilities, in the networks' own float32; of one network its logits."""
    first = members[0]
    if len(members) == 1:
        return first
    best, last = (
        metrics.mean_logits([getattr(member, name) for member in members]).astype(np.float32)
        for name in ("best", "last")
    )
    return Predictions(first.rows, first.labels, best.astype(np.float64), last.astype(np.float64))


def _joined(curves: list[dict[str, Curve]], starts: list[int]) -> dict[str, Curve]:
    """Curves of networks that were trained one after the other."""
    return {
        name: [
            (start + step, value)
            for start, each in zip(starts, curves, strict=False)
            for step, value in each[name]
        ]
        for name in curves[0]
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
