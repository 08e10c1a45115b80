"""Photos of several classes, checked, decoded once and kept as one array."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from benchmark.protocol.arrays import Array
from benchmark.protocol.errors import UserError
from benchmark.protocol.task import Data
from tasks.images import decode
from tasks.images.cache import cached, key
from tasks.images.decode import DECODER, FORMATS, BadImage, decode_file
from tasks.images.folders import files_of_classes

CHUNK = 16  # files handed to a thread at once
SHOW_PROGRESS_FROM = 500  # files; fewer are done before a bar could be read

Input = TypeVar("Input")
Output = TypeVar("Output")
Decode = Callable[[Path, int], Array]  # (file, size) -> uint8 (size, size, 3), or BadImage


@dataclass(frozen=True)
class Photo:
    """One file, not yet known to be an image."""

    path: Path
    label: int
    digest: str  # SHA-256 of its bytes; empty if it cannot be read


def load(path: Path, classes: tuple[str, ...], size: int) -> Data:
    """All photos under `path`, uint8 (photos, size, size, 3), sorted by class and content.

    Aspect ratios are not kept. Photos with the same pixels form a group, whatever their files.

    Raises:
        UserError: if `path` is not laid out as `find` says, or naming every bad file.
    """
    return of_files(path, files_of_classes(path, classes), classes, size, decode_file, _format)[0]


def _format(path: Path) -> str | None:
    return FORMATS.get(path.suffix.lower())


def of_files(
    path: Path,
    files: Sequence[tuple[Path, int]],
    classes: tuple[str, ...],
    size: int,
    decode: Decode,
    format_of: Callable[[Path], str | None],
) -> tuple[Data, list[Path]]:
    """As `load`, for files with their labels, and the file of each row.

    Args:
        decode, format_of: how a file is decoded, and what that depends on besides its content.
    """
    photos = _read(files)
    contents = [f"{classes[photo.label]} {photo.digest}" for photo in photos]
    formats = [format_of(photo.path) for photo in photos]
    rows = cached(
        key("photos", DECODER, size, *zip(contents, formats, strict=True)),
        (len(photos), size, size, 3),
        np.uint8,
        lambda: _decode_all(photos, classes, size, path, decode),
    )
    first: dict[bytes, str] = {}  # by pixels
    names = [
        first.setdefault(hashlib.sha256(row).digest(), photo.digest)
        for row, photo in zip(rows, photos, strict=True)
    ]
    _, groups = np.unique(names, return_inverse=True)
    data = Data(
        rows=rows,
        labels=np.array([photo.label for photo in photos], np.int64),
        groups=groups.astype(np.int64),
        classes=classes,
        digest=key(*contents),
        source="real",
        origin=str(path),
    )
    return data, [photo.path for photo in photos]


def _read(files: Sequence[tuple[Path, int]]) -> list[Photo]:
    def read(file: tuple[Path, int]) -> Photo:
        path, label = file
        try:
            return Photo(path, label, hashlib.sha256(decode.read(path)).hexdigest())
        except BadImage:  # named when it is decoded, with every other bad file
            return Photo(path, label, "")

    photos = _in_threads(read, files, "Reading photos")
    return sorted(photos, key=lambda photo: (photo.label, photo.digest))


def _decode_all(
    photos: Sequence[Photo], classes: tuple[str, ...], size: int, root: Path, decode: Decode
) -> Iterator[Array]:
    """Decoded photos in order, one at a time; UserError at the end if any was bad."""
    classes_of: dict[str, list[str]] = {}
    for photo in photos:
        classes_of.setdefault(photo.digest, []).append(classes[photo.label])

    def attempt(photo: Photo) -> Array | BadImage:
        try:
            pixels = decode(photo.path, size)
        except BadImage as bad:
            return bad
        names = sorted(set(classes_of[photo.digest]))
        if len(names) > 1:
            return BadImage(f"is mislabelled: the same photo is in {' and '.join(names)}")
        return pixels[np.newaxis]

    reasons: dict[Path, BadImage] = {}
    with warnings.catch_warnings():
        # Pillow warns of odd metadata, which change no pixel, and of far too large images.
        warnings.simplefilter("ignore")
        warnings.filterwarnings("error", ".*decompression bomb.*")
        decoded = _in_threads(attempt, photos, "Decoding photos")
        for photo, result in zip(photos, decoded, strict=True):
            if isinstance(result, BadImage):
                reasons[photo.path.relative_to(root)] = result
            else:
                yield result
    if reasons:
        lines = [f"  {path}: {reasons[path]}" for path in sorted(reasons)]
        raise UserError("\n".join([f"{root}: {len(reasons)} bad files", *lines]))


def _in_threads(
    work: Callable[[Input], Output], items: Sequence[Input], title: str
) -> Iterable[Output]:
    """`work` done by all cores, results in order; a progress bar on stderr if there are many."""
    from rich.console import Console
    from rich.progress import Progress

    # a photo takes half a millisecond: to hand them over singly would cost a tenth of that
    chunks = [items[start : start + CHUNK] for start in range(0, len(items), CHUNK)]
    quiet = len(items) < SHOW_PROGRESS_FROM
    console = Console(stderr=True)
    with (
        Progress(console=console, transient=True, disable=quiet) as progress,
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        bar = progress.add_task(title, total=len(items))
        for results in pool.map(lambda chunk: [work(item) for item in chunk], chunks):
            progress.advance(bar, len(results))
            yield from results
