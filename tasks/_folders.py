"""Where the files of each class lie.

Two layouts are read: one folder a class (``cats/``, ``Cat/``, ...), and Kaggle's
flat one, in which a file's name begins with its class (``cat.0.jpg``).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmark.errors import UserError
from tasks._pictures import FORMATS


def find(path: Path, classes: tuple[str, ...]) -> list[tuple[Path, int]]:
    """Every file of a class with its label, bad ones included.

    Raises:
        UserError: if `path` is no folder or empty, or classes are missing or too many.
    """
    if not path.is_dir():
        raise UserError(f"{path} {'is not a folder' if path.exists() else 'does not exist'}")
    entries = visible(path)
    if not entries:
        raise UserError(f"{path} is empty")
    folders = [entry for entry in entries if entry.is_dir()]
    loose = [entry.name for entry in entries if entry.suffix.lower() in FORMATS]
    if folders and loose:
        raise UserError(f"{path}: {some(loose)} beside the class folders, so of no class")
    found = _in_folders(path, folders, classes) if folders else _flat(path, entries, classes)
    for label, name in enumerate(classes):
        if not any(label == other for _, other in found):
            where = f"its folder for class {name!r} is empty" if folders else f"no {name}.*.jpg"
            raise UserError(f"{path}: {where}")
    return found


def _in_folders(
    path: Path, folders: Sequence[Path], classes: tuple[str, ...]
) -> list[tuple[Path, int]]:
    wanted = [_singular(name) for name in classes]
    names = [_singular(folder.name) for folder in folders]
    extra = [folder.name for folder in folders if _singular(folder.name) not in wanted]
    missing = [repr(name) for name in classes if _singular(name) not in names]
    twice = [folder.name for folder in folders if names.count(_singular(folder.name)) > 1]
    if missing:
        there = ", ".join(folder.name for folder in folders)
        raise UserError(
            f"{path} has no folder for class {' and '.join(missing)}; its folders: {there}"
        )
    if extra:
        raise UserError(f"{path}: {', '.join(extra)} is no class; classes: {', '.join(classes)}")
    if twice:
        raise UserError(f"{path} has two folders for one class: {', '.join(twice)}")
    return [
        (file, wanted.index(name))
        for folder, name in zip(folders, names, strict=True)
        for file in visible(folder)
    ]


def _flat(path: Path, files: Sequence[Path], classes: tuple[str, ...]) -> list[tuple[Path, int]]:
    wanted = [_singular(name) for name in classes]
    names = [_singular(file.name.split(".")[0]) for file in files]
    if not set(names) & set(wanted):
        raise UserError(
            f"{path} has neither a folder for each class ({', '.join(classes)}) "
            f"nor files named like {classes[0]}.0.jpg"
        )
    strangers = [file.name for file, name in zip(files, names, strict=True) if name not in wanted]
    if strangers:
        raise UserError(
            f"{path}: {some(strangers)} of no class; names begin with {' or '.join(classes)}"
        )
    return [(file, wanted.index(name)) for file, name in zip(files, names, strict=True)]


def _singular(name: str) -> str:
    return name.lower().removesuffix("s")


def visible(folder: Path) -> list[Path]:
    """What a person put there: neither hidden files nor Windows' thumbnails."""
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise UserError(f"{folder} cannot be read: {error.strerror}") from error
    return [
        entry
        for entry in entries
        if not entry.name.startswith(".") and entry.name.lower() != "thumbs.db"
    ]


def some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:10])
    return f"{len(names)} files ({shown}{', ...' if len(names) > 10 else ''})"
