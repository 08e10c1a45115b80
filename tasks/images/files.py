"""Folders of files: what is listed, and how files are named in messages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmark.protocol.errors import UserError

MOST_NAMED = 10  # files in a message


def require_folder(path: Path) -> None:
    """Raise UserError unless `path` is a folder."""
    if not path.is_dir():
        raise UserError(f"{path} {'is not a folder' if path.exists() else 'does not exist'}")


def visible(folder: Path) -> list[Path]:
    """Return the sorted entries of a folder, without hidden files and Windows' thumbnails.

    Raises:
        UserError: if the folder cannot be read.
    """
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise UserError(f"{folder} cannot be read: {error.strerror}") from error
    return [
        entry
        for entry in entries
        if not entry.name.startswith(".") and entry.name.lower() != "thumbs.db"
    ]


def count_files(names: Sequence[str]) -> str:
    """Count files and name the first of them: "2 files (a.jpg, b.jpg)"."""
    more = ", ..." if len(names) > MOST_NAMED else ""
    return f"{len(names)} files ({', '.join(names[:MOST_NAMED])}{more})"
