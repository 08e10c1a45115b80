"""One cell from data to scores.

`fit` is the training part: it sees training rows and, to choose a checkpoint,
validation rows. `score` is the decision part: it needs no data and no network,
only the predictions that `fit` left. Test labels are read in `score`, after the
cell's choices are frozen.
"""

from __future__ import annotations

from collections.abc import Callable
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
from benchmark.training.loop import Clock
from benchmark.training.network import TrainedNetwork, TrainingJob, train_network
from benchmark.training.predictions import Fit, Predictions
from benchmark.training.stages import Stage, plan_stages


def fit(job: TrainingJob, on_step: Callable[[int], None]) -> Fit:
    """Train the training part of a strategy and return what it leaves; see `fit_network`."""
    fitted, _ = _fit(job, on_step) if job.task.is_network(job.settings) else _fit_estimator(job)
    return fitted


def fit_network(job: TrainingJob, on_step: Callable[[int], None]) -> tuple[Fit, Any]:
    """Train, and return what the training leaves together with the Keras model.

    The model is at the chosen checkpoint; the next training may use it again. Of an `Estimator`
    it is the fitted estimator of scikit-learn.

    Args:
        on_step: receives the number of finished steps now and then.

    Raises:
        UserError: for what the strategy made of the rows, if it cannot be trained on.
        DivergedError: when a loss or an output of the network is not finite.
    """
    if not job.task.is_network(job.settings):
        return _fit_estimator(job)
    fitted, networks = _fit(job, on_step)
    model = networks[0].trained.program.model
    if len(networks) > 1:
        from benchmark.training.layers import together

        return fitted, together(model, [network.trained.best for network in networks])
    model.set_weights(networks[0].trained.best)
    return fitted, model


def _fit_estimator(job: TrainingJob) -> tuple[Fit, Any]:
    """Fit an estimator of scikit-learn in place of a network."""
    clock = Clock()
    clock.turn("data")
    planned = plan_stages(job.splits, job.strategy, job.classes, job.budget.steps, job.seed)
    priors = _priors(job, planned.stages[-1])
    network = job.task.network(job.settings, job.splits, job.classes, job.budget)
    assert isinstance(network, Estimator)
    fitted = estimator.fit(network, planned, job.splits, priors, job.budget, clock)
    return fitted, network.estimator


def _priors(job: TrainingJob, stage: Stage) -> Priors:
    population = class_shares(job.splits.y[job.splits.validation], job.classes)
    return Priors(stage.priors, population)


def _fit(job: TrainingJob, on_step: Callable[[int], None]) -> tuple[Fit, list[TrainedNetwork]]:
    """Several networks start from the same weights, as all strategies do, and share the steps."""
    clock = Clock()
    number, steps = job.strategy.networks, job.budget.steps
    if steps < number:
        raise UserError(f"{steps} steps are too few for {number} networks: train for longer")
    ends = [steps * each // number for each in range(number + 1)]
    members = [
        train_network(job, each, end - start, clock, partial(_after, on_step, start))
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


def _after(on_step: Callable[[int], None], start: int, done: int) -> None:
    on_step(start + done)


def _averaged(members: list[Predictions]) -> Predictions:
    """The log of mean probabilities, in the networks' own float32; of one network its logits."""
    first = members[0]
    if len(members) == 1:
        return first
    best, last = (
        classification.mean_logits([getattr(member, name) for member in members]).astype(np.float32)
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
