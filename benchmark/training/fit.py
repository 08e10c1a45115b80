"""The training part of a cell: networks or an estimator trained, predictions returned.

`fit` uses training rows and, to choose a checkpoint, validation rows. The post-hoc part,
`score.score`, needs no data and no network, only the predictions in a `Fit`. Test labels are read
there alone, after all choices of the cell are made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from benchmark.metrics import classification
from benchmark.protocol.arrays import Curve
from benchmark.protocol.errors import UserError
from benchmark.protocol.splits import class_shares
from benchmark.protocol.strategy import Priors
from benchmark.protocol.task import Estimator
from benchmark.training import device, estimator
from benchmark.training.job import TrainingJob
from benchmark.training.loop import Clock
from benchmark.training.network import TrainedNetwork, train_network
from benchmark.training.predictions import Fit, Predictions
from benchmark.training.stages import Stage, plan_stages


def fit(job: TrainingJob, on_step: Callable[[int], None]) -> Fit:
    """Run the training part of a strategy and return its predictions; see `fit_network`."""
    fitted, _ = _fit(job, on_step) if job.task.is_network(job.settings) else _fit_estimator(job)
    return fitted


def fit_network(job: TrainingJob, on_step: Callable[[int], None]) -> tuple[Fit, Any]:
    """Train, and return predictions together with the Keras model.

    The model is at the chosen checkpoint; the next training may reuse it. For an `Estimator` it is
    the fitted scikit-learn estimator.

    Args:
        on_step: receives the number of finished steps now and then.

    Raises:
        UserError: if the rows or weights of the strategy cannot be trained on.
        DivergedError: if a loss or an output of the network is not finite.
    """
    if not job.task.is_network(job.settings):
        return _fit_estimator(job)
    fitted, networks = _fit(job, on_step)
    model = networks[0].weights.compiled.model
    if len(networks) > 1:
        from benchmark.training.layers import together

        return fitted, together(model, [network.weights.best for network in networks])
    model.set_weights(networks[0].weights.best)
    return fitted, model


def _fit_estimator(job: TrainingJob) -> tuple[Fit, Any]:
    """Fit a scikit-learn estimator in place of a network."""
    clock = Clock()
    clock.turn("data")
    plan = plan_stages(job.splits, job.strategy, job.classes, job.budget.steps, job.seed)
    priors = _priors(job, plan.stages[-1])
    untrained = job.task.network(job.settings, job.splits, job.classes, job.budget)
    assert isinstance(untrained, Estimator)
    fitted = estimator.fit(untrained, job.strategy, plan, job.splits, priors, job.budget, clock)
    return fitted, untrained.estimator


def _priors(job: TrainingJob, stage: Stage) -> Priors:
    population = class_shares(job.splits.y[job.splits.validation], job.classes)
    return Priors(stage.priors, population)


def _fit(job: TrainingJob, on_step: Callable[[int], None]) -> tuple[Fit, list[TrainedNetwork]]:
    """Train the networks of a strategy, which share the steps.

    All start from the same weights, as the networks of all strategies do.
    """
    clock = Clock()
    count, steps = job.strategy.networks, job.budget.steps
    if steps < count:
        raise UserError(f"{steps} steps are too few for {count} networks: train for more steps")
    ends = [steps * number // count for number in range(count + 1)]
    members = [
        train_network(job, number, end - start, clock, partial(_on_later_step, on_step, start))
        for number, (start, end) in enumerate(pairwise(ends))
    ]
    clock.turn("")
    weights = [member.weights for member in members]
    fitted = Fit(
        validation=_average([member.validation for member in members]),
        test=_average([member.test for member in members]),
        outputs=members[0].outputs,
        priors=_priors(job, members[0].last),
        trained_rows=len(members[0].last.rows),
        class_rows=np.bincount(job.splits.y[job.splits.train], minlength=job.classes),
        best_step=sum(member.best_step for member in weights),
        seconds=clock.read(),
        compiled=weights[0].compiled.by_xla,
        device=device.name(job.task.kind),
        curves=_joined([member.curves for member in weights], ends),
    )
    return fitted, members


def _on_later_step(on_step: Callable[[int], None], start: int, done: int) -> None:
    """Report steps of a network that began after `start` steps of others."""
    on_step(start + done)


def _average(members: list[Predictions]) -> Predictions:
    """Return the log of mean probabilities, in float32 precision; for one network its logits."""
    first = members[0]
    if len(members) == 1:
        return first
    best, last = (
        classification.mean_logits([getattr(member, name) for member in members]).astype(np.float32)
        for name in ("best", "last")
    )
    return replace(first, best=best.astype(np.float64), last=last.astype(np.float64))


def _joined(curves: list[dict[str, Curve]], starts: list[int]) -> dict[str, Curve]:
    """Join the curves of networks that were trained one after the other."""
    return {
        name: [
            (start + step, value)
            for start, member in zip(starts, curves, strict=False)
            for step, value in member[name]
        ]
        for name in curves[0]
    }
