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
            layers.Dense(classes, dtype="float32", name="logits"),
        ],
        name="simple",
    )


def compact(size: int, classes: int) -> keras.Model:
    """Four convolutions with batch normalisation, augmentation and a global average."""
    import keras
    from keras import layers

    from tasks._jitter import Jitter

    pictures = keras.Input((size, size, 3), dtype="uint8")
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(pictures)
    x = Jitter()(x)
    for filters in (32, 64, 128, 256):
        stem = filters == 32
        if not stem:  # pooling first: the convolution then costs a quarter
            x = layers.MaxPooling2D()(x)
        x = layers.Conv2D(
            filters,
            3,
            strides=2 if stem else 1,
            padding="same",
            use_bias=False,
            kernel_initializer="he_normal",
        )(x)
        x = layers.BatchNormalization(momentum=0.97)(x)
        x = layers.ReLU()(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    return keras.Model(
        pictures, layers.Dense(classes, dtype="float32", name="logits")(x), name="compact"
    )


def adamw(steps: int) -> keras.optimizers.Optimizer:
    """AdamW whose rate rises to 0.002 in a tenth of the steps, then falls to 0 as a cosine."""
    import keras

    warmup = steps // 10
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps - warmup, warmup_target=2e-3, warmup_steps=warmup
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=0.05)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def head(width: int, classes: int) -> keras.Model:
    """What is trained on a frozen backbone: its features (rows, width) -> logits."""
    import keras
    from keras import layers

    return keras.Sequential(
        [
            keras.Input((width,)),
            layers.Dense(512, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(classes, dtype="float32", name="logits"),
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
    "compact": Builder(compact, adamw, {"real": 1200, "synthetic": 400}),
}
HEAD = Builder(head, adam, {"real": 1000, "synthetic": 400})
