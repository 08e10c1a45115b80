"""Compiled networks, cached in the process for the next training of the same network.

Strategies and seeds mostly differ in rows, weights and initial values alone. Tracing and compiling
a network takes seconds, often longer than training it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from benchmark.protocol.arrays import Array
from benchmark.protocol.strategy import RowLoss
from benchmark.protocol.task import Network
from benchmark.training.loss_constants import (
    Itself,
    constants_of,
    meaning,
    takes_tensors,
    with_constants,
)
from benchmark.training.parameters import Parameters, parameters

MOST_CACHED = 8  # networks per process; each holds its weights
MOST_LOSSES = 16  # programs per network
# steps of a training from which XLA saves more time on a processor than it takes to compile
XLA_FROM = 500


@dataclass(frozen=True)
class CompiledNetwork:
    """Compiled functions that train and evaluate one network.

    Attributes:
        forward: (x, row numbers) -> logits (rows, classes); without row numbers, of all x.
        by_xla: whether XLA compiles the steps.
        programs: by the meaning of the loss without its constants.
    """

    network: Network
    parameters: Parameters
    forward: Any
    by_xla: bool
    programs: dict[Hashable, Any] = field(default_factory=dict)

    @property
    def model(self) -> Any:
        """The Keras model of the network."""
        return self.network.model

    def train_steps(self, loss: RowLoss) -> Callable[..., Any]:
        """Return the function that takes optimizer steps, compiled or from the cache.

        (x, y, row numbers (steps, batch), weights (steps, batch), mixture, count) -> loss of each
        step (steps,); takes `count` optimizer steps. Without row numbers, x is (steps, batch, ...)
        and y (steps, batch). The mixture is None or a `batches.Mixture`.
        """
        import tensorflow as tf

        constants = [tf.constant(value) for value in constants_of(loss)]
        key, classes = meaning(loss, constants=False), self.model.output_shape[-1]
        if constants and key not in self.programs and not takes_tensors(loss, classes):
            key, constants = meaning(loss), []
        program = self.programs.pop(key, None)
        if program is None:
            program = _compile_steps(self, loss, bool(constants))
            while len(self.programs) >= MOST_LOSSES:
                del self.programs[next(iter(self.programs))]
        self.programs[key] = program
        return partial(program, constants)


@dataclass(frozen=True)
class InitialNetwork:
    """A network as it was built, from which trainings start again and again.

    Attributes:
        network: may have been trained since.
        parameters: its trainable weights.
        configuration: key of model and optimizer.
        state: values of all variables when it was built.
        trainable: of all layers.
    """

    network: Network
    parameters: Parameters
    configuration: Hashable
    state: list[Array]
    trainable: list[bool]


_cache: dict[Hashable, CompiledNetwork] = {}


def initial_network(network: Network) -> InitialNetwork:
    """Return a network that was just built, with a copy of its variables."""
    weights = parameters(network.model, network.optimizer)  # builds the optimizer
    return InitialNetwork(
        network,
        weights,
        _configuration(network),
        [np.array(variable) for variable in _state(network)],
        [layer.trainable for layer in layers_in(network.model)],
    )


def compile_network(initial: InitialNetwork, origin: Hashable, steps: int) -> CompiledNetwork:
    """Compile a network, or reuse a cached one, in its initial state.

    Args:
        origin: what the network was built from. A cached network is reused if its origin and the
            configuration of model and optimizer are the same.
        steps: of the training, of all its networks.
    """
    by_xla = compiles(initial.network.model, steps)
    key = (origin, initial.configuration, by_xla)
    cached = _cache.pop(key, None)
    if cached is None:
        forward = _compile_forward(initial.network.model, by_xla)
        cached = CompiledNetwork(initial.network, initial.parameters, forward, by_xla)
        while len(_cache) >= MOST_CACHED:
            del _cache[next(iter(_cache))]
    _cache[key] = cached  # the newest is last
    for variable, value in zip(_state(cached.network), initial.state, strict=True):
        variable.assign(value)
    for layer, trainable in zip(layers_in(cached.model), initial.trainable, strict=True):
        layer.trainable = trainable  # the cached model may have thawed
    return cached


def layers_in(model: Any) -> list[Any]:
    """Return the model and all layers in it, each after the one that holds it."""
    return list(model._flatten_layers())


def compiles(model: Any, steps: int) -> bool:
    """Return whether XLA should run the training: on a CPU, only where it is faster.

    On a CPU it is slower for convolutions and for Keras' random numbers, and takes seconds to
    compile.
    """
    import tensorflow as tf
    from keras import layers

    from benchmark.training.dropout import Dropout

    parts = [layer for layer in layers_in(model) if not isinstance(layer, Dropout)]
    slow = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D, layers.Dropout)
    faster = steps >= XLA_FROM and not any(isinstance(layer, slow) for layer in parts)
    on_gpu = bool(tf.config.get_visible_devices("GPU"))
    return all(layer.supports_jit for layer in parts) and (faster or on_gpu)


def _configuration(network: Network) -> Hashable:
    """Return model and optimizer as JSON, or a key of this network alone."""
    import keras

    try:
        optimizer = keras.optimizers.serialize(network.optimizer)
        return network.model.to_json(), json.dumps(optimizer, sort_keys=True, default=str)
    except (TypeError, ValueError, NotImplementedError):  # a layer without a configuration
        return Itself(network)


def _state(network: Network) -> list[Any]:
    """Return the variables of the model (weights, statistics, random states) and optimizer."""
    return [*network.model.variables, *network.optimizer.variables]


def _compile_forward(model: Any, by_xla: bool) -> Any:
    """Return the function `CompiledNetwork.forward`.

    On a processor XLA would take longer to compile it than it saves.
    """
    import tensorflow as tf

    @tf.function(jit_compile=by_xla and bool(tf.config.get_visible_devices("GPU")))
    def forward(x: Any, rows: Any) -> Any:
        x = x if rows is None else tf.gather(x, rows)
        return tf.cast(model(x, training=False), tf.float32)

    return forward


def _compile_steps(compiled: CompiledNetwork, loss: RowLoss, takes_constants: bool) -> Any:
    """Return `CompiledNetwork.train_steps`, with the constants of the loss as first argument."""
    import tensorflow as tf

    classes, trained = compiled.model.output_shape[-1], compiled.parameters

    @tf.function(jit_compile=compiled.by_xla)
    def train_steps(
        constants: Any, x: Any, y: Any, rows: Any, weights: Any, mixture: Any, count: Any
    ) -> Any:
        row_loss = with_constants(loss, constants) if takes_constants else loss
        losses = tf.TensorArray(tf.float32, weights.shape[0])
        step = tf.constant(0)
        trained.begin()
        while step < count:  # a range would be compiled again for every count
            features, terms = _batch(x, y, rows, weights, mixture, step)
            values = trained.current()
            with tf.GradientTape() as tape:
                if tf.is_tensor(values):  # variables are watched anyway
                    tape.watch(values)
                outputs, penalties = trained.call(values, features)
                logits = tf.cast(outputs, tf.float32)
                means = [
                    tf.reduce_mean(weight * row_loss(tf.one_hot(labels, classes), logits))
                    for labels, weight in terms
                ]
                total = tf.add_n([*means, *penalties])
            trained.apply(tape.gradient(total, values))
            losses = losses.write(step, total)
            step += 1
        trained.end()
        return losses.stack()

    return train_steps


def _batch(
    x: Any, y: Any, rows: Any, weights: Any, mixture: Any, step: Any
) -> tuple[Any, list[tuple[Any, Any]]]:
    """Return the features of a step's rows, and (labels, weights) of the terms of its loss."""
    import tensorflow as tf

    features = x[step] if rows is None else tf.gather(x, rows[step])
    labels = y[step] if rows is None else tf.gather(y, rows[step])
    if mixture is None:
        return features, [(labels, weights[step])]
    partners, shares, rest = (part[step] for part in mixture)
    features = mix_rows(features, tf.gather(features, partners), shares)
    return features, [(labels, weights[step]), (tf.gather(labels, partners), rest)]


def mix_rows(own: Any, others: Any, shares: Any) -> Any:
    """Return shares * own + (1 - shares) * others, (rows, ...), rounded for integer types.

    Keras would truncate to the integer type that the network takes.
    """
    import tensorflow as tf

    share = tf.reshape(shares, [-1, *[1] * (len(own.shape) - 1)])
    sums = share * tf.cast(own, tf.float32) + (1 - share) * tf.cast(others, tf.float32)
    return tf.cast(tf.round(sums) if own.dtype.is_integer else sums, own.dtype)
