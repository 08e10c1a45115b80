"""Files that may be compressed: gzip, bzip2, xz, or a ZIP archive of one table."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import IO, Any

from benchmark.protocol.errors import UserError

SUFFIXES = (".gz", ".bz2", ".xz", ".zip")  # after that of the table: customers.csv.gz
LONGEST_MAGIC = 6
DAMAGED = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, gzip.BadGzipFile)


@contextmanager
def opened(file: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading, unpacked whatever its name; UserError if it is damaged.

    Raises:
        UserError: for an archive of several files, or a spreadsheet.
    """
    with file.open("rb") as stream:
        start = stream.read(LONGEST_MAGIC)
    found = (opener for magic, opener in OPENERS.items() if start.startswith(magic))
    try:
        with next(found, _plain)(file) as stream:
            yield stream
    except DAMAGED as error:
        raise UserError(f"{file} is damaged: it cannot be unpacked ({error})") from None


def _plain(file: Path) -> IO[bytes]:
    return file.open("rb")


def _only_member(file: Path) -> IO[bytes]:
    """Open the only table in a ZIP archive."""
    try:
        archive = zipfile.ZipFile(file)
    except zipfile.BadZipFile:
        names = []
    else:
        # a Mac adds a folder of its own
        kept = [name for name in archive.namelist() if not name.startswith("__MACOSX/")]
        names = [name for name in kept if not name.endswith("/")]
    if len(names) != 1 or PurePath(names[0]).suffix == ".xml":
        raise UserError(f"{file} is a ZIP archive or a spreadsheet: unpack it, or export it as CSV")
    return archive.open(names[0])


OPENERS: dict[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
    b"PK\x03\x04": _only_member,
}
