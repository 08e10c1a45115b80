"""CIFAR-10 in any of its forms: images in class folders, or the original batches.

Both may be a folder, a zip or a tar. The original batches are Python pickles; only their
opcodes are read, so that nothing in them is executed.
"""

from __future__ import annotations

import hashlib
import io
import pickletools
import re
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from benchmark.protocol.arrays import Ints
from benchmark.protocol.errors import UserError
from benchmark.protocol.splits import TEST, TRAIN
from tasks.images.cache import cached, key
from tasks.images.decode import DECODER, BadImage, decode_bytes
from tasks.images.decode import read as read_file
from tasks.images.files import visible

Images = tuple[NDArray[np.uint8], Ints, Ints]
"""Pixels (rows, 32, 32, 3), labels (rows,) and places (rows,), TRAIN or TEST"""

CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
SIDE = 32
PIXELS = SIDE * SIDE * 3
PLACES = {"train": TRAIN, "test": TEST}
BATCH = re.compile(r"(data_batch_\d|test_batch)$")


def read(path: Path) -> Images:
    """Read all images; they are decoded once and cached.

    Raises:
        UserError: if there is no CIFAR-10 at `path`, or naming a bad file.
    """
    if not path.exists():
        raise UserError(f"{path} does not exist")
    members = [(name, content) for name, content in _members(path) if _place(name) is not None]
    if not members:
        raise UserError(
            f"{path} is no CIFAR-10: neither train/<class>/ and test/<class>/ with images, nor "
            "data_batch_1 ... and test_batch, as a folder, zip or tar"
        )
    batches = [(name, content) for name, content in members if BATCH.search(name)]
    if batches:
        parts = [_read_batch(name, content) for name, content in batches]
        images, labels, places = (np.concatenate(part) for part in zip(*parts, strict=True))
    else:
        images, labels, places = _decode_images(path, members)
    for place, name in ((TRAIN, "train"), (TEST, "test")):
        for label, count in enumerate(np.bincount(labels[places == place], minlength=10)):
            if not count:
                raise UserError(f"{path} has no {CLASSES[label]} to {name}")
    return images, labels, places


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of every file in a folder or an archive."""
    try:
        if path.is_dir():
            for file in _files(path):
                yield file.relative_to(path).as_posix(), read_file(file)
        elif zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as files:
                for entry in files.infolist():
                    if not entry.is_dir():
                        yield entry.filename, files.read(entry)
        else:
            with tarfile.open(path) as archive:
                for member in archive:
                    file = archive.extractfile(member) if member.isfile() else None
                    if file:
                        yield member.name, file.read()
    except BadImage as bad:
        raise UserError(f"{path}: a file {bad}") from bad
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise UserError(f"{path} is no folder, zip or tar that can be read: {error}") from error


def _files(folder: Path) -> Iterator[Path]:
    """Yield all files in a folder, to any depth."""
    for entry in visible(folder):
        yield from _files(entry) if entry.is_dir() else [entry]


def _place(name: str) -> int | None:
    """Return TRAIN or TEST, by the name of a file; None if it is not part of CIFAR-10."""
    if BATCH.search(name):
        return TEST if name.endswith("test_batch") else TRAIN
    folders = PurePosixPath(name).parts[:-1]
    if len(folders) < 2 or folders[-1] not in CLASSES:
        return None
    return PLACES.get(folders[-2])


def _decode_images(path: Path, members: list[tuple[str, bytes]]) -> Images:
    """Decode image files, in the order of their names."""
    members = sorted(members, key=lambda member: member[0])
    names = [PurePosixPath(name) for name, _ in members]
    labels = np.array([CLASSES.index(name.parts[-2]) for name in names], np.int64)
    places = np.array([PLACES[name.parts[-3]] for name in names], np.int64)

    def decoded() -> Iterator[NDArray[np.uint8]]:
        for name, content in members:
            try:
                yield decode_bytes(content, None, SIDE)[np.newaxis]
            except BadImage as bad:
                raise UserError(f"{path}: {name} {bad}") from bad

    contents = (hashlib.sha256(content).hexdigest() for _, content in members)
    images = cached(
        key("cifar", DECODER, *contents), (len(members), SIDE, SIDE, 3), np.uint8, decoded
    )
    return images, labels, places


def _read_batch(name: str, content: bytes) -> Images:
    """Read a batch as the authors published it: rows of 3,072 bytes, and a list of labels.

    Source: Krizhevsky 2009, "Learning multiple layers of features from tiny images".
    """
    pixels, labels, in_labels = b"", [], False
    try:
        for opcode, value, _ in pickletools.genops(io.BytesIO(content)):
            if isinstance(value, str | bytes) and "PUT" not in opcode.name:
                in_labels = value in ("labels", b"labels")
                if len(value) >= PIXELS:
                    pixels = value.encode("latin-1") if isinstance(value, str) else value
            elif in_labels and "INT" in opcode.name and "PUT" not in opcode.name:
                labels.append(value)
    except ValueError as error:
        raise UserError(f"{name} is damaged: {error}") from error
    complete = len(labels) and len(pixels) == len(labels) * PIXELS
    if not complete or not {*labels} <= {*range(len(CLASSES))}:
        raise UserError(
            f"{name} is no batch of CIFAR-10: {len(labels)} labels and {len(pixels):,} bytes"
        )
    images = np.frombuffer(pixels, np.uint8).reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1)
    place = TEST if name.endswith("test_batch") else TRAIN
    return images, np.array(labels, np.int64), np.full(len(labels), place, np.int64)
