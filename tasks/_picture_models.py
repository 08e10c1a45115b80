"""What learns from pictures: a small network, or a head on a frozen one of keras.applications."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

from benchmark.arguments import suggest
from benchmark.errors import UserError
from benchmark.task import Budget, Network, Source, Splits
from tasks import _backbones, _networks, _pictures

BATCH = 32
MODELS = {name.lower(): name for name in (*_networks.BUILDERS, *_backbones.NAMES)}


def spelled(model: str) -> str:
    """The model's name as it is spelled: "xception" and "Xception" are one cell."""
    known = MODELS.get(model.lower())
    if known is None:
        raise UserError(f"unknown model {model!r}: {suggest(model, MODELS.values())}")
    return known


class Settings(Protocol):
    """What a task of pictures can be asked to change, at least."""

    size: Any  # pixels a side
    model: str  # as `spelled`
    weights: Any  # of a keras.applications model: "imagenet" or "random"


def seen(pictures: NDArray[Any], settings: Settings) -> NDArray[Any]:
    """What is trained on: the pictures, or a frozen backbone's features of them.

    These are learned on none of them, so they are computed once for all seeds.
    """
    if settings.model in _backbones.NAMES:
        return _backbones.features(pictures, settings.model, settings.weights)
    return pictures


def encode(settings: Settings, learned: Any, raw: Sequence[bytes]) -> NDArray[Any]:
    """Files as a split has them: their pixels, or what the frozen backbone sees in them."""
    pictures = _pictures.decode_all(raw, settings.size)
    if settings.model in _backbones.NAMES:
        return _backbones.compute(pictures, settings.model, settings.weights)
    return pictures


def network(settings: Settings, splits: Splits, classes: int, budget: Budget) -> Network:
    """The settings' model, untrained; of a keras.applications model, the head on its features."""
    builder = _builder(settings.model)
    model = builder.model(splits.x.shape[1], classes)
    return Network(model, builder.optimizer(budget.steps))


def budget(settings: Settings, source: Source) -> Budget:
    """Enough steps for the model to settle; fewer for drawn pictures, which are easier."""
    return Budget(_builder(settings.model).steps[source], BATCH)


def _builder(model: str) -> _networks.Builder:
    return _networks.BUILDERS.get(model, _networks.HEAD)
