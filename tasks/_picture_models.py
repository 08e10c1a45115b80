"""What learns from pictures: a small network, or a head on a frozen one of keras.applications."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from benchmark.arguments import suggest
from benchmark.errors import UserError
from benchmark.task import Budget, Network, Source
from tasks import _backbones, _networks

BATCH = 32
MODELS = {name.lower(): name for name in (*_networks.BUILDERS, *_backbones.NAMES)}


def spelled(model: str) -> str:
    """The model's name as it is spelled: "xception" and "Xception" are one cell."""
    known = MODELS.get(model.lower())
    if known is None:
        raise UserError(f"unknown model {model!r}: {suggest(model, MODELS.values())}")
    return known


def seen(pictures: NDArray[Any], model: str, weights: str) -> NDArray[Any]:
    """What is trained on: the pictures, or a frozen backbone's features of them.

    These are learned on none of them, so they are computed once for all seeds.
    """
    if model in _backbones.NAMES:
        return _backbones.features(pictures, model, weights)
    return pictures


def seen_once(pictures: NDArray[Any], model: str, weights: str) -> NDArray[Any]:
    """As `seen`, for pictures that will not come again."""
    if model in _backbones.NAMES:
        return _backbones.compute(pictures, model, weights)
    return pictures


def network(model: str, width: int, classes: int, budget: Budget) -> Network:
    """Untrained. `width` is that of a picture or of its features."""
    builder = _builder(model)
    return Network(builder.model(width, classes), builder.optimizer(budget.steps))


def budget(model: str, source: Source) -> Budget:
    """Enough steps for the model to settle; fewer for drawn pictures, which are easier."""
    return Budget(_builder(model).steps[source], BATCH)


def _builder(model: str) -> _networks.Builder:
    return _networks.BUILDERS.get(model, _networks.HEAD)
