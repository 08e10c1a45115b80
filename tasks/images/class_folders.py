"""Class folders of any name and depth, within the folders of splits or without them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.protocol.arguments import suggest
from benchmark.protocol.errors import UserError
from benchmark.protocol.splits import TEST, TRAIN, VALIDATION
from tasks.images.files import count_files, require_folder, visible

SPLIT_NAMES = {
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("val", "valid", "validation", "dev"), VALIDATION),
    **dict.fromkeys(("test", "testing"), TEST),
}


@dataclass(frozen=True)
class ImageFile:
    """A file in a class folder, not yet known to be an image."""

    path: Path
    name: str  # of its class folder
    place: int  # TRAIN, VALIDATION or TEST; TRAIN where no folders of splits are given


@dataclass(frozen=True)
class Layout:
    """Every file of every class, bad files included."""

    files: list[ImageFile]
    placed: bool  # whether folders say which files are for training and for test
    notes: tuple[str, ...]


def find_layout(path: Path) -> Layout:
    """List the files under `path`: class folders, or folders of splits that hold them.

    Raises:
        UserError: for files of no class, and for folders that are neither.
    """
    require_folder(path)
    folders = _class_folders(path)
    splits = [folder for folder in folders if folder.name.lower() in SPLIT_NAMES]
    filled = [folder for folder in splits if any(entry.is_dir() for entry in visible(folder))]
    if not filled:
        return Layout(_files(path, folders, TRAIN), False, ())
    others = [folder.name for folder in folders if folder not in splits]
    if others:
        raise UserError(
            f"{path}: {', '.join(others)} beside {_names(splits)}: "
            "neither classes alone nor splits alone"
        )
    return _layout_of_splits(path, splits, filled)


def name_classes(
    layout: Layout, positive: str, path: Path
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the classes, and the class of each folder name.

    With two classes the second is positive: the one named `positive`, else the rarer. With more
    folders and a `positive`, all others are merged into one negative class.

    Raises:
        UserError: if no folder is named `positive`.
    """
    counts = Counter(file.name for file in layout.files)
    names = sorted(counts, key=str.lower)
    if positive and positive not in counts:
        raise UserError(f"{path} has no class {positive!r}: {suggest(positive, names)}")
    if len(names) > 2 and positive:
        rest = f"not {positive}"
        return (rest, positive), {name: positive if name == positive else rest for name in names}
    if len(names) == 2:
        names.sort(key=lambda name: (name == positive, -counts[name]))
    return tuple(names), {name: name for name in names}


def _layout_of_splits(path: Path, splits: Sequence[Path], filled: Sequence[Path]) -> Layout:
    """Build the layout of folders of splits, of which `filled` hold class folders."""
    notes = [
        f"{folder.name} has no class folders: its files are left out"
        for folder in splits
        if folder not in filled
    ]
    parts = {SPLIT_NAMES[folder.name.lower()]: folder for folder in filled}
    if len(parts) < len(filled):
        raise UserError(f"{path} has two folders for one split: {_names(filled)}")
    if TRAIN not in parts:
        raise UserError(f"{path} has no folder train beside {_names(filled)}")
    if TEST not in parts and VALIDATION in parts:
        held_out = parts.pop(VALIDATION)
        parts[TEST] = held_out
        notes.append(
            f"no test folder: {held_out.name} is the test split, validation is taken from training"
        )
    files = [
        file
        for place, folder in sorted(parts.items())
        for file in _files(folder, _class_folders(folder), place)
    ]
    trained = {file.name for file in files if file.place == TRAIN}
    for file in files:
        if file.name not in trained:
            raise UserError(f"{path}: class {file.name!r} is in {file.path.parent}, not in train")
    return Layout(files, TEST in parts, tuple(notes))


def _class_folders(path: Path) -> list[Path]:
    """Return the folders in `path`; UserError if there are none, or images beside them."""
    entries = visible(path)
    folders = [entry for entry in entries if entry.is_dir()]
    if not folders:
        content = count_files([entry.name for entry in entries]) if entries else "nothing"
        raise UserError(f"{path} holds {content}: put the images of each class into a folder")
    loose = [entry.name for entry in entries if entry.suffix.lower() in _image_suffixes()]
    if loose:
        raise UserError(f"{path}: {count_files(loose)} beside the folders, so of no class")
    return folders


def _image_suffixes() -> set[str]:
    from PIL import Image

    return {*Image.registered_extensions()}


def _files(path: Path, folders: Sequence[Path], place: int) -> list[ImageFile]:
    """List the files of two or more class folders; UserError if one is empty."""
    if len(folders) == 1:
        raise UserError(
            f"{path} has one class folder, {folders[0].name}: two or more are needed; "
            f"are the classes in {folders[0]}?"
        )
    files: list[ImageFile] = []
    for folder in folders:
        paths = _all_in(folder)
        if not paths:
            raise UserError(f"{folder} is empty: a class needs images")
        files += [ImageFile(file, folder.name, place) for file in paths]
    return files


def _all_in(folder: Path) -> list[Path]:
    """List all files in a folder, to any depth; links to folders are not followed."""
    files: list[Path] = []
    for entry in visible(folder):
        files += _all_in(entry) if entry.is_dir() and not entry.is_symlink() else [entry]
    return files


def _names(folders: Sequence[Path]) -> str:
    return ", ".join(folder.name for folder in folders)
