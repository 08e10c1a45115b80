"""Cats and dogs: real photos, few of them of dogs.

The task of a series of articles on unbalanced image data, with the data of
Kaggle's "Dogs vs. Cats". Dog is the positive class.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np

from benchmark.arguments import Range
from benchmark.errors import UserError
from benchmark.task import Data, Ints, Splits, Task, split_by_count
from tasks import _archive, _drawings, _photos, _picture_models

CLASSES = ("cat", "dog")


@dataclass(frozen=True)
class Settings:
    """What can be changed. Sizes count cats; dogs are a share of them."""

    imbalance: Annotated[float, Range(1)] = 10  # cats for each dog, in every split
    train_imbalance: Annotated[float | None, Range(1)] = None  # in training, if it is another
    train: Annotated[int, Range(1, 10_000_000)] = 1500
    validation: Annotated[int, Range(1, 10_000_000)] = 1000
    test: Annotated[int, Range(1, 10_000_000)] = 1000
    size: Annotated[int, Range(16, 512)] = 64  # pixels a side
    model: str = "compact"
    weights: Literal["imagenet", "random"] = "imagenet"  # of a keras.applications model
    thaw: Annotated[float, Range(0, 0.99)] = 0.0  # share of the steps that train it too, at the end

    def __post_init__(self) -> None:
        """Raises UserError for an unknown model, and if a split would have no dog."""
        _picture_models.check(self)
        for split, (cats, dogs) in zip(("train", "validation", "test"), self.counts(), strict=True):
            if dogs < 1:
                name = (
                    "train_imbalance" if split == "train" and self.train_imbalance else "imbalance"
                )
                raise UserError(
                    f"{name}={getattr(self, name):g} leaves no dog beside {split}={cats} cats: "
                    f"lower {name} or raise {split}"
                )

    def counts(self) -> Ints:
        """Pictures of each split and class, (3, 2)."""
        cats = np.array([self.train, self.validation, self.test])
        ratios = [self.train_imbalance or self.imbalance, self.imbalance, self.imbalance]
        return np.column_stack([cats, np.round(cats / ratios)]).astype(np.int64)


def load(settings: Settings, path: Path) -> Data:
    """The photos under `path`; UserError names every file that cannot be used."""
    return _photos.load(path, CLASSES, settings.size)


def stand_in(settings: Settings) -> Data:
    """As many drawn pictures as the settings ask for, with dogs enough for balanced training."""
    cats = settings.train + settings.validation + settings.test
    dogs = settings.train + settings.counts()[1:, 1].sum()
    return _drawings.draw(int(cats), int(dogs), settings.size)


def split(data: Data, settings: Settings, seed: int) -> Splits:
    """Random splits of the sizes that the settings name."""
    try:
        train, validation, test = split_by_count(data, settings.counts(), seed)
    except UserError as error:
        raise UserError(
            f"{error}: lower train, validation or test; a higher imbalance needs fewer dogs"
        ) from error
    x = _picture_models.seen(data.rows, settings)
    return Splits(x, data.labels, train, validation, test)


TASK = Task(
    summary="photos of cats and, fewer, of dogs; dog is the positive class",
    kind="image",
    settings=Settings,
    load=load,
    stand_in=stand_in,
    split=split,
    encode=_picture_models.encode,
    network=_picture_models.network,
    budget=_picture_models.budget,
    fetch=_archive.fetch,
)
