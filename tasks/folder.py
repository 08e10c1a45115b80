"""Your own images: one folder per class, whatever their sizes and formats."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np

from benchmark.protocol import splits, windows
from benchmark.protocol.arguments import ByContent, Range
from benchmark.protocol.arrays import Ints
from benchmark.protocol.errors import UserError
from benchmark.protocol.task import Data, Splits, Task
from tasks.images import class_folders, dataset, models, named_groups, near_duplicates
from tasks.synthetic import drawings

CATS, DOGS = 600, 120  # of the synthetic data


@dataclass(frozen=True)
class Settings:
    """Shares are of all images, unless folders say which images are for which split."""

    positive: str = ""  # the positive class; "": the rarer of two
    size: Annotated[int | None, Range(16, 512)] = None  # pixels per side; None: the model's
    model: str = "auto"  # MobileNet where its weights are found, else compact
    weights: Annotated[str, ByContent()] = "imagenet"  # "random", a file or a folder of weights
    thaw: Annotated[float, Range(0, 0.99)] = 0.0  # share of the steps that train it too, at the end
    group: str = ""  # images that belong together: a regular expression on file names, or a CSV
    validation: Annotated[float, Range(0.01, 0.45)] = 0.15
    test: Annotated[float, Range(0.01, 0.45)] = 0.15

    def __post_init__(self) -> None:
        """Raise UserError for an unknown model."""
        models.resolve(self)


def load(settings: Settings, path: Path) -> Data:
    """Read the images under `path`; UserError names every file that cannot be used."""
    layout = class_folders.find_layout(path)
    classes, class_of = class_folders.name_classes(layout, settings.positive, path)
    labelled = [(file.path, classes.index(class_of[file.name])) for file in layout.files]
    data, files = dataset.load_files(path, labelled, classes, models.size_of(settings))
    data = _grouped(replace(data, notes=layout.notes), settings.group)
    if layout.placed:
        place_of = {file.path: file.place for file in layout.files}
        data = _placed(data, np.array([place_of[file] for file in files]))
    data = replace(data, notes=(*data.notes, *_near_duplicates(data, settings, files)))
    return models.identified(data, settings)


def _grouped(data: Data, group: str) -> Data:
    """Keep images together that file names or a table say belong together."""
    if not group:
        return data
    named, line = named_groups.read(group, data.names)
    groups = splits.join_groups(data.groups, named)
    changed = replace(data, groups=groups, notes=(*data.notes, line))
    if not named_groups.is_table(group):  # settings say it all
        return changed
    return replace(
        changed, digest=hashlib.sha256(data.digest.encode() + groups.tobytes()).hexdigest()
    )


def _placed(data: Data, given: Ints) -> Data:
    """Keep the splits that folders give, without duplicates of images in a later split."""
    places = windows.without_straddlers(given, data.groups)
    left_out = (places != given).sum()
    notes = [*data.notes, splits.SAME_TEST]
    if left_out:
        notes.append(f"{left_out:,} images are left out: the same one is in a later split")
    digest = f"{hashlib.sha256(places.tobytes()).hexdigest()[:8]}{data.digest}"
    return replace(data, places=places, digest=digest, notes=tuple(notes))


def _near_duplicates(data: Data, settings: Settings, files: Sequence[Path]) -> list[str]:
    """Warn of images that look alike in different splits of the first seed."""
    parts = np.full(len(data.labels), -1)
    for part, rows in enumerate(splits.by_groups(data, settings.validation, settings.test, 0)):
        parts[rows] = part
    names = [file.relative_to(data.origin) for file in files]
    warnings = near_duplicates.warn_across(data.rows, parts, names)
    return [f"{line}; group= keeps together what belongs together" for line in warnings]


def synthetic(settings: Settings) -> Data:
    """Draw cats and, fewer, dogs."""
    return models.identified(drawings.draw(CATS, DOGS, models.size_of(settings)), settings)


def split(data: Data, settings: Settings, seed: int) -> Splits:
    """Split by share, or as the folders say."""
    parts = splits.by_groups(data, settings.validation, settings.test, seed)
    return Splits(models.inputs(data, settings), data.labels, *parts)


def fetch(path: Path) -> None:
    """Raise UserError: your own images cannot be downloaded."""
    raise UserError("the images are your own: name their folder with --data")


TASK = Task(
    summary="your own images, one folder per class",
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
