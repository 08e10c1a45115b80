"""One network: built, trained stage by stage, and what it says then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmark.metrics import classification
from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.strategy import OutputLayer, Strategy
from benchmark.protocol.task import Budget, Network, Splits, Task
from benchmark.training import device
from benchmark.training.batches import Batches, Mixer, Rows
from benchmark.training.compiled import CompiledNetwork, compile_network, layers_in
from benchmark.training.loop import Clock, Segment, TrainedWeights, predictor, require_finite, train
from benchmark.training.predictions import Predictions
from benchmark.training.seeding import seeded
from benchmark.training.stages import Stage, StagePlan, plan_stages, split_at_thaw


@dataclass(frozen=True)
class TrainingJob:
    """What is to be trained; `budget` is that of all networks together."""

    task: Task
    settings: Any
    splits: Splits
    classes: int
    strategy: Strategy
    budget: Budget
    seed: int


@dataclass(frozen=True)
class TrainedNetwork:
    """One trained network, and what it says."""

    trained: TrainedWeights
    validation: Predictions
    test: Predictions
    outputs: dict[str, OutputLayer]
    last: Stage


def train_network(
    job: TrainingJob, number: int, steps: int, clock: Clock, report: Callable[[int], None]
) -> TrainedNetwork:
    """Trains network `number` for so many steps.

    A checkpoint is chosen from the last stage alone: one from before it would be the network of
    another strategy.
    """
    import keras

    splits, seed = job.splits, job.seed
    clock.turn("data")
    planned = plan_stages(splits, job.strategy, job.classes, steps, seed, number)
    placed = Rows.place(planned.x, planned.y, device.room())

    def look(program: CompiledNetwork, step: int) -> dict[str, float]:
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
    return TrainedNetwork(trained, validation, test, outputs, planned.stages[-1])


def _stretches(
    job: TrainingJob, planned: StagePlan, number: int, steps: int, clock: Clock
) -> Iterator[Segment]:
    """The stages, each with its program; a later one goes on with the network as it is then."""
    budget, stages = Budget(steps, job.budget.batch), planned.stages
    network = build(job, budget, stages[0])
    thaw = network.thaw  # its optimizer is fresh; that of a kept program is used
    for stage_number, stage in enumerate(split_at_thaw(stages, thaw.share) if thaw else stages):
        clock.turn("compilation")
        if stage.network == "fresh head":
            budget = Budget(stage.steps, job.budget.batch)
            network = _on_frozen(network, build(job, budget, stage))
        elif stage.network == "thawed" and thaw:
            _set_trainable(network.model, True)
            network = Network(network.model, thaw.optimizer)
        made_by = (job.task.network, job.settings, budget)
        compiled = compile_network(network, stage.loss, made_by)
        network = compiled.network
        yield Segment(compiled, batches(job, planned, stage, stage_number, number), stage.steps)


def batches(
    job: TrainingJob, planned: StagePlan, stage: Stage, number: int, network: int
) -> Batches:
    """Those of one stage, by its number, of one of the networks."""
    labels = planned.y[stage.rows]
    counts = np.bincount(labels, minlength=job.classes)
    mixer = Mixer(stage.mix, labels, counts) if stage.mix else None
    return Batches(stage.rows, stage.weights, job.budget.batch, job.seed, number, network, mixer)


def build(job: TrainingJob, budget: Budget, stage: Stage) -> Network:
    """The task's network with the strategy's head and first bias."""
    network = job.task.network(job.settings, job.splits, job.classes, budget)
    assert isinstance(network, Network)
    last = network.model.layers[-1]
    head = job.strategy.head(last)
    if head is last:
        last.bias.assign(job.strategy.bias(stage.priors))
        return network
    from benchmark.training.layers import with_last

    return replace(network, model=with_last(network.model, head))


def _on_frozen(trained: Network, fresh: Network) -> Network:
    """`fresh`, of which only the last layer is fresh and can be trained."""
    head = fresh.model.layers[-1].get_weights()
    fresh.model.set_weights(trained.model.get_weights())
    fresh.model.layers[-1].set_weights(head)
    for layer in fresh.model.layers[:-1]:
        _set_trainable(layer, False)
    return fresh


def _set_trainable(part: Any, value: bool) -> None:
    """Of all that is in a layer or a model: a Sequential does not pass it on."""
    for layer in layers_in(part):
        layer.trainable = value


def _read(
    trained: TrainedWeights, placed: Rows, splits: Splits
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


def _look(logits: Floats, labels: Ints, step: int) -> dict[str, float]:
    """Validation metrics; the first chooses the checkpoint."""
    require_finite(logits, "an output of the network on validation", step)
    return {
        "val/average_precision": classification.average_precision(labels, logits),
        "val/log_loss": classification.log_loss(labels, logits),
    }
