"""Models of image tasks: a small network, or a head on one of keras.applications."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from benchmark.protocol.arguments import suggest
from benchmark.protocol.arrays import Array
from benchmark.protocol.errors import UserError
from benchmark.protocol.task import Budget, Network, Source, Splits, Thaw
from tasks.images import backbones, decode, networks

BATCH = 32
FINE_TUNING_RATE = 1e-5  # of a thawed network; source: Keras' guide to transfer learning
MODELS = {name.lower(): name for name in (*networks.BUILDERS, *backbones.NAMES)}


class Settings(Protocol):
    """The settings that every image task has."""

    size: Any  # pixels a side
    model: str  # as `resolve` spells it
    weights: Any  # of a keras.applications model: "imagenet" or "random"
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
    if settings.thaw and model not in backbones.NAMES:
        raise UserError(f"thaw={settings.thaw:g}: model={model} has no frozen part that could thaw")
    object.__setattr__(settings, "model", model)


def inputs(images: Array, settings: Settings) -> Array:
    """Return what is trained on: the images, or a frozen backbone's features of them.

    The backbone learns from none of the images, so features are computed once for all seeds.
    """
    if _stays_frozen(settings):
        return backbones.features(images, settings.model, settings.weights)
    if settings.thaw:  # build it now, so that errors appear before anything is trained
        backbones.backbone(settings.model, settings.weights, settings.size)
    return images


def encode(settings: Settings, learned: Any, raw: Sequence[bytes]) -> Array:
    """Encode files as in a split: their pixels, or the features of a frozen backbone."""
    images = decode.decode_all(raw, settings.size)
    if _stays_frozen(settings):
        return backbones.compute_features(images, settings.model, settings.weights)
    return images


def network(settings: Settings, splits: Splits, classes: int, budget: Budget) -> Network:
    """Build the model untrained: a network, a head for features, or a head on its backbone."""
    builder = _builder(settings.model)
    optimizer = builder.optimizer(budget.steps)
    if not settings.thaw:
        return Network(builder.model(splits.x.shape[1], classes), optimizer)
    import keras

    model = backbones.network(
        settings.model, settings.weights, settings.size, lambda width: builder.model(width, classes)
    )
    return Network(model, optimizer, Thaw(settings.thaw, keras.optimizers.Adam(FINE_TUNING_RATE)))


def budget(settings: Settings, source: Source) -> Budget:
    """Return steps enough for the model to converge; fewer for drawn images, which are easier."""
    return Budget(_builder(settings.model).steps[source], BATCH)


def _stays_frozen(settings: Settings) -> bool:
    return settings.model in backbones.NAMES and not settings.thaw


def _builder(model: str) -> networks.Builder:
    return networks.BUILDERS.get(model, networks.HEAD)
