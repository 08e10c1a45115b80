"""Cats and, fewer, dogs: Microsoft's photos, of which as many dogs are used as the settings say.

Photos of neither training nor validation are tested, weighted to the imbalance.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np

from benchmark.protocol.arguments import ByContent, Range
from benchmark.protocol.arrays import Ints
from benchmark.protocol.errors import UserError
from benchmark.protocol.splits import PLACES, split_by_count
from benchmark.protocol.task import Data, Splits, Task
from tasks.images import catsdogs_archive, dataset, models
from tasks.synthetic import drawings

CLASSES = ("cat", "dog")
TESTED = 1000  # cats of the synthetic data, where the settings leave it open


@dataclass(frozen=True)
class Settings:
    """Sizes count cats; the number of dogs follows from the imbalance."""

    imbalance: Annotated[float, Range(1)] = 10  # cats per dog; test is weighted to it
    train_imbalance: Annotated[float | None, Range(1)] = None  # in training, if it differs
    train: Annotated[int, Range(1, 10_000_000)] = 1500
    validation: Annotated[int, Range(1, 10_000_000)] = 1000
    test: Annotated[int | None, Range(1, 10_000_000)] = None  # None: all that are left, weighted
    size: Annotated[int | None, Range(16, 512)] = None  # pixels per side; None: the model's
    model: str = "auto"  # MobileNet where its weights are found, else compact
    weights: Annotated[str, ByContent()] = "imagenet"  # "random", a file or a folder of weights
    thaw: Annotated[float, Range(0, 0.99)] = 0.0  # share of the steps that train it too, at the end

    def __post_init__(self) -> None:
        """Raise UserError for an unknown model, and if a split would have no dog."""
        models.resolve(self)
        for split, (cats, dogs) in zip(PLACES, self.counts(), strict=False):
            if dogs < 1:
                own = split == "train" and self.train_imbalance
                name = "train_imbalance" if own else "imbalance"
                raise UserError(
                    f"{name}={getattr(self, name):g} leaves no dog beside {split}={cats} cats: "
                    f"lower {name} or raise {split}"
                )

    def counts(self) -> Ints:
        """Return the images of each split and class, (3, 2); without a size of test, (2, 2)."""
        cats = np.array([self.train, self.validation, *([self.test] if self.test else [])])
        ratios = [self.train_imbalance or self.imbalance, *[self.imbalance] * (len(cats) - 1)]
        return np.column_stack([cats, np.round(cats / ratios)]).astype(np.int64)


def load(settings: Settings, path: Path) -> Data:
    """Read the photos under `path`; UserError names every file that cannot be used."""
    return models.identified(dataset.load(path, CLASSES, models.size_of(settings)), settings)


def synthetic(settings: Settings) -> Data:
    """Draw as many images as the settings ask for, with dogs enough for balanced training."""
    tested = settings.test or TESTED
    cats = settings.train + settings.validation + tested
    dogs_tested = max(1, round(tested / settings.imbalance))
    dogs = settings.train + int(settings.counts()[1, 1]) + dogs_tested
    drawn = drawings.draw(cats, dogs, models.size_of(settings))
    return models.identified(drawn, settings)


def split(data: Data, settings: Settings, seed: int) -> Splits:
    """Draw random splits of the sizes in the settings."""
    try:
        train, validation, test = split_by_count(data, settings.counts(), seed)
    except UserError as error:
        raise UserError(
            f"{error}: lower train, validation or test; a higher imbalance needs fewer dogs"
        ) from error
    shares = np.array([settings.imbalance, 1]) / (settings.imbalance + 1)
    return Splits(
        x=models.inputs(data, settings),
        y=data.labels,
        train=train,
        validation=validation,
        test=test,
        population=None if settings.test else shares,
    )


TASK = Task(
    summary="photos of cats and, fewer, of dogs; dog is the positive class",
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
    fetch=catsdogs_archive.fetch,
)
