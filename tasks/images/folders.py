"""Image files of classes whose names are known beforehand.

Two layouts are read: one folder per class (``cats/``, ``Cat/``, ...), and Kaggle's
flat one, in which a file's name begins with its class (``cat.0.jpg``).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmark.protocol.errors import UserError
from tasks.images.decode import FORMATS
from tasks.images.files import count_files, require_folder, visible


def files_of_classes(path: Path, classes: tuple[str, ...]) -> list[tuple[Path, int]]:
    """List every file of every class with its label, bad files included.

    Raises:
        UserError: if `path` is no folder or empty, or if a class is missing or unknown.
    """
    require_folder(path)
    entries = visible(path)
    if not entries:
        raise UserError(f"{path} is empty")
    folders = [entry for entry in entries if entry.is_dir()]
    loose = [entry.name for entry in entries if entry.suffix.lower() in FORMATS]
    if folders and loose:
        raise UserError(f"{path}: {count_files(loose)} beside the class folders, so of no class")
    files = _in_folders(path, folders, classes) if folders else _flat(path, entries, classes)
    labels = {label for _, label in files}
    for label, name in enumerate(classes):
        if label not in labels:
            reason = f"its folder for class {name!r} is empty" if folders else f"no {name}.*.jpg"
            raise UserError(f"{path}: {reason}")
    return files


def _in_folders(
    path: Path, folders: Sequence[Path], classes: tuple[str, ...]
) -> list[tuple[Path, int]]:
    """List the files of one folder per class; UserError for missing, unknown or double folders."""
    wanted = [_singular(name) for name in classes]
    names = [_singular(folder.name) for folder in folders]
    unknown = [folder.name for folder in folders if _singular(folder.name) not in wanted]
    missing = [repr(name) for name in classes if _singular(name) not in names]
    twice = [folder.name for folder in folders if names.count(_singular(folder.name)) > 1]
    if missing:
        present = ", ".join(folder.name for folder in folders)
        raise UserError(
            f"{path} has no folder for class {' and '.join(missing)}; its folders: {present}"
        )
    if unknown:
        raise UserError(f"{path}: {', '.join(unknown)} is no class; classes: {', '.join(classes)}")
    if twice:
        raise UserError(f"{path} has two folders for one class: {', '.join(twice)}")
    return [
        (file, wanted.index(name))
        for folder, name in zip(folders, names, strict=True)
        for file in visible(folder)
    ]


def _flat(path: Path, files: Sequence[Path], classes: tuple[str, ...]) -> list[tuple[Path, int]]:
    """List files whose names begin with their class; UserError if one does not."""
    wanted = [_singular(name) for name in classes]
    names = [_singular(file.name.split(".")[0]) for file in files]
    if not set(names) & set(wanted):
        raise UserError(
            f"{path} has neither a folder for each class ({', '.join(classes)}) "
            f"nor files named like {classes[0]}.0.jpg"
        )
    unknown = [file.name for file, name in zip(files, names, strict=True) if name not in wanted]
    if unknown:
        raise UserError(
            f"{path}: {count_files(unknown)} of no class; names begin with {' or '.join(classes)}"
        )
    return [(file, wanted.index(name)) for file, name in zip(files, names, strict=True)]


def _singular(name: str) -> str:
    return name.lower().removesuffix("s")
