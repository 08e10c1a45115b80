"""Networks of keras.applications: frozen, with features computed once, or to be thawed."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.protocol.arrays import Array
from benchmark.protocol.errors import UserError
from benchmark.training import device
from benchmark.training.seeding import seeded
from tasks.images.cache import cached, key

if TYPE_CHECKING:
    import keras

# Written down, because importing Keras to check a name takes seconds; a test compares.
NAMES = tuple(
    """
    ConvNeXtBase ConvNeXtLarge ConvNeXtSmall ConvNeXtTiny ConvNeXtXLarge
    DenseNet121 DenseNet169 DenseNet201
    EfficientNetB0 EfficientNetB1 EfficientNetB2 EfficientNetB3
    EfficientNetB4 EfficientNetB5 EfficientNetB6 EfficientNetB7
    EfficientNetV2B0 EfficientNetV2B1 EfficientNetV2B2 EfficientNetV2B3
    EfficientNetV2L EfficientNetV2M EfficientNetV2S
    InceptionResNetV2 InceptionV3
    MobileNet MobileNetV2 MobileNetV3Large MobileNetV3Small
    NASNetLarge NASNetMobile
    ResNet50 ResNet101 ResNet152 ResNet50V2 ResNet101V2 ResNet152V2
    VGG16 VGG19 Xception
    """.split()  # noqa: SIM905
)
BATCH = 64
SEED = 0  # of random weights, the same for all seeds of a benchmark: they share the features


def features(images: Array, name: str, weights: str) -> Array:
    """Return the backbone's features of each image, averaged over places: float32 (rows, width).

    They are computed once and cached.

    Args:
        images: uint8 (rows, size, size, 3).
        name: of the backbone, one of `NAMES`.
        weights: "imagenet", or "random" for untrained ones, always the same.

    Raises:
        UserError: if the weights cannot be downloaded or the images are too small.
    """
    model, _ = backbone(name, weights, images.shape[1])
    import keras  # only now: `backbone` has prepared the device

    content = hashlib.sha256(np.ascontiguousarray(images).data).hexdigest()
    return cached(
        key("features", keras.__version__, name, weights, images.shape, content),
        (len(images), model.output_shape[1]),
        np.float32,
        lambda: _batches(images, name, weights),
    )


def network(name: str, weights: str, size: int, head: Callable[[int], keras.Model]) -> keras.Model:
    """Build a head on a frozen backbone: uint8 images (rows, size, size, 3) -> logits.

    Batch normalisation keeps its statistics, even once the backbone is thawed: those of a
    batch would undo what the weights have learned (Keras' guide "Transfer learning &
    fine-tuning").

    Args:
        head: (width of the features) -> the model that is trained on them.
    """
    import keras

    shared, preprocess = backbone(name, weights, size)
    frozen = keras.models.clone_model(shared)  # thawing will change it
    frozen.set_weights(shared.get_weights())
    frozen.trainable = False
    images = keras.Input((size, size, 3), dtype="uint8")
    x = frozen(preprocess(keras.ops.cast(images, "float32")), training=False)
    for layer in head(shared.output_shape[1]).layers:
        x = layer(x)
    return keras.Model(images, x, name=name)


def compute_features(images: Array, name: str, weights: str) -> Array:
    """Return the features of images that will not come again, without caching them."""
    return np.concatenate(list(_batches(images, name, weights)))


def _batches(images: Array, name: str, weights: str) -> Iterator[Array]:
    """Yield the features of `BATCH` images at a time."""
    model, preprocess = backbone(name, weights, images.shape[1])
    for start in range(0, len(images), BATCH):
        batch = images[start : start + BATCH].astype(np.float32)
        yield np.asarray(model.predict_on_batch(preprocess(batch)))


@functools.cache  # building takes seconds, and every seed asks for it
def backbone(name: str, weights: str, size: int) -> tuple[keras.Model, Callable[[Array], Any]]:
    """Return a backbone and its preprocessing of images. Raises UserError as `features` does."""
    device.prepare()
    import keras

    build = getattr(keras.applications, name)
    try:
        with seeded(SEED), contextlib.redirect_stdout(sys.stderr):  # Keras reports downloads
            model = build(
                include_top=False,
                pooling="avg",
                input_shape=(size, size, 3),
                weights=None if weights == "random" else weights,
            )
    except ValueError as error:
        raise UserError(f"model={name} does not work with size={size}: {error}") from error
    except Exception as error:  # Keras raises no narrower class when a download fails
        if "URL fetch failure" not in str(error):
            raise
        raise UserError(
            f"the {weights} weights of {name} cannot be downloaded ({error}): use weights=random "
            "or another model, or put the file into ~/.keras/models"
        ) from error
    return model, sys.modules[build.__module__].preprocess_input
