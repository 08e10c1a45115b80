"""Whales by their flukes: thousands of classes, half of them with a single image.

Kaggle's layout: a table with the columns Image and Id, and a folder of images. A class with
too few different images for all three splits stays in training: the model knows it, but
nothing is measured of it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np

from benchmark.protocol.arguments import ByContent, Range
from benchmark.protocol.arrays import Ints
from benchmark.protocol.errors import UserError
from benchmark.protocol.splits import PLACES, TEST, TRAIN, VALIDATION
from benchmark.protocol.task import Data, Splits, Task
from tasks.images import dataset, label_table, models
from tasks.synthetic import textures

KAGGLE = "https://www.kaggle.com/competitions/whale-categorization-playground"
NEW = "new_whale"  # the class of whales that nobody has named
SYNTHETIC_COUNTS = (60, 30, 20, 12, 8, 6, 5, 4, 4, 3, 3, 3, 2, 2, 1, 1, 1, 1)  # images per class


@dataclass(frozen=True)
class Settings:
    """Shares are of the different images of each class."""

    new_whale: Literal["class", "left out"] = "class"
    size: Annotated[int, Range(16, 512)] = 64  # pixels per side
    model: str = "compact"
    weights: Annotated[str, ByContent()] = "imagenet"  # "random", a file or a folder of weights
    thaw: Annotated[float, Range(0, 0.99)] = 0.0  # share of the steps that train it too, at the end
    validation: Annotated[float, Range(0.01, 0.45)] = 0.15
    test: Annotated[float, Range(0.01, 0.45)] = 0.15

    def __post_init__(self) -> None:
        """Raise UserError for an unknown model."""
        models.resolve(self)


def load(settings: Settings, path: Path) -> Data:
    """Read the images in the table; UserError names every bad row or file."""
    named = label_table.read(path)
    if settings.new_whale == "left out":
        named = [(file, name) for file, name in named if name != NEW]
    counts = Counter(name for _, name in named)
    classes = tuple(sorted(counts, key=lambda name: (-counts[name], name)))
    label_of = {name: label for label, name in enumerate(classes)}
    labelled = [(file, label_of[name]) for file, name in named]
    data, _ = dataset.load_files(path, labelled, classes, settings.size)
    return models.identified(_with_notes(data), settings)


def synthetic(settings: Settings) -> Data:
    """Make textures, one per whale."""
    labels = np.repeat(np.arange(len(SYNTHETIC_COUNTS)), SYNTHETIC_COUNTS).astype(np.int64)
    images = textures.images(labels, settings.size, 11)
    return models.identified(
        _with_notes(
            Data(
                rows=images,
                labels=labels,
                groups=np.arange(len(labels)),
                classes=(NEW, *(f"whale {number}" for number in range(1, len(SYNTHETIC_COUNTS)))),
                digest=hashlib.sha256(images.tobytes()).hexdigest(),
                source="synthetic",
                origin="synthetic textures",
            )
        ),
        settings,
    )


def _with_notes(data: Data) -> Data:
    """Add a note of the classes that are too small to be measured."""
    small = (_distinct_images(data) < len(PLACES)).sum()
    note = (
        f"{small:,} of {len(data.classes):,} classes have fewer than {len(PLACES)} different "
        "images: they stay in training, and nothing is measured of them"
    )
    return replace(data, notes=(*data.notes, note)) if small else data


def _distinct_images(data: Data) -> Ints:
    """Count the different images of each class."""
    firsts = np.unique(data.groups, return_index=True)[1]
    return np.bincount(data.labels[firsts], minlength=len(data.classes)).astype(np.int64)


def split(data: Data, settings: Settings, seed: int) -> Splits:
    """Split each class by share; one with three images or more has at least one in each split."""
    rng = np.random.default_rng(seed)
    firsts, group = np.unique(data.groups, return_index=True, return_inverse=True)[1:]
    place = np.full(len(firsts), TRAIN)  # of each group: train, unless it is held out
    order = rng.permutation(len(firsts))
    order = order[np.argsort(data.labels[firsts][order], kind="stable")]
    counts = np.bincount(data.labels[firsts], minlength=len(data.classes))
    for members in np.split(order, np.cumsum(counts)[:-1]):
        if len(members) >= len(PLACES):
            validation, test = (
                max(1, round(share * len(members)))
                for share in (settings.validation, settings.test)
            )
            place[members[:validation]] = VALIDATION
            place[members[validation : validation + test]] = TEST
    parts = (np.flatnonzero(place[group] == part) for part in (TRAIN, VALIDATION, TEST))
    return Splits(models.inputs(data, settings), data.labels, *parts)


def fetch(path: Path) -> None:
    """Raise UserError: Kaggle asks for a log-in and for consent to the competition's rules."""
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
    complete=models.complete,
    files=models.files,
    sees_pixels=models.sees_pixels,
    fetch=fetch,
)
