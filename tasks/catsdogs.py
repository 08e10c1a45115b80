"""Microsoft's archive of cats and dogs, fetched and cleaned."""

from __future__ import annotations

import tempfile
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

import numpy as np

from benchmark.protocol.arguments import Range
from benchmark.protocol.arrays import Ints
from benchmark.protocol.errors import UserError
from benchmark.protocol.splits import split_by_count
from benchmark.protocol.task import Data, Splits, Task
from tasks.images import dataset, models
from tasks.images.cache import folder
from tasks.images.decode import BadImage, decode_bytes
from tasks.synthetic import drawings

URL = (
    "https://download.microsoft.com/download/3/E/1/"
    "3E1C3F21-ECDB-4869-8368-6DEBA77B919F/kagglecatsanddogs_5340.zip"
)
SHA256 = "b7974bd00a84a99921f36ee4403f089853777b5ae8d151c76a86e64900334af9"
FOLDERS = {"Cat": "cats", "Dog": "dogs"}


def fetch(path: Path) -> None:
    """Downloads the archive (825 MB, no log-in) and unpacks its photos to `path`/cats and /dogs.

    Files that are not whole JPEGs are left out. The archive's own readme and
    licence are put beside the photos.

    Raises:
        UserError: if `path` is there already, or the download or the disk fails.
    """
    import pooch

    if path.exists():
        raise UserError(f"{path} is there already: remove it first to fetch the photos anew")
    try:
        archive = pooch.retrieve(
            URL,
            known_hash=f"sha256:{SHA256}",
            path=folder(),
            downloader=pooch.HTTPDownloader(progressbar=True),
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as part:
            kept, bad = _unpack(Path(archive), Path(part) / "photos")
            (Path(part) / "photos").rename(path)
    except (OSError, ValueError, zipfile.BadZipFile) as error:  # requests' errors are OSErrors
        reason = " ".join(str(error).split())
        raise UserError(f"the photos cannot be fetched from {URL}: {reason}") from error
    print(f"{path}: {kept} photos; {bad} files of the archive are no whole JPEGs and left out")
    print(f"Licence: Microsoft's own; read the archive's readme in {path} before you use them")


def _unpack(archive: Path, target: Path) -> tuple[int, int]:
    """Numbers of kept and of bad files."""
    kept = bad = 0
    for name in FOLDERS.values():
        (target / name).mkdir(parents=True)
    with zipfile.ZipFile(archive) as files:
        for entry in files.infolist():
            member = PurePosixPath(entry.filename)
            if entry.is_dir() or member.name == "Thumbs.db":
                continue
            content = files.read(entry)
            if member.parent.name not in FOLDERS:
                (target / member.name).write_bytes(content)
            elif _whole(content):
                (target / FOLDERS[member.parent.name] / member.name).write_bytes(content)
                kept += 1
            else:
                bad += 1
    return kept, bad


def _whole(content: bytes) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd metadata
            decode_bytes(content, "JPEG", 64)
    except BadImage:
        return False
    return True


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
        models.check(self)
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
        """Images of each split and class, (3, 2)."""
        cats = np.array([self.train, self.validation, self.test])
        ratios = [self.train_imbalance or self.imbalance, self.imbalance, self.imbalance]
        return np.column_stack([cats, np.round(cats / ratios)]).astype(np.int64)


def load(settings: Settings, path: Path) -> Data:
    """The photos under `path`; UserError names every file that cannot be used."""
    return dataset.load(path, CLASSES, settings.size)


def synthetic(settings: Settings) -> Data:
    """As many drawn images as the settings ask for, with dogs enough for balanced training."""
    cats = settings.train + settings.validation + settings.test
    dogs = settings.train + settings.counts()[1:, 1].sum()
    return drawings.draw(int(cats), int(dogs), settings.size)


def split(data: Data, settings: Settings, seed: int) -> Splits:
    """Random splits of the sizes that the settings name."""
    try:
        train, validation, test = split_by_count(data, settings.counts(), seed)
    except UserError as error:
        raise UserError(
            f"{error}: lower train, validation or test; a higher imbalance needs fewer dogs"
        ) from error
    x = models.seen(data.rows, settings)
    return Splits(x, data.labels, train, validation, test)


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
    fetch=fetch,
)
