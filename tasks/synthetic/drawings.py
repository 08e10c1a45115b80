"""Synthetic images of cats and dogs, which a person tells apart at a glance.

They are hard for a small network as photos are: the animals differ in size, place and tilt,
and clutter, occlusion, blur and noise lie over them.
"""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmark.protocol.arrays import Array
from benchmark.protocol.task import Data
from tasks.images.cache import cached, key
from tasks.synthetic import animals
from tasks.synthetic.canvas import Canvas, muted

SEED = 1
CLASSES = ("cat", "dog")
ANIMALS = (animals.draw_cat, animals.draw_dog)


def draw(cats: int, dogs: int, size: int) -> Data:
    """Draw `cats` cats, then `dogs` dogs, uint8 (images, size, size, 3); the same at every call."""
    labels = np.repeat([0, 1], [cats, dogs]).astype(np.int64)
    numbers = np.concatenate([np.arange(cats), np.arange(dogs)])
    rows = cached(
        key("drawings", _source(), cats, dogs, size),
        (cats + dogs, size, size, 3),
        np.uint8,
        lambda: _images(labels, numbers, size),
    )
    return Data(
        rows=rows,
        labels=labels,
        groups=np.arange(len(labels)),
        classes=CLASSES,
        digest=hashlib.sha256(rows.data).hexdigest(),
        source="synthetic",
        origin="drawn cats and dogs",
    )


def _source() -> str:
    """Return all code that decides what is drawn, so that a change never meets an old cache."""
    from PIL import __version__

    modules = [sys.modules[name] for name in (__name__, animals.__name__, Canvas.__module__)]
    return "\n".join([__version__, *map(inspect.getsource, modules)])


def _images(labels: Array, numbers: Array, size: int) -> Iterator[Array]:
    """Yield the images of classes and numbers, one at a time."""
    for label, number in zip(labels, numbers, strict=True):
        yield image(int(label), int(number), size)[np.newaxis]


def image(label: int, number: int, size: int) -> NDArray[np.uint8]:
    """Draw the image `number` of a class, uint8 (size, size, 3)."""
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
    """Draw random ovals, polygons and lines."""
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
