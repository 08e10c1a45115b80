"""Which whale is it, by its fluke: thousands of classes, half of them with one image.

Kaggle's layout: a table with the columns Image and Id, and a folder of images. A class that
has too few different images for all three splits stays in training, as a whale that is known
but that nothing can be measured of.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np

from benchmark.protocol.arguments import Range
from benchmark.protocol.arrays import Ints
from benchmark.protocol.errors import UserError
from benchmark.protocol.splits import PLACES
from benchmark.protocol.task import Data, Splits, Task
from tasks.images import dataset, decode, label_table, models
from tasks.synthetic import textures

KAGGLE = "https://www.kaggle.com/competitions/whale-categorization-playground"
NEW = "new_whale"  # whales that nobody has named
MADE = (60, 30, 20, 12, 8, 6, 5, 4, 4, 3, 3, 3, 2, 2, 1, 1, 1, 1)  # images of the stand-in


@dataclass(frozen=True)
class Settings:
    """What can be changed about the task."""

    new_whale: Literal["class", "left out"] = "class"
    size: Annotated[int, Range(16, 512)] = 64  # pixels a side
    model: str = "compact"
    weights: Literal["imagenet", "random"] = "imagenet"  # of a keras.applications model
    thaw: Annotated[float, Range(0, 0.99)] = 0.0  # share of the steps that train it too, at the end
    validation: Annotated[float, Range(0.01, 0.45)] = 0.15  # of the images of a class
    test: Annotated[float, Range(0.01, 0.45)] = 0.15

    def __post_init__(self) -> None:
        """Raises UserError for an unknown model."""
        models.check(self)


def load(settings: Settings, path: Path) -> Data:
    """The images that the table names; UserError names every row and file that is bad."""
    named = label_table.read(path)
    if settings.new_whale == "left out":
        named = [(file, name) for file, name in named if name != NEW]
    counts = Counter(name for _, name in named)
    classes = tuple(sorted(counts, key=lambda name: (-counts[name], name)))
    place = {name: number for number, name in enumerate(classes)}
    labelled = [(file, place[name]) for file, name in named]
    data, _ = dataset.of_files(
        path, labelled, classes, settings.size, decode.decode_any, lambda file: "any"
    )
    return _with_notes(data)


def synthetic(settings: Settings) -> Data:
    """A texture a whale."""
    import hashlib

    labels = np.repeat(np.arange(len(MADE)), MADE).astype(np.int64)
    images = textures.images(labels, settings.size, 11)
    return _with_notes(
        Data(
            rows=images,
            labels=labels,
            groups=np.arange(len(labels)),
            classes=(NEW, *(f"whale {number}" for number in range(1, len(MADE)))),
            digest=hashlib.sha256(images.tobytes()).hexdigest(),
            source="synthetic",
            origin="textures",
        )
    )


def _with_notes(data: Data) -> Data:
    small = (_different(data) < len(PLACES)).sum()
    note = (
        f"{small:,} of {len(data.classes):,} classes have fewer than {len(PLACES)} different "
        "images: they stay in training, and nothing is measured of them"
    )
    return replace(data, notes=(*data.notes, note)) if small else data


def _different(data: Data) -> Ints:
    """Different images of each class."""
    firsts = np.unique(data.groups, return_index=True)[1]
    return np.bincount(data.labels[firsts], minlength=len(data.classes)).astype(np.int64)


def split(data: Data, settings: Settings, seed: int) -> Splits:
    """Class by class, by share: at least one of its images is in each split, if it has three."""
    rng = np.random.default_rng(seed)
    firsts, group = np.unique(data.groups, return_index=True, return_inverse=True)[1:]
    place = np.zeros(len(firsts), np.int64)
    order = rng.permutation(len(firsts))
    order = order[np.argsort(data.labels[firsts][order], kind="stable")]
    counts = np.bincount(data.labels[firsts], minlength=len(data.classes))
    for members in np.split(order, np.cumsum(counts)[:-1]):
        if len(members) >= len(PLACES):
            held = [
                max(1, round(share * len(members)))
                for share in (settings.validation, settings.test)
            ]
            place[members[: held[0]]] = 1
            place[members[held[0] : sum(held)]] = 2
    of_row = place[group]
    parts = (np.flatnonzero(of_row == number) for number in range(len(PLACES)))
    x = models.seen(data.rows, settings)
    return Splits(x, data.labels, *parts)


def fetch(path: Path) -> None:
    """Kaggle gives it to those who take part in the competition."""
    raise UserError(
        f"log in at {KAGGLE}, accept its rules, download train.csv and the folder train into {path}"
    )


TASK = Task(
    summary="thousands of whales by their flukes, half with one image (Kaggle's layout)",
    kind="image",
    settings=Settings,
    load=load,
    synthetic=synthetic,
    split=split,
    encode=models.encode,
    network=models.network,
    budget=models.budget,
    fetch=fetch,
)
