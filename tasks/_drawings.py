"""Drawn cats and dogs: a stand-in for photos that a person tells apart at a glance.

What makes them hard for a small network is what makes photos hard: the animals
share colours and poses, differ in size, place and tilt, some cats have dropped
ears and some dogs pointed ones, and clutter, occlusion, blur and noise lie over them.
"""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmark.task import Data
from tasks import _animals, _canvas
from tasks._animals import draw_cat, draw_dog
from tasks._cache import Array, cached, key
from tasks._canvas import Canvas, muted

SEED = 1
ANIMALS = (draw_cat, draw_dog)
CLASSES = ("cat", "dog")


def draw(cats: int, dogs: int, size: int) -> Data:
    """`cats` cats, then `dogs` dogs, uint8 (pictures, size, size, 3); the same at every call."""
    labels = np.repeat([0, 1], [cats, dogs]).astype(np.int64)
    numbers = np.concatenate([np.arange(cats), np.arange(dogs)])
    rows = cached(
        key("drawings", _code(), cats, dogs, size),
        (cats + dogs, size, size, 3),
        np.uint8,
        lambda: _pictures(labels, numbers, size),
    )
    return Data(
        rows=rows,
        labels=labels,
        groups=np.arange(len(labels)),
        classes=CLASSES,
        digest=hashlib.sha256(rows.data).hexdigest(),
        source="synthetic",
        origin="synthetic stand-in",
    )


def _code() -> str:
    """All that decides what is drawn, so that no changed drawing comes from an old cache."""
    from PIL import __version__

    modules = (sys.modules[__name__], _animals, _canvas)
    return "\n".join([__version__, *map(inspect.getsource, modules)])


def _pictures(labels: Array, numbers: Array, size: int) -> Iterator[Array]:
    for label, number in zip(labels, numbers, strict=True):
        yield picture(int(label), int(number), size)[np.newaxis]


def picture(label: int, number: int, size: int) -> NDArray[np.uint8]:
    """The picture `number` of a class, uint8 (size, size, 3)."""
    rng = np.random.default_rng([SEED, label, number])
    canvas = Canvas(size, rng)
    _clutter(canvas, rng, int(rng.integers(3, 10)))
    canvas.place(
        centre=rng.uniform((-0.33, -0.33), (0.33, 0.23)),
        scale=rng.uniform(0.3, 0.54),
        tilt=rng.normal(0, 0.28),
        mirrored=rng.random() < 0.5,
    )
    ANIMALS[label](canvas, rng)
    canvas.place()
    if rng.random() < 0.6:
        _clutter(canvas, rng, int(rng.integers(1, 4)), largest=0.3)
    return canvas.finish(blur=rng.uniform(0.1, 1.5), noise=rng.uniform(6, 32))


def _clutter(canvas: Canvas, rng: np.random.Generator, shapes: int, largest: float = 0.7) -> None:
    for _ in range(shapes):
        at = rng.uniform(-1.1, 1.1, 2)
        width, height = rng.uniform(0.08, largest, 2)
        colour = muted(rng)
        kind = rng.integers(3)
        if kind == 0:
            canvas.oval(at, (width, height), colour, turn=rng.uniform(0, np.pi))
        elif kind == 1:
            corners = at + rng.uniform(-1, 1, (int(rng.integers(3, 6)), 2)) * (width, height)
            canvas.polygon(corners, colour)
        else:
            canvas.line([at, at + rng.normal(0, 0.6, 2)], rng.uniform(0.02, 0.12), colour)
