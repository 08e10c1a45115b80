"""Images that a table names: thousands of classes, most of them tiny."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.protocol import grammar, registry
from benchmark.protocol.errors import UserError
from benchmark.protocol.task import Data, Splits
from tasks.synthetic import textures

ROWS = {"new_whale": 9, "w_a": 4, "w_b": 3, "w_c": 2, "w_d": 1}


@pytest.fixture
def kaggle(tmp_path: Path) -> Path:
    """train.csv and a folder train, in Kaggle's layout."""
    (tmp_path / "train").mkdir()
    labels = np.repeat(np.arange(len(ROWS)), list(ROWS.values()))
    lines = ["Image,Id"]
    for number, (label, pixels) in enumerate(
        zip(labels, textures.images(labels, 24, 0), strict=True)
    ):
        Image.fromarray(pixels).save(tmp_path / "train" / f"{number}.jpg")
        lines.append(f"{number}.jpg,{list(ROWS)[label]}")
    (tmp_path / "train.csv").write_text("\n".join(lines))
    return tmp_path


def read(path: Path, text: str = "", seed: int = 0) -> tuple[Data, Splits]:
    settings = grammar.settings("whales", f"size=24 {text}")
    task = registry.task("whales")
    data = task.load(settings, path)
    return data, task.split(data, settings, seed)


def test_every_class_is_trained_and_those_of_three_images_are_in_every_split(
    kaggle: Path,
) -> None:
    data, splits = read(kaggle)
    assert data.classes == ("new_whale", "w_a", "w_b", "w_c", "w_d")
    counts = {
        name: np.bincount(splits.y[getattr(splits, name)], minlength=5)
        for name in ("train", "validation", "test")
    }
    assert counts["train"].tolist() == [7, 2, 1, 2, 1]
    assert counts["validation"].tolist() == counts["test"].tolist() == [1, 1, 1, 0, 0]
    [note] = data.notes
    assert note.startswith("2 of 5 classes have fewer than 3 different images")


def test_whales_without_a_name_can_be_left_out(kaggle: Path) -> None:
    data, _ = read(kaggle, "new_whale='left out'")
    assert data.classes == ("w_a", "w_b", "w_c", "w_d") and len(data.labels) == 10


def test_another_seed_holds_out_other_images(kaggle: Path) -> None:
    assert set(read(kaggle, seed=1)[1].test) != set(read(kaggle)[1].test)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("delete table", "has no train.csv"),
        ("columns", "has the columns a, b, not Image and Id"),
        ("no rows", "has no rows"),
        ("missing image", "names 1 files .*nothing.jpg.* that are not in .*train"),
        ("twice", "names 1 files .*0.jpg.* twice"),
        ("outside", "Image is a file's name"),
        ("empty", "line 3: Image or Id is empty"),
        ("bad image", "1 bad files"),
    ],
)
def test_problems_of_the_table_are_named(kaggle: Path, change: str, message: str) -> None:
    table = kaggle / "train.csv"
    text = table.read_text()
    if change == "delete table":
        table.unlink()
    elif change == "bad image":
        (kaggle / "train/3.jpg").write_bytes(b"<html>")
    else:
        table.write_text(
            {
                "columns": text.replace("Image,Id", "a,b"),
                "no rows": "Image,Id\n",
                "missing image": f"{text}\nnothing.jpg,w_a",
                "twice": f"{text}\n0.jpg,w_a",
                "outside": f"{text}\n../train.csv,w_a",
                "empty": "Image,Id\n0.jpg,w_a\n1.jpg,\n",
            }[change]
        )
    with pytest.raises(UserError, match=message):
        read(kaggle)
