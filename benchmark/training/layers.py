"""Keras layers of strategies and tasks, put into networks. Imports Keras: import this module late.

They are part of the harness, which exported models take along.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

EPSILON = 1e-12  # least squared length: a row of zeros has no direction


@keras.saving.register_keras_serializable("skewbench")
class Cosine(layers.Layer):  # type: ignore[misc]
    """Output layer of scale * cosine between a row and the weights of each class.

    All classes have weights of the same length, without a bias.

    Args:
        units: number of classes.
        scale: factor of the cosines, so that their softmax can reach high probabilities.
    """

    def __init__(self, units: int, scale: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.scale = units, scale

    def build(self, shape: Sequence[int]) -> None:
        """Create one direction per class."""
        self.directions = self.add_weight(
            shape=(shape[-1], self.units), initializer="glorot_uniform", name="directions"
        )

    def call(self, rows: Any) -> Any:
        """Return logits (batch, units) of rows (batch, width)."""
        return self.scale * ops.matmul(_unit(rows, -1), _unit(self.directions, 0))

    def compute_output_shape(self, shape: Sequence[int]) -> tuple[Any, ...]:
        """Return (batch, units)."""
        return (*shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that build the same layer."""
        return {**super().get_config(), "units": self.units, "scale": self.scale}


@keras.saving.register_keras_serializable("skewbench")
class Offsets(layers.Layer):  # type: ignore[misc]
    """Layer that adds a constant to each column.

    The constants are weights, not arguments: networks that differ in them alone share compiled
    code.
    """

    def build(self, shape: Sequence[int]) -> None:
        """Create the constants, 0 until they are assigned."""
        self.offsets = self.add_weight(
            shape=(shape[-1],), initializer="zeros", trainable=False, name="offsets"
        )

    def call(self, rows: Any) -> Any:
        """Return rows (batch, columns) plus the constants (columns,)."""
        return rows + self.offsets


@keras.saving.register_keras_serializable("skewbench")
class MeanProbability(layers.Layer):  # type: ignore[misc]
    """Log of the mean probabilities of several networks."""

    def call(self, logits: Sequence[Any]) -> Any:
        """Return log mean probabilities (batch, classes) of one (batch, classes) per network."""
        log_p = ops.stack([ops.log_softmax(ops.cast(member, "float32")) for member in logits])
        return ops.logsumexp(log_p, axis=0) - ops.log(float(len(logits)))

    def compute_output_shape(self, shape: Sequence[Any]) -> tuple[Any, ...]:
        """Return (batch, classes)."""
        return tuple(shape[0])


def _unit(values: Any, axis: int) -> Any:
    """Scale vectors along an axis to length 1."""
    return values * ops.rsqrt(ops.maximum(ops.sum(values**2, axis, keepdims=True), EPSILON))


def with_last(model: keras.Model, last: Any) -> keras.Model:
    """Return the network with `last` in place of its last layer."""
    return keras.Model(model.inputs[0], last(model.layers[-1].input), name=model.name)


def together(model: keras.Model, weights: Sequence[Sequence[Any]]) -> keras.Model:
    """Return one network that averages the probabilities of `model` with each set of weights."""
    inputs = keras.Input(model.input_shape[1:], dtype=model.inputs[0].dtype)
    members = []
    for number, values in enumerate(weights):
        member = keras.models.clone_model(model)
        member.set_weights(values)
        member.name = f"{model.name}_{number}"
        members.append(member)
    return keras.Model(inputs, MeanProbability()([member(inputs) for member in members]))
