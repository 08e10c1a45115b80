"""Image files of several classes, checked, decoded once and cached as one array."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.protocol.arrays import Array
from benchmark.protocol.errors import UserError
from benchmark.protocol.task import Data
from tasks.images import decode
from tasks.images.cache import cached, key
from tasks.images.decode import DECODER, FORMATS, BadImage, decode_any, decode_file
from tasks.images.folders import files_of_classes
from tasks.images.parallel import in_threads

Decode = Callable[[Path, int], Array]  # (file, size) -> uint8 (size, size, 3), or BadImage


@dataclass(frozen=True)
class Photo:
    """One file, not yet known to be an image."""

    path: Path
    label: int
    digest: str  # SHA-256 of its bytes; empty if it cannot be read
    format: str | None  # in which it is decoded; None if it has none


def load(path: Path, classes: tuple[str, ...], size: int) -> Data:
    """Read the images of `classes` under `path`, in the format that a file's suffix names.

    Returns:
        Rows uint8 (images, size, size, 3), sorted by class and content. Aspect ratios are not
        kept. Images with the same pixels form a group, whatever their files.

    Raises:
        UserError: if `path` is not laid out as `folders` says, or naming every bad file.
    """
    photos = _read(files_of_classes(path, classes), lambda file: FORMATS.get(file.suffix.lower()))
    return _data(photos, classes, path, size, decode_file)


def load_files(
    path: Path, files: Sequence[tuple[Path, int]], classes: tuple[str, ...], size: int
) -> tuple[Data, list[Path]]:
    """Read files under `path` with their labels, in any format that Pillow reads.

    Returns:
        The data, as `load` returns it, and the file of each row.

    Raises:
        UserError: naming every bad file.
    """
    photos = _read(files, lambda file: "any")
    return _data(photos, classes, path, size, decode_any), [photo.path for photo in photos]


def _read(
    files: Sequence[tuple[Path, int]], format_of: Callable[[Path], str | None]
) -> list[Photo]:
    """Hash all files; sorted by label and content."""

    def read(file: tuple[Path, int]) -> Photo:
        path, label = file
        try:
            digest = hashlib.sha256(decode.read(path)).hexdigest()
        except BadImage:  # named when it is decoded, with every other bad file
            digest = ""
        return Photo(path, label, digest, format_of(path))

    photos = in_threads(read, files, "Reading images")
    return sorted(photos, key=lambda photo: (photo.label, photo.digest))


def _data(
    photos: Sequence[Photo],
    classes: tuple[str, ...],
    root: Path,
    size: int,
    decode_image: Decode,
) -> Data:
    """Decode the files, or take their pixels from the cache."""
    contents = [f"{classes[photo.label]} {photo.digest}" for photo in photos]
    formats = [photo.format for photo in photos]
    rows = cached(
        key("photos", DECODER, size, *zip(contents, formats, strict=True)),
        (len(photos), size, size, 3),
        np.uint8,
        lambda: _decode_all(photos, classes, size, root, decode_image),
    )
    first_file: dict[bytes, str] = {}  # hash of pixels -> digest of the first file with them
    names = [
        first_file.setdefault(hashlib.sha256(row).digest(), photo.digest)
        for row, photo in zip(rows, photos, strict=True)
    ]
    _, groups = np.unique(names, return_inverse=True)
    return Data(
        rows=rows,
        labels=np.array([photo.label for photo in photos], np.int64),
        groups=groups.astype(np.int64),
        classes=classes,
        digest=key(*contents),
        source="real",
        origin=str(root),
        names=tuple(photo.path.relative_to(root).as_posix() for photo in photos),
    )


def _decode_all(
    photos: Sequence[Photo],
    classes: tuple[str, ...],
    size: int,
    root: Path,
    decode_image: Decode,
) -> Iterator[Array]:
    """Yield decoded images in order, one at a time; UserError at the end if any was bad."""
    classes_of: dict[str, list[str]] = {}  # digest of a file -> the classes it is in
    for photo in photos:
        classes_of.setdefault(photo.digest, []).append(classes[photo.label])

    def attempt(photo: Photo) -> Array | BadImage:
        try:
            pixels = decode_image(photo.path, size)
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
        decoded = in_threads(attempt, photos, "Decoding images")
        for photo, result in zip(photos, decoded, strict=True):
            if isinstance(result, BadImage):
                reasons[photo.path.relative_to(root)] = result
            else:
                yield result
    if reasons:
        lines = [f"  {path}: {reasons[path]}" for path in sorted(reasons)]
        raise UserError("\n".join([f"{root}: {len(reasons)} bad files", *lines]))
