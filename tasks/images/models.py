"""Models of image tasks: a small network, or a head on one of keras.applications."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from benchmark.protocol import text
from benchmark.protocol.arguments import suggest
from benchmark.protocol.arrays import Array
from benchmark.protocol.errors import UserError
from benchmark.protocol.task import Budget, Data, Network, Source, Splits, Thaw
from tasks.images import backbones, decode, networks, weights
from tasks.images.cache import key

BATCH = 32
FINE_TUNING_RATE = 1e-5  # of a thawed network; source: Keras' guide to transfer learning
AUTO = "auto"  # the model that `complete` chooses
PRETRAINED, SIZE = "MobileNet", 150  # where its weights are found, and pixels a side
SCRATCH, SMALL = "compact", 64  # where they are not
MODELS = {name.lower(): name for name in (AUTO, *networks.BUILDERS, *backbones.NAMES)}


class Settings(Protocol):
    """The settings that every image task has."""

    size: Any  # pixels a side; None is the model's default
    model: str  # as `resolve` spells it
    weights: Any  # of a keras.applications model: "imagenet", "random", a file or a folder
    thaw: float  # share of the steps, at their end, that train a keras.applications model too


def resolve(settings: Settings) -> None:
    """Replace the model by its proper spelling, so that "xception" and "Xception" are one run.

    Raises:
        UserError: for an unknown model, or one that has nothing to thaw.
    """
    model = MODELS.get(settings.model.lower())
    if model is None:
        raise UserError(
            f"unknown model {settings.model!r}: {suggest(settings.model, MODELS.values())}"
        )
    if settings.thaw and model in networks.BUILDERS:
        raise UserError(f"thaw={settings.thaw:g}: model={model} has no frozen part that could thaw")
    object.__setattr__(settings, "model", model)


def complete(settings: Any, source: Source) -> tuple[Any, str]:
    """Choose model and size where they are left open, and say which model was chosen.

    Real images get features of ImageNet where the weights are on this machine, as that is far
    better and faster than training from scratch. Weights or a thaw that are asked for do so too.
    """
    size = settings.size or SIZE
    if settings.model != AUTO:
        pretrained = settings.model in backbones.NAMES
        return replace(settings, size=settings.size or (SIZE if pretrained else SMALL)), ""
    if settings.thaw or settings.weights != weights.IMAGENET:
        return replace(settings, model=PRETRAINED, size=size), ""
    if source == "synthetic":
        return replace(settings, model=SCRATCH, size=settings.size or SMALL), ""
    if weights.available(PRETRAINED, size):
        chosen = replace(settings, model=PRETRAINED, size=size)
        file = weights.find(weights.IMAGENET, PRETRAINED, size)
        return chosen, (
            f"model={PRETRAINED} size={size}, frozen, with the ImageNet weights in {file.parent}; "
            f"model={SCRATCH} trains from scratch"
        )
    return replace(settings, model=SCRATCH, size=settings.size or SMALL), (
        f"model={SCRATCH}, trained from scratch. Features of ImageNet are far better: "
        f"`{text.command('fetch', 'weights', PRETRAINED)}` gets them (17 MB) into {weights.FOLDER}"
    )


def size_of(settings: Settings) -> int:
    """Return the pixels a side that images are scaled to."""
    return settings.size or (SIZE if model_of(settings) in backbones.NAMES else SMALL)


def model_of(settings: Settings) -> str:
    """Return the name of the model."""
    return SCRATCH if settings.model == AUTO else settings.model


def files(settings: Settings) -> Mapping[str, Path]:
    """Return the file of weights that images are encoded with, if there is one."""
    file = _backbone(settings).file if _stays_frozen(settings) else None
    return {"weights": file} if file else {}


def identified(data: Data, settings: Settings) -> Data:
    """Return the data with a digest that covers the content of the weights, whatever their path.

    Raises:
        UserError: if the weights are not on this machine.
    """
    if model_of(settings) not in backbones.NAMES:
        return data
    return replace(data, digest=key(data.digest, _backbone(settings).content))


def inputs(data: Data, settings: Settings) -> Array:
    """Return what is trained on: the images, or a frozen backbone's features of them.

    The backbone learns from none of the images, so features are computed once for all seeds.
    """
    if _stays_frozen(settings):
        return backbones.features(data.rows, data.digest, _backbone(settings))
    if settings.thaw:  # build it now, so that errors appear before anything is trained
        backbones.build(_backbone(settings))
    rows: Array = data.rows
    return rows


def encode(settings: Settings, learned: Any, raw: Sequence[bytes]) -> Array:
    """Encode files as in a split: their pixels, or the features of a frozen backbone."""
    images = decode.decode_all(raw, size_of(settings))
    if _stays_frozen(settings):
        return backbones.compute_features(_backbone(settings), images)
    return images


def network(settings: Settings, splits: Splits, classes: int, budget: Budget) -> Network:
    """Build the model untrained: a network, a head for features, or a head on its backbone."""
    builder = _builder(settings)
    optimizer = builder.optimizer(budget.steps)
    if not settings.thaw:
        return Network(builder.model(splits.x.shape[1], classes), optimizer)
    import keras

    model = backbones.network(_backbone(settings), lambda width: builder.model(width, classes))
    return Network(model, optimizer, Thaw(settings.thaw, keras.optimizers.Adam(FINE_TUNING_RATE)))


def budget(settings: Settings, source: Source) -> Budget:
    """Return steps enough for the model to converge; fewer for drawn images, which are easier."""
    return Budget(_builder(settings).steps[source], BATCH)


def sees_pixels(settings: Settings) -> bool:
    """Return whether the network that is trained sees pixels, not features of a frozen one."""
    return not _stays_frozen(settings)


def _backbone(settings: Settings) -> backbones.Backbone:
    return backbones.choose(model_of(settings), settings.weights, size_of(settings))


def _stays_frozen(settings: Settings) -> bool:
    return model_of(settings) in backbones.NAMES and not settings.thaw


def _builder(settings: Settings) -> networks.Builder:
    return networks.BUILDERS.get(model_of(settings), networks.HEAD)
