"""Compiled networks, cached in the process for the next training of the same network.

Strategies and seeds mostly differ in rows, weights and initial values alone. Tracing and compiling
a network takes seconds, often longer than training it.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark.protocol.strategy import RowLoss
from benchmark.protocol.task import Network

MOST_CACHED = 8  # compiled networks per process; each holds a copy of its weights


@dataclass(frozen=True)
class CompiledNetwork:
    """Compiled functions that train and evaluate one network.

    Attributes:
        train_steps: (x, y, row numbers (steps, batch), weights (steps, batch), mixture, count) ->
            loss of each step (steps,); takes `count` optimizer steps. Without row numbers,
            x is (steps, batch, ...) and y (steps, batch). The mixture is None or a
            `batches.Mixture`.
        forward: (x, row numbers) -> logits (rows, classes); without row numbers, of all x.
        by_xla: whether XLA compiled them.
    """

    network: Network
    train_steps: Any
    forward: Any
    by_xla: bool

    @property
    def model(self) -> Any:
        """The Keras model of the network."""
        return self.network.model


_cache: dict[Hashable, CompiledNetwork] = {}


def compile_network(network: Network, loss: RowLoss, origin: Hashable) -> CompiledNetwork:
    """Compile `network` for training with `loss`, in its initial state, or reuse a cached one.

    Args:
        origin: what `network` was built from. A cached network is reused if its origin, the
            configuration of model and optimizer, and the meaning of the loss are the same.
    """
    network.optimizer.build(network.model.trainable_variables)
    key = (origin, _configuration(network), meaning(loss))
    cached = _cache.pop(key, None)
    if cached is None:
        cached = _compile(network, loss)
        while len(_cache) >= MOST_CACHED:
            del _cache[next(iter(_cache))]
    else:
        for variable, initial in zip(_state(cached.network), _state(network), strict=True):
            variable.assign(initial)
        for layer, initial in zip(layers_in(cached.model), layers_in(network.model), strict=True):
            layer.trainable = initial.trainable  # the cached model may have thawed
    _cache[key] = cached  # the newest is last
    return cached


def layers_in(model: Any) -> list[Any]:
    """Return the model and all layers in it, each after the one that holds it."""
    return list(model._flatten_layers())


def compiles(model: Any) -> bool:
    """Return whether XLA should run the model: on a CPU, only where it is faster.

    On a CPU it is slower for convolutions and for random numbers (dropout).
    """
    import tensorflow as tf
    from keras import layers

    parts = layers_in(model)
    slow = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D, layers.Dropout)
    faster = not any(isinstance(layer, slow) for layer in parts)
    on_gpu = bool(tf.config.get_visible_devices("GPU"))
    return all(layer.supports_jit for layer in parts) and (faster or on_gpu)


def meaning(value: Any) -> Hashable:
    """Return a key that is equal for functions of the same code over equal values.

    A closure holds the values that it uses and no others: a loss that does not read the priors
    has the same key under all priors.
    """
    if inspect.isfunction(value):
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        used = [*cells, *(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()]
        # a function that calls itself is in its own closure
        return value.__code__, tuple(meaning(item) for item in used if item is not value)
    if isinstance(value, np.ndarray):
        return (value.shape, value.dtype.str, value.tobytes())
    try:
        hash(value)
    except TypeError:
        return _Itself(value)
    return (type(value), value)


class _Itself:
    """Key that is equal for the same object alone, which it keeps alive."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


def _configuration(network: Network) -> Hashable:
    """Return model and optimizer as JSON, or a key of this network alone."""
    import keras

    try:
        optimizer = keras.optimizers.serialize(network.optimizer)
        return network.model.to_json(), json.dumps(optimizer, sort_keys=True, default=str)
    except (TypeError, ValueError, NotImplementedError):  # a layer without a configuration
        return _Itself(network)


def _state(network: Network) -> list[Any]:
    """Return the variables of the model (weights, statistics, random states) and optimizer."""
    return [*network.model.variables, *network.optimizer.variables]


def _compile(network: Network, loss: RowLoss) -> CompiledNetwork:
    import tensorflow as tf

    by_xla = compiles(network.model)
    model = network.model

    @tf.function(jit_compile=by_xla)
    def forward(x: Any, rows: Any) -> Any:
        x = x if rows is None else tf.gather(x, rows)
        return tf.cast(model(x, training=False), tf.float32)

    return CompiledNetwork(network, _compile_steps(network, loss, by_xla), forward, by_xla)


def _compile_steps(network: Network, loss: RowLoss, by_xla: bool) -> Any:
    """Return the function `CompiledNetwork.train_steps`."""
    import tensorflow as tf

    model, optimizer = network.model, network.optimizer
    variables = model.trainable_variables
    classes = model.output_shape[-1]

    @tf.function(jit_compile=by_xla)
    def train_steps(x: Any, y: Any, rows: Any, weights: Any, mixture: Any, count: Any) -> Any:
        losses = tf.TensorArray(tf.float32, weights.shape[0])
        step = tf.constant(0)
        while step < count:  # a range would be compiled again for every count
            features, terms = _batch(x, y, rows, weights, mixture, step)
            with tf.GradientTape() as tape:
                logits = tf.cast(model(features, training=True), tf.float32)
                values = [
                    tf.reduce_mean(weight * loss(tf.one_hot(labels, classes), logits))
                    for labels, weight in terms
                ]
                total = tf.add_n([*values, *model.losses])
            optimizer.apply(tape.gradient(total, variables), variables)
            losses = losses.write(step, total)
            step += 1
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
