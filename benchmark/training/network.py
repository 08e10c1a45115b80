"""One network: built, trained stage by stage, and its predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark.metrics import classification
from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.strategy import OutputLayer
from benchmark.protocol.task import Budget, Network, Splits
from benchmark.training import device
from benchmark.training.batches import Batches, Mixer, Rows
from benchmark.training.compiled import CompiledNetwork, compile_network, initial_network, layers_in
from benchmark.training.initial import build, first_network
from benchmark.training.job import TrainingJob
from benchmark.training.loop import Clock, Segment, TrainedWeights, predictor, require_finite, train
from benchmark.training.predictions import Predictions, of_split
from benchmark.training.seeding import seeded
from benchmark.training.stages import Stage, StagePlan, plan_stages, split_at_thaw


@dataclass(frozen=True)
class TrainedNetwork:
    """One trained network and its predictions."""

    weights: TrainedWeights
    validation: Predictions
    test: Predictions
    outputs: dict[str, OutputLayer]  # at the checkpoints "best" and "last"
    last: Stage


def train_network(
    job: TrainingJob, number: int, steps: int, clock: Clock, on_step: Callable[[int], None]
) -> TrainedNetwork:
    """Train network `number` of a job for `steps` steps.

    The checkpoint is chosen from the last stage alone: before it, the network is that of another
    strategy.
    """
    import keras

    splits, seed = job.splits, job.seed
    clock.turn("data")
    _require_finite_inputs(splits)
    plan = plan_stages(splits, job.strategy, job.classes, steps, seed, number)
    rows = Rows.place(plan.x, plan.y, device.room())

    def evaluate(compiled: CompiledNetwork, step: int) -> dict[str, float]:
        logits = predictor(compiled, rows)(splits.validation)
        return _evaluate(logits, splits.y[splits.validation], step)

    clock.turn("compilation")
    keras.utils.clear_session(free_memory=False)  # numbers in the names of layers restart at 1
    with seeded(seed), device.precision(job.task.kind):
        weights = train(
            _segments(job, plan, number, steps, clock),
            rows,
            steps,
            plan.stages[-1].steps,
            clock,
            evaluate,
            on_step,
        )
    clock.turn("evaluation")
    validation, test, outputs = _predict(weights, rows, splits)
    return TrainedNetwork(weights, validation, test, outputs, plan.stages[-1])


def _segments(
    job: TrainingJob, plan: StagePlan, number: int, steps: int, clock: Clock
) -> Iterator[Segment]:
    """Yield the stages, each with its compiled network; a later stage continues with it."""
    budget, stages = Budget(steps, job.budget.batch), plan.stages
    first = first_network(job, budget, plan)
    thaw = first.network.thaw
    # the networks of a strategy are trained by one program
    compiled = compile_network(first, (job.task.network, job.settings, budget), job.budget.steps)
    for stage_number, stage in enumerate(split_at_thaw(stages, thaw.share) if thaw else stages):
        clock.turn("compilation")
        network = compiled.network
        if stage.network == "fresh head":
            budget = Budget(stage.steps, job.budget.batch)
            network = _on_frozen(network, build(job, budget, stage))
        elif stage.network == "thawed" and thaw:
            _set_trainable(network.model, True)
            # of the new network: the optimizer of a cached one has been used
            network = Network(network.model, thaw.optimizer)
        if network is not compiled.network:
            origin = (job.task.network, job.settings, budget)
            compiled = compile_network(initial_network(network), origin, budget.steps)
        taken = batches(job, plan, stage, stage_number, number)
        yield Segment(compiled, stage.loss, taken, stage.steps)


def batches(job: TrainingJob, plan: StagePlan, stage: Stage, number: int, network: int) -> Batches:
    """Return the batches of one stage of one network, by the numbers of both."""
    labels = plan.y[stage.rows]
    counts = np.bincount(labels, minlength=job.classes)
    mixer = Mixer(stage.mix, labels, counts) if stage.mix else None
    return Batches(stage.rows, stage.weights, job.budget.batch, job.seed, number, network, mixer)


def _on_frozen(trained: Network, fresh: Network) -> Network:
    """Return `fresh` with trained, frozen weights in all layers but the last."""
    head = fresh.model.layers[-1].get_weights()
    fresh.model.set_weights(trained.model.get_weights())
    fresh.model.layers[-1].set_weights(head)
    for layer in fresh.model.layers[:-1]:
        _set_trainable(layer, False)
    return fresh


def _set_trainable(part: Any, value: bool) -> None:
    """Make a layer or model and all layers in it trainable or not; a Sequential does not itself."""
    for layer in layers_in(part):
        layer.trainable = value


def _require_finite_inputs(splits: Splits) -> None:
    """Raise DivergedError if a row to predict holds NaN or infinity.

    Outputs do not tell: oneDNN computes relu(NaN) as 0. Of rows that are trained on, the loss does.
    """
    if not np.issubdtype(splits.x.dtype, np.floating):
        return
    for part in ("validation", "test"):
        require_finite(splits.x[getattr(splits, part)], f"an input of the network on {part}", 0)


def _predict(
    trained: TrainedWeights, rows: Rows, splits: Splits
) -> tuple[Predictions, Predictions, dict[str, OutputLayer]]:
    """Predict validation and test, at the chosen checkpoint and after the last step."""
    model, predict = trained.compiled.model, predictor(trained.compiled, rows)
    logits: dict[str, list[Floats]] = {"validation": [], "test": []}
    outputs = {}
    checkpoints = {"best": (trained.best, trained.best_step)}
    checkpoints["last"] = (trained.last, trained.last_step)
    for name, (weights, step) in checkpoints.items():
        model.set_weights(weights)
        outputs[name] = _output_layer(model)
        for part, by_checkpoint in logits.items():
            if by_checkpoint and trained.best_step == trained.last_step:
                by_checkpoint.append(by_checkpoint[0])
                continue
            predicted = predict(getattr(splits, part))
            require_finite(predicted, f"an output of the network on {part}", step)
            by_checkpoint.append(predicted)
    validation = of_split(splits, "validation", *logits["validation"])
    return validation, of_split(splits, "test", *logits["test"]), outputs


def _output_layer(model: Any) -> OutputLayer:
    """Return norm and bias of the output weights of each class.

    Ones and zeros for a head without a kernel, whose classes are normalised already.
    """
    import keras

    last = model.layers[-1]
    if not isinstance(last, keras.layers.Dense):
        return OutputLayer(np.ones(model.output_shape[-1]), np.zeros(model.output_shape[-1]))
    kernel, bias = (np.asarray(values, np.float64) for values in last.get_weights())
    return OutputLayer(np.linalg.norm(kernel, axis=0), bias)


def _evaluate(logits: Floats, labels: Ints, step: int) -> dict[str, float]:
    """Return validation metrics; the first chooses the checkpoint."""
    require_finite(logits, "an output of the network on validation", step)
    weights = np.ones(len(labels))
    return {
        "val/average_precision": classification.average_precision(labels, logits, weights),
        "val/log_loss": classification.log_loss(labels, logits, weights),
    }
