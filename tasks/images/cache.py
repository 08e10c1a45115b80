"""A disk cache of arrays that are costly to compute; entries are mapped into memory.

An entry is an ordinary ``.npy`` file with the SHA-256 of all its bytes behind
them, which NumPy does not read. A file that does not end in its own checksum,
or that holds another shape or type, is damaged and computed again.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import DTypeLike

from benchmark.protocol.arrays import Array
from benchmark.protocol.errors import UserError

CHECKSUM = hashlib.sha256().digest_size  # bytes
BLOCK = 1 << 20  # bytes that are read at once


def key(*parts: object) -> str:
    """Return a name for an entry that depends on all `parts` and on nothing else."""
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()


def folder() -> Path:
    """Return the cache folder: SKEWBENCH_CACHE of the environment, else the system's own."""
    chosen = os.environ.get("SKEWBENCH_CACHE")
    if chosen:
        return Path(chosen)
    import pooch

    return Path(pooch.os_cache("skewbench"))


def cached(
    name: str,
    shape: tuple[int | None, ...],
    dtype: DTypeLike,
    compute: Callable[[], Iterable[Array]],
) -> Array:
    """Return the entry `name`, read-only and mapped into memory; compute it if need be.

    Of two processes that want the same entry at once, one computes it and the other waits.

    Args:
        shape: (rows, ...); None is any number.
        compute: yields the array in order, in pieces that may have any number of
            rows. If it raises, no entry is left.

    Raises:
        UserError: if the cache folder cannot be written.
    """
    path = folder() / f"{name}.npy"
    if not _is_valid(path, shape, np.dtype(dtype)):
        with _locked(path):
            if not _is_valid(path, shape, np.dtype(dtype)):  # computed by another process meanwhile
                with _replaced(path) as file:
                    _write(file, shape[0], np.dtype(dtype), compute())
    return _mapped(path)


def _mapped(path: Path) -> Array:
    return np.lib.format.open_memmap(path, mode="r")  # unlike np.load, reads no pickles


def _write(
    file: IO[bytes], rows: int | None, dtype: np.dtype[Any], pieces: Iterable[Array]
) -> None:
    """Write header, content and checksum."""
    checksum = hashlib.sha256()
    pieces = iter(pieces)
    first = next(pieces)
    header = {"descr": dtype.str, "fortran_order": False, "shape": (rows, *first.shape[1:])}
    np.lib.format.write_array_header_1_0(file, header)
    file.seek(0)
    checksum.update(file.read())
    for piece in itertools.chain([first], pieces):
        content = np.ascontiguousarray(piece, dtype).tobytes()
        checksum.update(content)
        file.write(content)
    file.write(checksum.digest())


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock on the entry; it is released with the process that holds it."""
    import locket

    with _write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.with_suffix(".lock")
        lock = locket.lock_file(str(file))
        lock.acquire()
    try:
        yield
    finally:
        # at worst, a process that waits on the removed file and a later one both do the work
        file.unlink(missing_ok=True)
        lock.release()


@contextlib.contextmanager
def _replaced(path: Path) -> Iterator[IO[bytes]]:
    """Write a new file that replaces `path` at the end, or is removed after an exception."""
    with _write_errors(path):
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem[:16]}-")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "w+b") as file:
                yield file
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _write_errors(path: Path) -> Iterator[None]:
    """Turn errors of the file system into a UserError."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"cannot write the cache in {path.parent}: {error.strerror or error} "
            "(set SKEWBENCH_CACHE in the environment to use another folder)"
        ) from error


def _is_valid(path: Path, shape: tuple[int | None, ...], dtype: np.dtype[Any]) -> bool:
    """Return whether there is an undamaged entry of this shape and type."""
    try:
        if not _has_checksum(path):  # a damaged header is never parsed
            return False
        array = _mapped(path)
        fits = len(array.shape) == len(shape) and all(map(_fits, array.shape, shape))
        return fits and array.dtype == dtype
    except (OSError, ValueError):
        return False


def _fits(length: int, wanted: int | None) -> bool:
    return wanted in (None, length)


def _has_checksum(path: Path) -> bool:
    """Return whether the file ends in the SHA-256 of everything before."""
    checksum = hashlib.sha256()
    left = path.stat().st_size - CHECKSUM
    with path.open("rb") as file:
        while left > 0 and (block := file.read(min(BLOCK, left))):
            checksum.update(block)
            left -= len(block)
        return file.read() == checksum.digest()
