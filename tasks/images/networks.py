"""Networks for images of any size: each with its optimizer and its number of steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.protocol.task import Source

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Builder:
    """How to build and train one kind of network."""

    model: Callable[[int, int], keras.Model]  # (size of an image or width of a row, classes)
    optimizer: Callable[[int], keras.optimizers.Optimizer]  # (steps)
    steps: dict[Source, int]  # optimizer steps of 32 rows


def simple(size: int, classes: int) -> keras.Model:
    """Build the articles' CNN: uint8 images (rows, size, size, 3) -> logits (rows, classes)."""
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
    """Build four convolutions with batch normalisation, augmentation and a global average.

    Shapes are those of `simple`.
    """
    import keras
    from keras import layers

    from tasks.images.augmentation import Jitter

    images = keras.Input((size, size, 3), dtype="uint8")
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(images)
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
        images, layers.Dense(classes, dtype="float32", name="logits")(x), name="compact"
    )


def head(width: int, classes: int) -> keras.Model:
    """Build the head of a frozen backbone: its features (rows, width) -> logits."""
    import keras
    from keras import layers

    from benchmark.training.dropout import Dropout

    return keras.Sequential(
        [
            keras.Input((width,)),
            layers.Dense(256, activation="relu"),
            Dropout(0.5),
            layers.Dense(classes, dtype="float32", name="logits"),
        ],
        name="head",
    )


def adam(steps: int) -> keras.optimizers.Optimizer:
    """Return Adam at a constant learning rate of 0.001, whatever the number of steps."""
    import keras

    return keras.optimizers.Adam(1e-3)


def adam_cosine(steps: int) -> keras.optimizers.Optimizer:
    """Return Adam whose rate falls from 0.002 as a cosine."""
    import keras

    return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-3, steps))


def adamw(steps: int) -> keras.optimizers.Optimizer:
    """Return AdamW whose rate rises to 0.002 in a tenth of the steps, then decays as a cosine."""
    import keras

    warmup = steps // 10
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps - warmup, warmup_target=2e-3, warmup_steps=warmup
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=0.05)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


BUILDERS = {
    "simple": Builder(simple, adam, {"real": 1000, "synthetic": 400}),
    "compact": Builder(compact, adamw, {"real": 1200, "synthetic": 400}),
}
# 512 units and 1,000 steps at a constant rate take 3 times as long for the same average precision
HEAD = Builder(head, adam_cosine, {"real": 600, "synthetic": 400})
