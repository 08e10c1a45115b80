"""CIFAR-10 with a long tail: the field's standard test of strategies for ten classes.

Of class c, in CIFAR's order, int(largest * imbalance^(-c / 9)) images are trained on (Cui et
al. 2019); test is CIFAR's own, balanced. The field has no validation split and chooses on
test; here `validation` images a class are set apart from CIFAR's training part first, in the
test's shares, so that thresholds and checkpoints are chosen for the population that is tested.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.protocol import splits
from benchmark.protocol.arguments import Range
from benchmark.protocol.arrays import Ints
from benchmark.protocol.errors import UserError
from benchmark.protocol.splits import TEST, TRAIN
from benchmark.protocol.task import Budget, Data, Network, Source, Splits, Task
from tasks.images import cifar, decode, networks
from tasks.images.cifar import CLASSES, SIDE
from tasks.synthetic import textures

KERAS = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
MADE = {TRAIN: 320, TEST: 60}  # images a class of the stand-in


@dataclass(frozen=True)
class Settings:
    """What can be changed about the task."""

    imbalance: Annotated[float, Range(1, 1000)] = 100.0  # largest class : smallest
    validation: Annotated[int, Range(1, 1000)] = 100  # images a class
    model: Literal["small", "resnet32"] = "small"


def load(settings: Settings, path: Path) -> Data:
    """CIFAR-10 at `path`, see `_cifar`. UserError says what is missing or bad."""
    return _data(*cifar.read(path), "real", str(path))


def synthetic(settings: Settings) -> Data:
    """Ten textures."""
    places = np.repeat([TRAIN, TEST], [10 * MADE[TRAIN], 10 * MADE[TEST]]).astype(np.int64)
    labels = np.arange(len(places)) % 10
    images = textures.images(labels, SIDE, 10)
    return _data(images, labels, places, "synthetic", "textures")


def _data(
    images: NDArray[np.uint8], labels: Ints, places: Ints, source: Source, origin: str
) -> Data:
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
        places=splits.without_straddlers(places, groups),
    )


def split(data: Data, settings: Settings, seed: int) -> Splits:
    """Other training and validation images at every seed; test is always the same."""
    assert data.places is not None
    rng = np.random.default_rng(seed)
    firsts = np.unique(data.groups, return_index=True)[1]
    free = np.intersect1d(firsts, np.flatnonzero(data.places == TRAIN))
    pools = [rng.permutation(free[data.labels[free] == label]) for label in range(len(CLASSES))]
    largest = min(map(len, pools)) - settings.validation
    counts = profile(largest, settings.imbalance)
    if counts[-1] < 1:
        raise UserError(
            f"{data.origin}: {largest:,} images of a class are left beside {settings.validation} "
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
    """Training images of each class: int(largest * imbalance^(-c / (classes - 1)))."""
    shares = np.arange(len(CLASSES)) / (len(CLASSES) - 1)
    # a whole number may come out a hair below itself
    return np.floor(largest * imbalance**-shares + 1e-9).astype(np.int64)


def encode(settings: Settings, learned: Any, raw: Sequence[bytes]) -> NDArray[Any]:
    """The pixels of image files."""
    return decode.decode_all(raw, SIDE)


def network(settings: Settings, splits: Splits, classes: int, budget: Budget) -> Network:
    """The settings' model, untrained."""
    return networks.NETWORKS[settings.model](classes, budget.steps)


def budget(settings: Settings, source: Source) -> Budget:
    """For `resnet32` the published 200 epochs; for `small` what a processor can bear."""
    return networks.BUDGETS[settings.model][source]


def fetch(path: Path) -> None:
    """Downloads the original archive (170 MB, no log-in) as `path`/cifar-10-python.tar.gz."""
    import pooch

    try:
        path.mkdir(parents=True, exist_ok=True)
        pooch.retrieve(
            KERAS,
            known_hash=f"sha256:{SHA256}",
            fname="cifar-10-python.tar.gz",
            path=path,
            downloader=pooch.HTTPDownloader(progressbar=True),
        )
    except (OSError, ValueError) as error:
        raise UserError(f"CIFAR-10 cannot be fetched from {KERAS}: {error}") from error


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
