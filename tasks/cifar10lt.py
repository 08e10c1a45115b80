"""CIFAR-10 with a long tail: the standard benchmark of strategies for ten classes.

Training uses int(largest * imbalance^(-c / 9)) images of class c, in CIFAR's order (Cui et
al. 2019); the test split is CIFAR's own, balanced. Published results have no validation split
and choose on test. Here `validation` images per class are set apart from CIFAR's training
images first, as balanced as the test split, so that thresholds and checkpoints are chosen for
the population that is tested.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.protocol import windows
from benchmark.protocol.arguments import Range
from benchmark.protocol.arrays import Array, Ints
from benchmark.protocol.errors import UserError
from benchmark.protocol.splits import TEST, TRAIN
from benchmark.protocol.task import Budget, Data, Network, Source, Splits, Task
from tasks.images import cifar, cifar_networks, decode
from tasks.images.cifar import CLASSES, SIDE
from tasks.synthetic import textures

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
SYNTHETIC_COUNTS = {TRAIN: 320, TEST: 60}  # images per class


@dataclass(frozen=True)
class Settings:
    """The imbalance of training, the rows for validation, and the network."""

    imbalance: Annotated[float, Range(1, 1000)] = 100.0  # largest class : smallest, in training
    validation: Annotated[int, Range(1, 1000)] = 100  # images per class
    model: Literal["small", "resnet32"] = "small"


def load(settings: Settings, path: Path) -> Data:
    """Read CIFAR-10 at `path`, in any form that `images.cifar` knows; UserError if it is bad."""
    return _data(*cifar.read(path), "real", str(path))


def synthetic(settings: Settings) -> Data:
    """Make images of ten textures."""
    rows = [len(CLASSES) * SYNTHETIC_COUNTS[place] for place in (TRAIN, TEST)]
    places = np.repeat([TRAIN, TEST], rows).astype(np.int64)
    labels = np.arange(len(places)) % len(CLASSES)
    images = textures.images(labels, SIDE, 10)
    return _data(images, labels, places, "synthetic", "synthetic textures")


def _data(
    images: NDArray[np.uint8], labels: Ints, places: Ints, source: Source, origin: str
) -> Data:
    """Group images with the same pixels, and drop those of training that are in test too."""
    pixels = [hashlib.sha256(image).hexdigest() for image in np.ascontiguousarray(images)]
    groups = np.unique(pixels, return_inverse=True)[1].astype(np.int64)
    content = hashlib.sha256("".join(pixels).encode() + labels.tobytes() + places.tobytes())
    return Data(
        rows=images,
        labels=labels,
        groups=groups,
        classes=CLASSES,
        digest=content.hexdigest(),
        source=source,
        origin=origin,
        places=windows.without_straddlers(places, groups),
    )


def split(data: Data, settings: Settings, seed: int) -> Splits:
    """Draw training and validation images by the seed; the test split is always CIFAR's own."""
    assert data.places is not None
    rng = np.random.default_rng(seed)
    firsts = np.unique(data.groups, return_index=True)[1]
    free = np.intersect1d(firsts, np.flatnonzero(data.places == TRAIN))
    pools = [rng.permutation(free[data.labels[free] == label]) for label in range(len(CLASSES))]
    largest = min(map(len, pools)) - settings.validation
    counts = profile(largest, settings.imbalance)
    if counts[-1] < 1:
        raise UserError(
            f"{data.origin}: {largest:,} images per class are left beside {settings.validation} "
            f"for validation, too few for imbalance {settings.imbalance:g}: lower one of them"
        )
    validation = np.concatenate([pool[: settings.validation] for pool in pools])
    train = np.concatenate(
        [
            pool[settings.validation :][:count]
            for pool, count in zip(pools, counts.tolist(), strict=True)
        ]
    )
    test = np.flatnonzero(data.places == TEST)
    return Splits(data.rows, data.labels, np.sort(train), np.sort(validation), test)


def profile(largest: int, imbalance: float) -> Ints:
    """Return the training images of each class: int(largest * imbalance^(-c / (classes - 1)))."""
    shares = np.arange(len(CLASSES)) / (len(CLASSES) - 1)
    # rounding errors may put a whole number slightly below itself
    return np.floor(largest * imbalance**-shares + 1e-9).astype(np.int64)


def encode(settings: Settings, learned: Any, raw: Sequence[bytes]) -> Array:
    """Decode image files to pixels."""
    return decode.decode_all(raw, SIDE)


def network(settings: Settings, splits: Splits, classes: int, budget: Budget) -> Network:
    """Build the model untrained."""
    return cifar_networks.NETWORKS[settings.model](classes, budget.steps)


def budget(settings: Settings, source: Source) -> Budget:
    """Return the published 200 epochs for `resnet32`, and what a CPU can bear for `small`."""
    return cifar_networks.BUDGETS[settings.model][source]


def fetch(path: Path) -> None:
    """Download the original archive (170 MB, no log-in) as `path`/cifar-10-python.tar.gz."""
    import pooch

    try:
        path.mkdir(parents=True, exist_ok=True)
        pooch.retrieve(
            URL,
            known_hash=f"sha256:{SHA256}",
            fname="cifar-10-python.tar.gz",
            path=path,
            downloader=pooch.HTTPDownloader(progressbar=True),
        )
    except (OSError, ValueError) as error:
        raise UserError(f"CIFAR-10 cannot be fetched from {URL}: {error}") from error


TASK = Task(
    summary="CIFAR-10 with a long tail: ten classes, 100:1, balanced test",
    kind="image",
    settings=Settings,
    load=load,
    synthetic=synthetic,
    split=split,
    encode=encode,
    network=network,
    budget=budget,
    fetch=fetch,
)
