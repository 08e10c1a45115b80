"""Networks of keras.applications: frozen, with features computed once, or to be thawed."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.protocol.arrays import Array
from benchmark.protocol.errors import UserError
from benchmark.training import device
from benchmark.training.seeding import seeded
from tasks.images import weights
from tasks.images.cache import cached, key
from tasks.images.parallel import in_processes

if TYPE_CHECKING:
    import keras

NAMES = tuple(weights.FILES)
CHUNK = 16  # images handed to a process at once
SEED = 0  # of random weights, the same for all seeds of a benchmark: they share the features


@dataclass(frozen=True)
class Backbone:
    """A network of keras.applications with its weights, for images of one size."""

    name: str
    file: Path | None  # of its weights; None is random weights, always the same
    content: str  # SHA-256 of the file, or `weights.RANDOM`
    size: int  # pixels a side


def choose(name: str, given: str, size: int) -> Backbone:
    """Return the backbone of that name with the weights that a setting names.

    Raises:
        UserError: if there is no such file; see `weights.find`.
    """
    if given == weights.RANDOM:
        return Backbone(name, None, weights.RANDOM, size)
    file = weights.find(given, name, size)
    return Backbone(name, file, weights.content(file), size)


def features(images: Array, content: str, backbone: Backbone) -> Array:
    """Return the backbone's features of each image, averaged over places: float32 (rows, width).

    They are computed once, by all cores, and mapped into memory from the cache, so that
    processes share them.

    Args:
        images: uint8 (rows, size, size, 3).
        content: hash of the images.

    Raises:
        UserError: if the weights are not those of the network, or the images are too small.
    """
    return cached(
        key("features", version("keras"), backbone.name, backbone.content, images.shape, content),
        (len(images), None),
        np.float32,
        lambda: _by_all_cores(images, backbone),
    )


def _by_all_cores(images: Array, backbone: Backbone) -> Iterator[Array]:
    pieces = [images[start : start + CHUNK] for start in range(0, len(images), CHUNK)]
    title = f"{backbone.name}'s features of {len(images):,} images"
    return in_processes(partial(compute_features, backbone), pieces, len(images), title)


def compute_features(backbone: Backbone, images: Array) -> Array:
    """Return the features of some images: float32 (rows, width).

    One by one: in a batch, the last bits depend on its size and, on some processors, on the place
    in it. At 150 pixels eight at a time took a fifth less on one thread.
    """
    forward = _forward(backbone)
    return np.concatenate([forward(image[None]).numpy() for image in images])


def network(backbone: Backbone, head: Callable[[int], keras.Model]) -> keras.Model:
    """Build a head on a frozen backbone: uint8 images (rows, size, size, 3) -> logits.

    Batch normalisation keeps its statistics, even once the backbone is thawed: those of a
    batch would undo what the weights have learned (Keras' guide "Transfer learning &
    fine-tuning").

    Args:
        head: (width of the features) -> the model that is trained on them.
    """
    shared, preprocess = build(backbone)
    import keras

    frozen = keras.models.clone_model(shared)  # thawing will change it
    frozen.set_weights(shared.get_weights())
    frozen.trainable = False
    images = keras.Input((backbone.size, backbone.size, 3), dtype="uint8")
    x = frozen(preprocess(keras.ops.cast(images, "float32")), training=False)
    for layer in head(shared.output_shape[1]).layers:
        x = layer(x)
    return keras.Model(images, x, name=backbone.name)


@lru_cache(maxsize=2)  # building takes seconds, and every seed asks for it
def build(backbone: Backbone) -> tuple[keras.Model, Callable[[Array], Any]]:
    """Return the network and its preprocessing of images. Raises UserError as `features` does."""
    device.prepare()
    import keras

    function, file = getattr(keras.applications, backbone.name), backbone.file
    asked: list[str] = []  # Keras asks for its file when the network is built
    try:
        with seeded(SEED), _answering(lambda name, *_, **__: asked.append(name) or str(file)):
            model = function(
                include_top=False,
                pooling="avg",
                input_shape=(backbone.size, backbone.size, 3),
                weights="imagenet" if file else None,
            )
    except Exception as error:  # h5py and Keras raise all kinds for a file that does not fit
        reason = " ".join(str(error).split())
        if asked:
            raise UserError(f"{file} does not hold weights of {backbone.name}: {reason}") from error
        if isinstance(error, ValueError):
            raise UserError(
                f"model={backbone.name} does not work with size={backbone.size}: {reason}"
            ) from error
        raise
    if not all(np.isfinite(values).all() for values in model.get_weights()):
        raise UserError(f"{file} is damaged: some of its weights are not finite numbers")
    return model, sys.modules[function.__module__].preprocess_input


@lru_cache(maxsize=2)
def _forward(backbone: Backbone) -> Any:
    """Return the compiled function from one image, uint8 (1, size, size, 3), to its features."""
    model, preprocess = build(backbone)
    import tensorflow as tf

    def forward(images: Any) -> Any:
        return model(preprocess(tf.cast(images, tf.float32)), training=False)

    shape = (1, backbone.size, backbone.size, 3)
    return tf.function(forward, input_signature=[tf.TensorSpec(shape, tf.uint8)])


def keras_file(name: str, size: int) -> tuple[str, str | None]:
    """Return the address and, where it has one, the hash of the file that Keras asks for."""
    device.prepare()
    import keras

    class Asked(Exception):  # noqa: N818 - ends the building of a network that nobody needs
        pass

    def note(file: str, origin: str, file_hash: str | None = None, **_: Any) -> str:
        raise Asked(origin, file_hash)

    try:
        with _answering(note):
            getattr(keras.applications, name)(
                include_top=False, input_shape=(size, size, 3), weights="imagenet"
            )
    except Asked as asked:
        url, known = asked.args
        return url, known
    except ValueError as error:
        raise UserError(f"{name} does not work with size={size}: {error}") from error
    raise AssertionError(f"{name} was built without a file of weights")


@contextlib.contextmanager
def _answering(answer: Callable[..., str]) -> Iterator[None]:
    """Let `answer` name the file when Keras asks for its weights, in place of a download.

    Asking for "imagenet" matters: Keras builds EfficientNet otherwise for weights of a path.
    """
    from keras.src.utils import file_utils

    download = file_utils.get_file
    file_utils.get_file = answer
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of MobileNet's file for other sizes
            yield
    finally:
        file_utils.get_file = download
