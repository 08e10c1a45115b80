"""What learns from images: a small network, or a head on one of keras.applications."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

from benchmark.protocol.arguments import suggest
from benchmark.protocol.errors import UserError
from benchmark.protocol.task import Budget, Network, Source, Splits, Thaw
from tasks.images import backbones, decode, networks

BATCH = 32
FINE = 1e-5  # learning rate of a thawed network, that of Keras' guide to transfer learning
MODELS = {name.lower(): name for name in (*networks.BUILDERS, *backbones.NAMES)}


class Settings(Protocol):
    """What a task of images can be asked to change, at least."""

    size: Any  # pixels a side
    model: str  # as `check` spells it
    weights: Any  # of a keras.applications model: "imagenet" or "random"
    thaw: float  # share of the steps, at their end, that train a keras.applications model too


def check(settings: Settings) -> None:
    """Spells the model as it is spelled: "xception" and "Xception" are one cell.

    Raises:
        UserError: for an unknown model, or one that has nothing to thaw.
    """
    known = MODELS.get(settings.model.lower())
    if known is None:
        raise UserError(
            f"unknown model {settings.model!r}: {suggest(settings.model, MODELS.values())}"
        )
    if settings.thaw and known not in backbones.NAMES:
        raise UserError(f"thaw={settings.thaw:g}: model={known} has no frozen part that could thaw")
    object.__setattr__(settings, "model", known)


def seen(images: NDArray[Any], settings: Settings) -> NDArray[Any]:
    """What is trained on: the images, or a frozen backbone's features of them.

    These are learned on none of them, so they are computed once for all seeds.
    """
    if _stays_frozen(settings):
        return backbones.features(images, settings.model, settings.weights)
    if settings.thaw:  # what is wrong with it is said before anything is trained
        backbones.backbone(settings.model, settings.weights, settings.size)
    return images


def encode(settings: Settings, learned: Any, raw: Sequence[bytes]) -> NDArray[Any]:
    """Files as a split has them: their pixels, or what the frozen backbone sees in them."""
    images = decode.decode_all(raw, settings.size)
    if _stays_frozen(settings):
        return backbones.compute(images, settings.model, settings.weights)
    return images


def network(settings: Settings, splits: Splits, classes: int, budget: Budget) -> Network:
    """The settings' model, untrained; of one of keras.applications the head, or both."""
    builder = _builder(settings.model)
    optimizer = builder.optimizer(budget.steps)
    if not settings.thaw:
        return Network(builder.model(splits.x.shape[1], classes), optimizer)
    import keras

    model = backbones.network(
        settings.model, settings.weights, settings.size, lambda width: builder.model(width, classes)
    )
    return Network(model, optimizer, Thaw(settings.thaw, keras.optimizers.Adam(FINE)))


def budget(settings: Settings, source: Source) -> Budget:
    """Enough steps for the model to settle; fewer for drawn images, which are easier."""
    return Budget(_builder(settings.model).steps[source], BATCH)


def _stays_frozen(settings: Settings) -> bool:
    return settings.model in backbones.NAMES and not settings.thaw


def _builder(model: str) -> networks.Builder:
    return networks.BUILDERS.get(model, networks.HEAD)
