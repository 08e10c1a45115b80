"""A network as compiled code, kept in the process for the next training of the same network.

Strategies and seeds mostly differ in rows, weights and initial values alone. To
trace and compile a network takes seconds, often longer than to train it.
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

MOST_CACHED = 8  # programs in a process; each holds a copy of its network's weights


@dataclass(frozen=True)
class CompiledNetwork:
    """Compiled functions of one network, which they share.

    Attributes:
        advance: (x, y, row numbers (steps, batch), weights (steps, batch), mixture, count) ->
            the loss of each step (steps,); takes `count` optimizer steps. Without row
            numbers x is (steps, batch, ...) and y (steps, batch). A mixture, if there is
            one, says where in the batch each row's partner stands, the share of the row's
            own features, and the weight of its partner's label, (steps, batch) each.
        forward: (x, row numbers) -> logits (rows, classes); without row numbers, of all x.
        by_xla: whether XLA compiled them.
    """

    network: Network
    advance: Any
    forward: Any
    by_xla: bool

    @property
    def model(self) -> Any:
        """The Keras model."""
        return self.network.model


_cache: dict[Hashable, CompiledNetwork] = {}


def compile_network(network: Network, loss: RowLoss, made_by: Hashable) -> CompiledNetwork:
    """`network` compiled to be trained with `loss`, in its initial state.

    Args:
        made_by: what `network` was made from; with it the configuration of the
            model and the optimizer, and the meaning of the loss, the same program
            serves again.
    """
    network.optimizer.build(network.model.trainable_variables)
    key = (made_by, _configuration(network), meaning(loss))
    kept = _cache.pop(key, None)
    if kept is None:
        kept = _compile(network, loss)
        while len(_cache) >= MOST_CACHED:
            del _cache[next(iter(_cache))]
    else:
        for mine, fresh in zip(_state(kept.network), _state(network), strict=True):
            mine.assign(fresh)
        for mine, fresh in zip(layers_in(kept.model), layers_in(network.model), strict=True):
            mine.trainable = fresh.trainable  # the model may have thawed since
    _cache[key] = kept  # the newest is the last one
    return kept


def layers_in(model: Any) -> list[Any]:
    """The model and all layers in it, each after the one that holds it."""
    return list(model._flatten_layers())


def compiles(model: Any) -> bool:
    """Whether XLA should run the model: where it can, on a CPU only where it wins.

    On a CPU it loses on convolutions and on random numbers (dropout).
    """
    import tensorflow as tf
    from keras import layers

    parts = layers_in(model)
    slow = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D, layers.Dropout)
    wins = not any(isinstance(layer, slow) for layer in parts)
    on_gpu = bool(tf.config.get_visible_devices("GPU"))
    return all(layer.supports_jit for layer in parts) and (wins or on_gpu)


def meaning(value: Any) -> Hashable:
    """Equal for functions of the same code over equal values, so for equal losses.

    A closure holds the values that it uses and no others: a loss that does not
    read the priors means the same under all priors.
    """
    if inspect.isfunction(value):
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        held = [*cells, *(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()]
        # a function that calls itself is in its own closure
        return value.__code__, tuple(meaning(one) for one in held if one is not value)
    if isinstance(value, np.ndarray):
        return (value.shape, value.dtype.str, value.tobytes())
    try:
        hash(value)
    except TypeError:
        return _Itself(value)
    return (type(value), value)


class _Itself:
    """Equal to nothing but the same object, which it keeps alive."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


def _configuration(network: Network) -> Hashable:
    import keras

    try:
        optimizer = keras.optimizers.serialize(network.optimizer)
        return network.model.to_json(), json.dumps(optimizer, sort_keys=True, default=str)
    except (TypeError, ValueError, NotImplementedError):  # a layer that cannot be described
        return _Itself(network)


def _state(network: Network) -> list[Any]:
    """Weights, statistics, states of random numbers, and the optimizer's."""
    return [*network.model.variables, *network.optimizer.variables]


def _compile(network: Network, loss: RowLoss) -> CompiledNetwork:
    import tensorflow as tf

    by_xla = compiles(network.model)
    model = network.model

    @tf.function(jit_compile=by_xla)
    def forward(x: Any, rows: Any) -> Any:
        x = x if rows is None else tf.gather(x, rows)
        return tf.cast(model(x, training=False), tf.float32)

    return CompiledNetwork(network, _stepper(network, loss, by_xla), forward, by_xla)


def _stepper(network: Network, loss: RowLoss, by_xla: bool) -> Any:
    import tensorflow as tf

    model, optimizer = network.model, network.optimizer
    variables = model.trainable_variables
    classes = model.output_shape[-1]

    @tf.function(jit_compile=by_xla)
    def advance(x: Any, y: Any, rows: Any, weights: Any, mixture: Any, count: Any) -> Any:
        losses = tf.TensorArray(tf.float32, weights.shape[0])
        step = tf.constant(0)
        while step < count:  # a range would be compiled anew for every count
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

    return advance


def _batch(
    x: Any, y: Any, rows: Any, weights: Any, mixture: Any, step: Any
) -> tuple[Any, list[tuple[Any, Any]]]:
    """Features of a step's rows, and the labels that they have with what these weigh."""
    import tensorflow as tf

    features = x[step] if rows is None else tf.gather(x, rows[step])
    labels = y[step] if rows is None else tf.gather(y, rows[step])
    if mixture is None:
        return features, [(labels, weights[step])]
    partners, shares, rest = (part[step] for part in mixture)
    features = mix_rows(features, tf.gather(features, partners), shares)
    return features, [(labels, weights[step]), (tf.gather(labels, partners), rest)]


def mix_rows(own: Any, others: Any, shares: Any) -> Any:
    """shares * own + (1 - shares) * others, (rows, ...); of whole numbers rounded to such.

    Keras would cut off what is behind the point: a network says what it takes.
    """
    import tensorflow as tf

    of_row = tf.reshape(shares, [-1, *[1] * (len(own.shape) - 1)])
    sums = of_row * tf.cast(own, tf.float32) + (1 - of_row) * tf.cast(others, tf.float32)
    return tf.cast(tf.round(sums) if own.dtype.is_integer else sums, own.dtype)
