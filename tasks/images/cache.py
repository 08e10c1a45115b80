"""Arrays that are costly to make, kept on disk and mapped into memory.

An entry is an ordinary ``.npy`` file with the SHA-256 of all its bytes behind
them, which NumPy does not read. A file that does not end in its own checksum,
or that holds another shape or type, is damaged and made again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import DTypeLike

from benchmark.protocol.arrays import Array
from benchmark.protocol.errors import UserError

CHECKSUM = hashlib.sha256().digest_size
BLOCK = 1 << 20


def key(*parts: object) -> str:
    """A name for an entry that depends on all `parts` and on nothing else."""
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()


def folder() -> Path:
    """The cache folder: the environment's SKEWBENCH_CACHE, else the system's place for caches."""
    given = os.environ.get("SKEWBENCH_CACHE")
    if given:
        return Path(given)
    import pooch

    return Path(pooch.os_cache("skewbench"))


def cached(
    name: str, shape: tuple[int, ...], dtype: DTypeLike, make: Callable[[], Iterable[Array]]
) -> Array:
    """The entry `name`, read-only and mapped into memory; made first if there is no whole one.

    Args:
        make: gives the array in order, in pieces that may have any number of
            rows. If it raises, no entry is left. Of two processes that want the
            same entry at once, one makes it and the other waits.

    Raises:
        UserError: if the cache folder cannot be written.
    """
    path = folder() / f"{name}.npy"
    if not _whole(path, shape, np.dtype(dtype)):
        with _locked(path):
            if not _whole(path, shape, np.dtype(dtype)):  # made by another while this one waited
                with _replacing(path) as file:
                    _write(file, shape, np.dtype(dtype), make())
    return _mapped(path)


def _mapped(path: Path) -> Array:
    return np.lib.format.open_memmap(path, mode="r")  # unlike np.load, knows no pickles


def _write(
    file: IO[bytes], shape: tuple[int, ...], dtype: np.dtype[Any], pieces: Iterable[Array]
) -> None:
    checksum = hashlib.sha256()
    header = {"descr": dtype.str, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    file.seek(0)
    checksum.update(file.read())
    for piece in pieces:
        content = np.ascontiguousarray(piece, dtype).tobytes()
        checksum.update(content)
        file.write(content)
    file.write(checksum.digest())


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One process at a time; the lock falls with the process that holds it."""
    import locket

    with _unwritable_is_said(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.with_suffix(".lock")
        lock = locket.lock_file(str(file))
        lock.acquire()
    try:
        yield
    finally:
        # at worst, one that waits on the removed file and one that comes later both do the work
        file.unlink(missing_ok=True)
        lock.release()


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """A new file that takes the place of `path` at the end, or vanishes after an exception."""
    with _unwritable_is_said(path):
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem[:16]}-")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "w+b") as file:
                yield file
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _unwritable_is_said(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(
            f"cannot write the cache in {path.parent}: {error.strerror or error} "
            "(the environment's SKEWBENCH_CACHE names another folder)"
        ) from error


def _whole(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> bool:
    try:
        if not _sealed(path):  # nothing is made of a damaged header
            return False
        array = _mapped(path)
        return array.shape == shape and array.dtype == dtype
    except (OSError, ValueError):
        return False


def _sealed(path: Path) -> bool:
    checksum = hashlib.sha256()
    left = path.stat().st_size - CHECKSUM
    with path.open("rb") as file:
        while left > 0 and (block := file.read(min(BLOCK, left))):
            checksum.update(block)
            left -= len(block)
        return file.read() == checksum.digest()
