"""Photos, their cache, and resampling."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.protocol import grammar
from benchmark.protocol.strategy import Features
from tasks.images import dataset, decode

Often = Callable[..., Any]
SIZE = 64
FEW = 1500  # photos


@pytest.fixture
def folder(photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Some real photos in two class folders, and a cache of their own."""
    monkeypatch.setenv("SKEWBENCH_CACHE", str(tmp_path / "cache"))
    for photo in (*photos[: FEW // 2], *photos[-FEW // 2 :]):
        target = tmp_path / "photos" / photo.parent.name / photo.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(photo)
    yield tmp_path / "photos"


def load(folder: Path) -> float:
    """All pixels, read once."""
    return float(dataset.load(folder, ("cat", "dog"), SIZE).rows.mean())


def load_anew(folder: Path) -> float:
    shutil.rmtree(folder.parent / "cache", ignore_errors=True)
    return load(folder)


@pytest.mark.benchmark(group=f"{FEW} photos of 375 x 500")
def test_decode_on_all_cores(folder: Path, often: Often) -> None:
    often(load_anew, folder)


@pytest.mark.benchmark(group=f"{FEW} photos of 375 x 500")
def test_decode_on_one_core(folder: Path, often: Often) -> None:
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})  # threads that are started from now on stay there too
    try:
        often(load_anew, folder)
    finally:
        os.sched_setaffinity(0, cores)


@pytest.mark.benchmark(group=f"{FEW} photos of 375 x 500")
def test_read_from_the_cache(folder: Path, often: Often) -> None:
    often(load, folder)


@pytest.mark.benchmark(group=f"{FEW} photos of 375 x 500")
def test_decode_with_pillow_one_by_one(folder: Path, often: Often) -> None:
    """What a person would write."""
    from PIL import Image

    def decode() -> None:
        for path in sorted(folder.glob("*/*.jpg")):
            with contextlib.closing(Image.open(path)) as image:
                np.asarray(image.convert("RGB").resize((SIZE, SIZE)))

    often(decode)


def test_decoding_is_that_of_the_cache(folder: Path) -> None:
    path = next(folder.glob("*/*.jpg"))
    rows = dataset.load(folder, ("cat", "dog"), SIZE).rows
    assert any(np.array_equal(row, decode.decode_file(path, SIZE)) for row in rows)


ROWS, COLUMNS = 200_000, 30
LABELS = (np.arange(ROWS) % 101 == 0).astype(np.int64)  # 100:1


@pytest.mark.benchmark(group=f"oversampling {ROWS:,} rows at 100:1")
def test_oversample_as_row_numbers(often: Often) -> None:
    strategy = grammar.read("oversample").strategy
    values = np.zeros((ROWS, COLUMNS), np.float32)
    rng = np.random.default_rng(0)
    often(lambda: strategy.resample(LABELS, lambda: Features(values, ()), rng))


@pytest.mark.benchmark(group=f"oversampling {ROWS:,} rows at 100:1")
def test_oversample_as_a_copy(often: Often) -> None:
    """imbalanced-learn as it is mostly called."""
    from imblearn.over_sampling import RandomOverSampler

    values = np.zeros((ROWS, COLUMNS), np.float32)
    often(lambda: RandomOverSampler(random_state=0).fit_resample(values, LABELS))
