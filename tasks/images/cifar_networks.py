"""Networks for CIFAR's images of 32 x 32 pixels, and the budgets they are trained with."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from benchmark.protocol.task import Budget, Network, Source
from tasks.images.networks import adamw

if TYPE_CHECKING:
    import keras

BLOCKS = 5  # per stage of ResNet-32
DECAY = 2e-4  # weight decay of its convolutions
EPOCH = 97  # steps of 128 rows in 12,406 images, the published training set


def small(classes: int, steps: int) -> Network:
    """Build four convolutions, for CPUs: 5 million multiplications per image."""
    from keras import layers

    images, x = _input()
    for filters, stride in ((32, 2), (64, 2), (128, 2), (128, 1)):
        x = layers.Conv2D(filters, 3, stride, "same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.97)(x)
        x = layers.ReLU()(x)
    return Network(_model(images, x, classes, "small"), adamw(steps))


def resnet32(classes: int, steps: int) -> Network:
    """Build ResNet-32 as published for long-tailed CIFAR: SGD, momentum 0.9, batch 128.

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
    optimizer = keras.optimizers.SGD(_step_decay(steps), momentum=0.9)
    return Network(_model(images, x, classes, "resnet32"), optimizer)


def _input() -> tuple[Any, Any]:
    """Return the input of images, and the images shifted by up to an eighth and mirrored."""
    import keras
    from keras import layers

    from tasks.images.augmentation import Jitter

    images = keras.Input((32, 32, 3), dtype="uint8")
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(images)
    return images, Jitter(shift=0.125, zoom=0.0, angle=0.0, colour=0.0)(x)


def _model(images: Any, x: Any, classes: int, name: str) -> keras.Model:
    """Build the model from `images` to logits: a global average of `x` and a dense layer."""
    import keras
    from keras import layers

    x = layers.GlobalAveragePooling2D()(x)
    logits = layers.Dense(classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name=name)


def _convolution(x: Any, filters: int, stride: int, active: bool = True) -> Any:
    """Convolve and normalise; `active` adds a ReLU."""
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
    """Add two convolutions to a shortcut, which is padded with zeros where filters are added."""
    from keras import layers, ops

    shortcut, added = x, filters - x.shape[-1]
    if stride > 1 or added:
        half = added // 2
        shortcut = ops.pad(x[:, ::stride, ::stride], [[0, 0]] * 3 + [[half, added - half]])
    x = _convolution(_convolution(x, filters, stride), filters, 1, active=False)
    return layers.ReLU()(x + shortcut)


def _step_decay(steps: int) -> Any:
    """Return the schedule of `resnet32`, stretched to `steps` steps.

    Warm-up from 0.02 to 0.1 in the first 5 of 200 parts, 0.001 from 160 on, 0.00001 from 180 on.
    """
    import keras

    ends = [int(steps * epoch / 200) for epoch in (1, 2, 3, 4, 160, 180)]
    rates = [0.02, 0.04, 0.06, 0.08, 0.1, 1e-3, 1e-5]
    return keras.optimizers.schedules.PiecewiseConstantDecay(ends, rates)


NETWORKS: dict[str, Callable[[int, int], Network]] = {"small": small, "resnet32": resnet32}
BUDGETS: dict[str, dict[Source, Budget]] = {
    "small": {"real": Budget(3000, 64), "synthetic": Budget(300, 64)},
    "resnet32": {"real": Budget(200 * EPOCH, 128), "synthetic": Budget(2 * EPOCH, 128)},
}
