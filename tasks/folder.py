"""Images of your own: one folder a class, whatever their sizes and formats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.protocol import splits
from benchmark.protocol.arguments import Range, suggest
from benchmark.protocol.errors import UserError
from benchmark.protocol.task import Data, Splits, Task
from tasks.images import dataset, decode, folders, models, near_duplicates
from tasks.synthetic import drawings

CATS, DOGS = 600, 120  # of the stand-in


@dataclass(frozen=True)
class Settings:
    """What can be changed. Shares are of all images, unless folders say where they belong."""

    positive: str = ""  # the class that counts as positive; else the rarer of two
    size: Annotated[int, Range(16, 512)] = 64  # pixels a side
    model: str = "compact"
    weights: Literal["imagenet", "random"] = "imagenet"  # of a keras.applications model
    thaw: Annotated[float, Range(0, 0.99)] = 0.0  # share of the steps that train it too, at the end
    validation: Annotated[float, Range(0.01, 0.45)] = 0.15
    test: Annotated[float, Range(0.01, 0.45)] = 0.15

    def __post_init__(self) -> None:
        """Raises UserError for an unknown model."""
        models.check(self)


def load(settings: Settings, path: Path) -> Data:
    """The images under `path`; UserError names every file that cannot be used."""
    layout = folders.find_layout(path)
    classes, name_of = _classes(layout, settings.positive, path)
    files = {file.path: file for file in layout.files}
    labelled = [(file.path, classes.index(name_of[file.name])) for file in layout.files]
    data, rows = dataset.of_files(
        path, labelled, classes, settings.size, decode.decode_any, lambda file: "any"
    )
    notes = [*layout.notes]
    if layout.placed:
        notes.append(splits.SAME_TEST)
        given = np.array([files[row].place for row in rows])
        places = splits.without_straddlers(given, data.groups)
        if (places != given).any():
            notes.append(
                f"{(places != given).sum():,} images are left out: the same one is in a later split"
            )
        data = replace(data, places=places, digest=f"{_of_places(places)}{data.digest}")
    return replace(data, notes=(*notes, *_alike(data, settings, rows)))


def _of_places(places: NDArray[Any]) -> str:
    """Tells one assignment to splits from others."""
    import hashlib

    return hashlib.sha256(places.tobytes()).hexdigest()[:8]


def _classes(
    layout: folders.Layout, positive: str, path: Path
) -> tuple[tuple[str, ...], dict[str, str]]:
    """The classes, of two the positive one last, and the class of each folder."""
    counts = Counter(file.name for file in layout.files)
    names = sorted(counts, key=str.lower)
    if positive and positive not in counts:
        raise UserError(f"{path} has no class {positive!r}: {suggest(positive, names)}")
    if len(names) > 2 and positive:
        rest = f"not {positive}"
        return (rest, positive), {name: positive if name == positive else rest for name in names}
    if len(names) == 2:
        names.sort(key=lambda name: (name == positive, -counts[name]))
    return tuple(names), {name: name for name in names}


def _alike(data: Data, settings: Settings, files: Sequence[Path]) -> list[str]:
    """A warning of images that are almost the same in different splits of the first seed."""
    parts = np.full(len(data.labels), -1)
    for part, rows in enumerate(splits.by_groups(data, settings.validation, settings.test, 0)):
        parts[rows] = part
    pairs = near_duplicates.across(data.rows, parts)
    if not len(pairs):
        return []
    one, two = (files[row].relative_to(data.origin) for row in pairs[0])
    return [
        f"{len(np.unique(pairs)):,} images look almost like one in another split, e.g. {one} and "
        f"{two}: results are too good if they show the same thing"
    ]


def synthetic(settings: Settings) -> Data:
    """Drawn cats and, fewer, dogs."""
    return drawings.draw(CATS, DOGS, settings.size)


def split(data: Data, settings: Settings, seed: int) -> Splits:
    """By share, or as the folders say."""
    parts = splits.by_groups(data, settings.validation, settings.test, seed)
    x = models.seen(data.rows, settings)
    return Splits(x, data.labels, *parts)


def fetch(path: Path) -> None:
    """They are yours."""
    raise UserError("the images are your own: name their folder with --data")


TASK = Task(
    summary="images of your own, one folder a class",
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
