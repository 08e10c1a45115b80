"""Networks for pictures: each with its optimizer and the steps that it is trained for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.task import Source

if TYPE_CHECKING:
    import keras


def adam(steps: int) -> keras.optimizers.Optimizer:
    """Adam at a constant learning rate of 0.001, however many steps."""
    import keras

    return keras.optimizers.Adam(1e-3)


def simple(size: int, classes: int) -> keras.Model:
    """The articles' CNN: uint8 pictures (rows, size, size, 3) -> logits (rows, classes)."""
    import keras
    from keras import layers

    def convolution(filters: int) -> list[keras.layers.Layer]:
        return [
            layers.Conv2D(
                filters, 3, padding="same", activation="relu", kernel_initializer="he_uniform"
            ),
            layers.MaxPooling2D(),
        ]

    return keras.Sequential(
        [
            keras.Input((size, size, 3), dtype="uint8"),
            layers.Rescaling(1 / 255),
            *convolution(32),
            layers.Dropout(0.15),
            *convolution(64),
            layers.Dropout(0.15),
            *convolution(128),
            layers.Flatten(),
            layers.Dense(64, activation="relu", kernel_initializer="he_uniform"),
            layers.Dropout(0.4),
            layers.Dense(classes, name="logits"),
        ],
        name="simple",
    )


def head(width: int, classes: int) -> keras.Model:
    """What is trained on a frozen backbone: its features (rows, width) -> logits."""
    import keras
    from keras import layers

    return keras.Sequential(
        [
            keras.Input((width,)),
            layers.Dense(512, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(classes, name="logits"),
        ],
        name="head",
    )


@dataclass(frozen=True)
class Builder:
    """How to make and train one kind of network."""

    model: Callable[[int, int], keras.Model]  # (size of a picture or width of a row, classes)
    optimizer: Callable[[int], keras.optimizers.Optimizer]  # (steps)
    steps: dict[Source, int]  # of 32 rows each


BUILDERS = {
    "simple": Builder(simple, adam, {"real": 1000, "synthetic": 400}),
}
HEAD = Builder(head, adam, {"real": 1000, "synthetic": 400})
