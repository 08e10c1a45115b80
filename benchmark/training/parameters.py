"""The trainable weights of a network as the optimizer sees them.

Most optimizers change each number by itself. All weights are one vector to them, so that a step
has the operations of one update and not of one for each layer: half the time of a small network
on a processor, and half of the time that compiling it takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

# rules that change each number by its own gradient and history alone
ELEMENTWISE = ("SGD", "Adam", "AdamW", "Nadam", "Adamax", "RMSprop", "Adagrad", "Adadelta", "Lion")
# settings of an optimizer that look at more than one number, or at more than one step
ACROSS = ("clipnorm", "global_clipnorm", "use_ema", "gradient_accumulation_steps")


class Parameters(Protocol):
    """Trainable weights, for use inside of a compiled function."""

    def begin(self) -> None:
        """Take the weights from the model."""

    def current(self) -> Any:
        """Return the weights to differentiate by: a tensor, or the variables."""

    def call(self, weights: Any, features: Any) -> tuple[Any, Sequence[Any]]:
        """Return outputs in training, and losses of the layers; update statistics."""

    def apply(self, gradient: Any) -> None:
        """Take an optimizer step."""

    def end(self) -> None:
        """Give the weights to the model."""


def parameters(model: Any, optimizer: Any) -> Parameters:
    """Return the weights of a model as one vector if the optimizer allows it, and build it."""
    variables = model.trainable_variables
    settings = optimizer.get_config()
    packs = (
        type(optimizer).__name__ in ELEMENTWISE
        and type(optimizer).__module__.startswith("keras.")
        and not any(settings.get(name) for name in ACROSS)
        and not getattr(optimizer, "_exclude_from_weight_decay", None)
        and len({variable.dtype for variable in variables}) == 1
        and all(variable.constraint is None for variable in variables)
    )
    return Packed(model, optimizer) if packs else Separate(model, optimizer)


class Separate:
    """Each variable by itself."""

    def __init__(self, model: Any, optimizer: Any) -> None:
        self._model, self._optimizer = model, optimizer
        self._variables = list(model.trainable_variables)
        optimizer.build(self._variables)

    def begin(self) -> None:
        pass

    def current(self) -> Any:
        return self._variables

    def call(self, weights: Any, features: Any) -> tuple[Any, Sequence[Any]]:
        return self._model(features, training=True), self._model.losses

    def apply(self, gradient: Any) -> None:
        self._optimizer.apply(gradient, self._variables)

    def end(self) -> None:
        pass


class Packed:
    """All variables in one vector, which the optimizer knows alone."""

    def __init__(self, model: Any, optimizer: Any) -> None:
        import keras

        self._model, self._optimizer = model, optimizer
        self._variables = list(model.trainable_variables)
        self._shapes = [tuple(variable.shape) for variable in self._variables]
        self._sizes = [int(np.prod(shape)) for shape in self._shapes]
        vector = np.zeros(sum(self._sizes), np.float32)
        self._vector = keras.Variable(vector, dtype=self._variables[0].dtype, name="weights")
        optimizer.build([self._vector])

    def begin(self) -> None:
        import tensorflow as tf

        parts = [tf.reshape(variable, [-1]) for variable in self._variables]
        self._vector.assign(tf.concat(parts, 0))

    def current(self) -> Any:
        import tensorflow as tf

        return tf.convert_to_tensor(self._vector)

    def call(self, weights: Any, features: Any) -> tuple[Any, Sequence[Any]]:
        import keras

        mapping = list(zip(self._variables, self._parts(weights), strict=True))
        with keras.StatelessScope(state_mapping=mapping, collect_losses=True) as scope:
            outputs = self._model(features, training=True)
            losses = self._model.losses
        for variable in self._model.non_trainable_variables:
            value = scope.get_current_value(variable)
            if value is not None:  # statistics of normalisation, states of random numbers
                variable.assign(value)
        return outputs, losses

    def apply(self, gradient: Any) -> None:
        self._optimizer.apply([gradient], [self._vector])

    def end(self) -> None:
        for variable, part in zip(self._variables, self._parts(self.current()), strict=True):
            variable.assign(part)

    def _parts(self, vector: Any) -> list[Any]:
        import tensorflow as tf

        parts = tf.split(vector, self._sizes)
        return [tf.reshape(part, shape) for part, shape in zip(parts, self._shapes, strict=True)]
