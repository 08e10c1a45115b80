"""Class folders and flat names: what is read, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.protocol.errors import UserError
from tasks.images.folders import files_of_classes

CLASSES = ("cat", "dog")


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def found(root: Path) -> dict[str, int]:
    return {str(path.relative_to(root)): label for path, label in files_of_classes(root, CLASSES)}


@pytest.mark.parametrize("names", [("cats", "dogs"), ("Cat", "Dog"), ("cat", "DOGS")])
def test_class_by_name(tmp_path: Path, names: tuple[str, str]) -> None:
    cat, dog = (f"{name}/0.jpg" for name in names)
    assert found(touch(tmp_path, dog, cat)) == {cat: 0, dog: 1}


def test_flat_names(tmp_path: Path) -> None:
    touch(tmp_path, "dog.0.jpg", "cat.12.jpg", "Cat.1.JPG")
    assert found(tmp_path) == {"dog.0.jpg": 1, "cat.12.jpg": 0, "Cat.1.JPG": 0}


def test_what_is_ignored(tmp_path: Path) -> None:
    touch(tmp_path, "cats/0.jpg", "dogs/0.jpg")
    touch(tmp_path, ".DS_Store", "cats/.hidden.jpg", "dogs/Thumbs.db", "readme.txt")
    assert found(tmp_path) == {"cats/0.jpg": 0, "dogs/0.jpg": 1}


def test_path_must_be_a_folder_with_something(tmp_path: Path) -> None:
    touch(tmp_path, "file", "empty/.hidden")
    for name, words in (
        ("nowhere", "does not exist"),
        ("file", "not a folder"),
        ("empty", "empty"),
    ):
        with pytest.raises(UserError, match=words):
            found(tmp_path / name)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("cats/0.jpg",), "no folder for class 'dog'; its folders: cats"),
        (("zcats/0.jpg", "dogs/0.jpg"), "no folder for class 'cat'.*zcats"),
        (("a/0.jpg",), "no folder for class 'cat' and 'dog'"),
        (("cats/0.jpg", "dogs/.hidden"), "folder for class 'dog' is empty"),
        (("cats/0.jpg", "dogs/0.jpg", "birds/0.jpg"), "birds is no class"),
        (("cats/0.jpg", "dogs/0.jpg", "Dog/0.jpg"), "two folders.*Dog.*dogs"),
        (("cats/0.jpg", "dogs/0.jpg", "cat.7.jpg"), r"cat\.7\.jpg\) beside"),
        (("holiday.jpg",), "neither a folder"),
        (("holiday.jpg", "cat.0.jpg", "dog.0.jpg"), r"1 files \(holiday\.jpg\) of no class"),
        (("cat.0.jpg",), r"no dog\.\*\.jpg"),
    ],
)
def test_refused(tmp_path: Path, names: tuple[str, ...], words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        found(touch(tmp_path, *names))
    assert "\n" not in str(caught.value)
