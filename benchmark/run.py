"""One cell from data to scores.

`fit` is the training part: it sees training rows and, to choose a checkpoint,
validation rows. `score` is the decision part: it needs no data and no network,
only the predictions that `fit` left. Test labels are read in `score`, after the
cell's choices are frozen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from benchmark import device, metrics, reference
from benchmark.course import Course, Stage, course
from benchmark.decision import Checkpoint, frozen
from benchmark.errors import UserError
from benchmark.fits import Fit, Predictions
from benchmark.offsets import best_offsets
from benchmark.program import Program, program
from benchmark.seeding import seeded
from benchmark.strategy import Floats, Ints, OutputLayer, Priors, Strategy
from benchmark.task import Budget, Network, Reference, Splits, Task, class_shares
from benchmark.train import (
    Batches,
    Clock,
    Curve,
    Mixer,
    Rows,
    Stretch,
    Trained,
    losses,
    predictor,
    require_finite,
    train,
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
    job = _Job(task, settings, splits, classes, strategy, budget, seed)
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
    job = _Job(task, settings, splits, classes, strategy, budget, seed)
    if not task.is_network(settings):
        return _reference(job)
    fitted, members = _fit(job, report)
    model = members[0].trained.program.model
    if len(members) > 1:
        from benchmark.layers import together

        return fitted, together(model, [member.trained.best for member in members])
    model.set_weights(members[0].trained.best)
    return fitted, model


@dataclass(frozen=True)
class _Job:
    """What is to be trained; `budget` is that of all networks together."""

    task: Task
    settings: Any
    splits: Splits
    classes: int
    strategy: Strategy
    budget: Budget
    seed: int


@dataclass(frozen=True)
class _Member:
    """One trained network, and what it says."""

    trained: Trained
    validation: Predictions
    test: Predictions
    outputs: dict[str, OutputLayer]
    last: Stage


def _reference(job: _Job) -> tuple[Fit, Any]:
    """A Reference in the place of a network, and its fitted estimator."""
    clock = Clock()
    clock.turn("data")
    planned = course(job.splits, job.strategy, job.classes, job.budget.steps, job.seed)
    priors = _priors(job, planned.stages[-1])
    network = job.task.network(job.settings, job.splits, job.classes, job.budget)
    assert isinstance(network, Reference)
    fitted = reference.fit(network, planned, job.splits, priors, job.budget, clock)
    return fitted, network.estimator


def _priors(job: _Job, stage: Stage) -> Priors:
    population = class_shares(job.splits.y[job.splits.validation], job.classes)
    return Priors(stage.priors, population)


def _fit(job: _Job, report: Callable[[int], None]) -> tuple[Fit, list[_Member]]:
    """Several networks start from the same weights, as all strategies do, and share the steps."""
    clock = Clock()
    number, steps = job.strategy.networks, job.budget.steps
    if steps < number:
        raise UserError(f"{steps} steps are too few for {number} networks: train for longer")
    ends = [steps * each // number for each in range(number + 1)]
    members = [
        _train(job, each, end - start, clock, partial(_after, report, start))
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


def _train(
    job: _Job, number: int, steps: int, clock: Clock, report: Callable[[int], None]
) -> _Member:
    """Trains network `number` for so many steps.

    A checkpoint is chosen from the last stage alone: one from before it would be the network of
    another strategy.
    """
    import keras

    splits, seed = job.splits, job.seed
    clock.turn("data")
    planned = course(splits, job.strategy, job.classes, steps, seed, number)
    placed = Rows.place(planned.x, planned.y, device.room())

    def look(program: Program, step: int) -> dict[str, float]:
        logits = predictor(program, placed)(splits.validation)
        return _look(logits, splits.y[splits.validation], step)

    clock.turn("compilation")
    keras.utils.clear_session(free_memory=False)  # names of layers count from 1 again
    with seeded(seed), device.precision(job.task.kind):
        trained = train(
            _stretches(job, planned, number, steps, clock),
            placed,
            steps,
            planned.stages[-1].steps,
            clock,
            look,
            report,
        )
    clock.turn("evaluation")
    validation, test, outputs = _read(trained, placed, splits)
    return _Member(trained, validation, test, outputs, planned.stages[-1])


def _stretches(
    job: _Job, planned: Course, number: int, steps: int, clock: Clock
) -> Iterator[Stretch]:
    """The stages, each with its program; a later one goes on with the network as it is then."""
    network, budget = None, Budget(steps, job.budget.batch)
    for stage_number, stage in enumerate(planned.stages):
        clock.turn("compilation")
        if network is None:
            network = _network(job, budget, stage)
        elif stage.fresh_head:
            budget = Budget(stage.steps, job.budget.batch)
            network = _on_frozen(network, _network(job, budget, stage))
        made_by = (job.task.network, job.settings, budget)
        compiled = program(network, stage.loss, made_by)
        network = compiled.network
        yield Stretch(compiled, _batches(job, planned, stage, stage_number, number), stage.steps)


def _batches(job: _Job, planned: Course, stage: Stage, number: int, network: int) -> Batches:
    labels = planned.y[stage.rows]
    counts = np.bincount(labels, minlength=job.classes)
    mixer = Mixer(stage.mix, labels, counts) if stage.mix else None
    return Batches(stage.rows, stage.weights, job.budget.batch, job.seed, number, network, mixer)


def _network(job: _Job, budget: Budget, stage: Stage) -> Network:
    """The task's network with the strategy's head and first bias."""
    network = job.task.network(job.settings, job.splits, job.classes, budget)
    assert isinstance(network, Network)
    last = network.model.layers[-1]
    head = job.strategy.head(last)
    if head is last:
        last.bias.assign(job.strategy.bias(stage.priors))
        return network
    from benchmark.layers import with_last

    return Network(with_last(network.model, head), network.optimizer)


def _on_frozen(trained: Network, fresh: Network) -> Network:
    """`fresh`, of which only the last layer is fresh and can be trained."""
    head = fresh.model.layers[-1].get_weights()
    fresh.model.set_weights(trained.model.get_weights())
    fresh.model.layers[-1].set_weights(head)
    for layer in fresh.model.layers[:-1]:
        layer.trainable = False
    return fresh


def _read(
    trained: Trained, placed: Rows, splits: Splits
) -> tuple[Predictions, Predictions, dict[str, OutputLayer]]:
    """What the network says on validation and test, at the chosen checkpoint and the last step."""
    model, predict = trained.program.model, predictor(trained.program, placed)
    said: dict[str, list[Floats]] = {"validation": [], "test": []}
    outputs = {}
    checkpoints = {"best": (trained.best, trained.best_step)}
    checkpoints["last"] = (trained.last, trained.last_step)
    for name, (weights, step) in checkpoints.items():
        model.set_weights(weights)
        outputs[name] = _output_layer(model)
        for part, found in said.items():
            if found and trained.best_step == trained.last_step:
                found.append(found[0])
                continue
            logits = predict(getattr(splits, part))
            require_finite(logits, f"an output of the network on {part}", step)
            found.append(logits)
    validation, test = (
        Predictions(rows, splits.y[rows], *said[part])
        for part, rows in (("validation", splits.validation), ("test", splits.test))
    )
    return validation, test, outputs


def _output_layer(model: Any) -> OutputLayer:
    """Of a head without a kernel, whose classes are normalised already, all classes alike."""
    import keras

    last = model.layers[-1]
    if not isinstance(last, keras.layers.Dense):
        return OutputLayer(np.ones(model.output_shape[-1]), np.zeros(model.output_shape[-1]))
    kernel, bias = (np.asarray(values, np.float64) for values in last.get_weights())
    return OutputLayer(np.linalg.norm(kernel, axis=0), bias)


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


@dataclass(frozen=True)
class Rise:
    """A learning rate that rises exponentially, step by step."""

    low: float
    high: float
    steps: int


def losses_at_rising_rates(
    task: Task,
    settings: Any,
    splits: Splits,
    classes: int,
    strategy: Strategy,
    budget: Budget,
    seed: int,
    rise: Rise,
) -> Floats:
    """The loss of each step, finite or not, of a training as it begins but for its rate."""
    from keras.optimizers import schedules

    job = _Job(task, settings, splits, classes, strategy, budget, seed)
    planned = course(splits, strategy, classes, budget.steps, seed)
    stage = planned.stages[0]
    placed = Rows.place(planned.x, planned.y, device.room())
    with seeded(seed), device.precision(task.kind):
        network = _network(job, budget, stage)
        network.optimizer.learning_rate = schedules.ExponentialDecay(
            rise.low, rise.steps - 1, rise.high / rise.low
        )
        compiled = program(network, stage.loss, (task.network, settings, budget, rise))
        batches = _batches(job, planned, stage, 0, 0)
        found = list(losses(Stretch(compiled, batches, rise.steps), placed, rise.steps, Clock()))
    return np.concatenate(found).astype(np.float64)


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
