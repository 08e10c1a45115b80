"""Networks for images: each with its optimizer and the steps that it is trained for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.protocol.task import Source

if TYPE_CHECKING:
    import keras


from typing import TYPE_CHECKING, Any

from benchmark.protocol.task import Budget, Network

if TYPE_CHECKING:
    import keras


def adam(steps: int) -> keras.optimizers.Optimizer:
    """Adam at a constant learning rate of 0.001, however many steps."""
    import keras

    return keras.optimizers.Adam(1e-3)


def simple(size: int, classes: int) -> keras.Model:
    """The articles' CNN: uint8 images (rows, size, size, 3) -> logits (rows, classes)."""
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

    model: Callable[[int, int], keras.Model]  # (size of an image or width of a row, classes)
    optimizer: Callable[[int], keras.optimizers.Optimizer]  # (steps)
    steps: dict[Source, int]  # of 32 rows each


BUILDERS = {
    "simple": Builder(simple, adam, {"real": 1000, "synthetic": 400}),
    "compact": Builder(compact, adamw, {"real": 1200, "synthetic": 400}),
}
HEAD = Builder(head, adam, {"real": 1000, "synthetic": 400})


BLOCKS = 5  # a stage of ResNet-32
DECAY = 2e-4  # of its weights
EPOCH = 97  # steps of 128 rows in 12,406 images, the published training set
BUDGETS: dict[str, dict[Source, Budget]] = {
    "small": {"real": Budget(3000, 64), "synthetic": Budget(300, 64)},
    "resnet32": {"real": Budget(200 * EPOCH, 128), "synthetic": Budget(2 * EPOCH, 128)},
}


def small(classes: int, steps: int) -> Network:
    """Four convolutions, for a processor: 5 million multiplications an image."""
    from keras import layers

    images, x = _input()
    for filters, stride in ((32, 2), (64, 2), (128, 2), (128, 1)):
        x = layers.Conv2D(filters, 3, stride, "same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.97)(x)
        x = layers.ReLU()(x)
    return Network(_model(images, x, classes, "small"), _adamw(steps))


def resnet32(classes: int, steps: int) -> Network:
    """ResNet-32 as published for long-tailed CIFAR: SGD, momentum 0.9, batch 128.

    The rate of 0.1 is warmed up for 5 of 200 epochs and divided by 100 at 160 and 180. Sources:
    He et al. 2016, "Deep residual learning for image recognition", section 4.2; the schedule of
    Cao et al. 2019, "Learning imbalanced datasets with label-distribution-aware margin loss".
    """
    import keras

    images, x = _input()
    x = _convolution(x, 16, 1)
    for filters in (16, 32, 64):
        for block in range(BLOCKS):
            x = _block(x, filters, 2 if filters > 16 and block == 0 else 1)
    optimizer = keras.optimizers.SGD(_steps_down(steps), momentum=0.9)
    return Network(_model(images, x, classes, "resnet32"), optimizer)


NETWORKS: dict[str, Callable[[int, int], Network]] = {"small": small, "resnet32": resnet32}


def _input() -> tuple[Any, Any]:
    """Images, and what is convolved of them: moved by up to an eighth, and mirrored."""
    import keras
    from keras import layers

    from tasks.images.augmentation import Jitter

    images = keras.Input((32, 32, 3), dtype="uint8")
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(images)
    return images, Jitter(shift=0.125, zoom=0.0, angle=0.0, colour=0.0)(x)


def _model(images: Any, x: Any, classes: int, name: str) -> keras.Model:
    import keras
    from keras import layers

    x = layers.GlobalAveragePooling2D()(x)
    logits = layers.Dense(classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name=name)


def _convolution(x: Any, filters: int, stride: int, active: bool = True) -> Any:
    import keras
    from keras import layers

    x = layers.Conv2D(
        filters,
        3,
        stride,
        "same",
        use_bias=False,
        kernel_initializer="he_normal",
        kernel_regularizer=keras.regularizers.L2(DECAY / 2),
    )(x)
    x = layers.BatchNormalization(momentum=0.9)(x)
    return layers.ReLU()(x) if active else x


def _block(x: Any, filters: int, stride: int) -> Any:
    """Two convolutions; where the number of filters grows, the shortcut is padded with zeros."""
    from keras import layers, ops

    short, grown = x, filters - x.shape[-1]
    if stride > 1 or grown:
        half = grown // 2
        short = ops.pad(x[:, ::stride, ::stride], [[0, 0]] * 3 + [[half, grown - half]])
    x = _convolution(_convolution(x, filters, stride), filters, 1, active=False)
    return layers.ReLU()(x + short)


def _steps_down(steps: int) -> Any:
    """0.1, warmed up from 0.02 in 5 epochs' share; 0.001 and 0.00001 for the last two tenths."""
    import keras

    ends = [int(steps * epoch / 200) for epoch in (1, 2, 3, 4, 160, 180)]
    rates = [0.02, 0.04, 0.06, 0.08, 0.1, 1e-3, 1e-5]
    return keras.optimizers.schedules.PiecewiseConstantDecay(ends, rates)


def _adamw(steps: int) -> keras.optimizers.Optimizer:

    return adamw(steps)
