"""Where the files of each class lie.

Two layouts are read: one folder a class (``cats/``, ``Cat/``, ...), and Kaggle's
flat one, in which a file's name begins with its class (``cat.0.jpg``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.protocol.errors import UserError
from benchmark.protocol.splits import TEST, TRAIN, VALIDATION
from tasks.images.decode import FORMATS


def files_of_classes(path: Path, classes: tuple[str, ...]) -> list[tuple[Path, int]]:
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


PLACES = {
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("val", "valid", "validation", "dev"), VALIDATION),
    **dict.fromkeys(("test", "testing"), TEST),
}


@dataclass(frozen=True)
class File:
    """A file that should be an image."""

    path: Path
    name: str  # of its class
    place: int  # train, validation or test, where the folders say so


@dataclass(frozen=True)
class Layout:
    """Every file of every class, bad ones included."""

    files: list[File]
    placed: bool  # folders say which are for training
    notes: tuple[str, ...]


def find_layout(path: Path) -> Layout:
    """What lies under `path`, to any depth. Raises UserError for what is of no class."""
    if not path.is_dir():
        raise UserError(f"{path} {'is not a folder' if path.exists() else 'does not exist'}")
    folders = _folders(path)
    splits = [folder for folder in folders if folder.name.lower() in PLACES]
    within = [folder for folder in splits if any(entry.is_dir() for entry in visible(folder))]
    if not within:
        return Layout(_files(path, folders, TRAIN), False, ())
    others = [folder.name for folder in folders if folder not in splits]
    if others:
        raise UserError(
            f"{path}: {', '.join(others)} beside {', '.join(folder.name for folder in splits)}: "
            "neither classes alone nor splits alone"
        )
    return _of_splits(path, splits, within)


def _of_splits(path: Path, splits: Sequence[Path], within: Sequence[Path]) -> Layout:
    notes = [
        f"{folder.name} has no class folders: its files are left out"
        for folder in splits
        if folder not in within
    ]
    parts = {PLACES[folder.name.lower()]: folder for folder in within}
    if len(parts) < len(within):
        raise UserError(f"{path} has two folders for one split: {', '.join(map(_name, within))}")
    if TRAIN not in parts:
        raise UserError(f"{path} has no folder train beside {', '.join(map(_name, within))}")
    if TEST not in parts and VALIDATION in parts:
        held_out = parts.pop(VALIDATION)
        parts[TEST] = held_out
        notes.append(f"no test folder: {held_out.name} is tested, validation is from training")
    files = [
        file
        for place, folder in sorted(parts.items())
        for file in _files(folder, _folders(folder), place)
    ]
    known = {file.name for file in files if file.place == TRAIN}
    for file in files:
        if file.name not in known:
            raise UserError(f"{path}: class {file.name!r} is in {file.path.parent}, not in train")
    return Layout(files, TEST in parts, tuple(notes))


def _folders(path: Path) -> list[Path]:
    """The folders in `path`, and nothing else that could be an image."""
    entries = visible(path)
    folders = [entry for entry in entries if entry.is_dir()]
    if not folders:
        there = some([entry.name for entry in entries]) if entries else "nothing"
        raise UserError(f"{path} holds {there}: put the images of each class into a folder")
    loose = [entry.name for entry in entries if entry.suffix.lower() in _endings()]
    if loose:
        raise UserError(f"{path}: {some(loose)} beside the folders, so of no class")
    return folders


def _endings() -> set[str]:
    from PIL import Image

    return {*Image.registered_extensions()}


def _files(path: Path, folders: Sequence[Path], place: int) -> list[File]:
    if len(folders) == 1:
        raise UserError(
            f"{path} has one class folder, {folders[0].name}: two or more are needed; "
            f"are the classes in {folders[0]}?"
        )
    found = []
    for folder in folders:
        files = _all_in(folder)
        if not files:
            raise UserError(f"{folder} is empty: a class needs images")
        found += [File(file, folder.name, place) for file in files]
    return found


def _all_in(folder: Path) -> list[Path]:
    found: list[Path] = []
    for entry in visible(folder):
        found += _all_in(entry) if entry.is_dir() and not entry.is_symlink() else [entry]
    return found


def _name(path: Path) -> str:
    return path.name
