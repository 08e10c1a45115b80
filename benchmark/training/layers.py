"""Layers that strategies put into a network. Imports Keras: import it late.

They are kept with the harness, because an exported model takes it along.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

EPSILON = 1e-12  # of a squared length: a row of zeros has no direction


@keras.saving.register_keras_serializable("skewbench")
class Cosine(layers.Layer):  # type: ignore[misc]
    """scale * cosine between a row and each class's weights: no class is louder than another.

    Args:
        units: classes.
        scale: of the cosines, so that a softmax of them can be sure of itself.
    """

    def __init__(self, units: int, scale: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.scale = units, scale

    def build(self, shape: Sequence[int]) -> None:
        """One direction a class."""
        self.directions = self.add_weight(
            shape=(shape[-1], self.units), initializer="glorot_uniform", name="directions"
        )

    def call(self, rows: Any) -> Any:
        """Rows (batch, width) -> logits (batch, units)."""
        return self.scale * ops.matmul(_unit(rows, -1), _unit(self.directions, 0))

    def compute_output_shape(self, shape: Sequence[int]) -> tuple[Any, ...]:
        """(batch, units)."""
        return (*shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        """The arguments that build the same layer."""
        return {**super().get_config(), "units": self.units, "scale": self.scale}


@keras.saving.register_keras_serializable("skewbench")
class MeanProbability(layers.Layer):  # type: ignore[misc]
    """Log of the mean of what several networks hold probable."""

    def call(self, logits: Sequence[Any]) -> Any:
        """One (batch, classes) a network -> (batch, classes)."""
        each = ops.stack([ops.log_softmax(ops.cast(one, "float32")) for one in logits])
        return ops.logsumexp(each, axis=0) - ops.log(float(len(logits)))

    def compute_output_shape(self, shape: Sequence[Any]) -> tuple[Any, ...]:
        """(batch, classes)."""
        return tuple(shape[0])


def _unit(values: Any, axis: int) -> Any:
    return values * ops.rsqrt(ops.maximum(ops.sum(values**2, axis, keepdims=True), EPSILON))


def with_last(model: keras.Model, last: Any) -> keras.Model:
    """The same network with another layer in place of its last one."""
    return keras.Model(model.inputs[0], last(model.layers[-1].input), name=model.name)


def together(model: keras.Model, weights: Sequence[Sequence[Any]]) -> keras.Model:
    """One network that averages the probabilities of `model` with each of these weights."""
    inputs = keras.Input(model.input_shape[1:], dtype=model.inputs[0].dtype)
    members = []
    for number, values in enumerate(weights):
        member = keras.models.clone_model(model)
        member.set_weights(values)
        member.name = f"{model.name}_{number}"
        members.append(member)
    return keras.Model(inputs, MeanProbability()([member(inputs) for member in members]))
