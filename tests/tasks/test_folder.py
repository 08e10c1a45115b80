"""Images in class folders: layouts, formats, splits that are given, and what is refused."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmark.protocol.errors import UserError
from benchmark.protocol.splits import with_checked_splits
from benchmark.protocol.task import Data
from tasks.folder import TASK, Settings
from tasks.images import near_duplicates

CLASSES = {"ant": 24, "bee": 16, "wasp": 12}
SMALL = {"size": 16}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKEWBENCH_CACHE", str(tmp_path / "cache"))


def image(seed: int, side: int = 20) -> Image.Image:
    """Coarse shapes, so that two of them are told apart when they are scaled."""
    coarse = np.random.default_rng(seed).integers(0, 255, (4, 5, 3)).astype(np.uint8)
    return Image.fromarray(coarse).resize((side + 5, side), Image.Resampling.BICUBIC)


def write(path: Path, seed: int, kind: str = "png", **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image(seed).save(path, kind, **options)
    return path


def fill(root: Path, classes: dict[str, int], first: int = 0) -> Path:
    for name, count in classes.items():
        for number in range(count):
            first += 1
            write(root / name / f"{number}.png", first)
    return root


def load(root: Path, **settings: Any) -> Data:
    return TASK.load(Settings(**SMALL, **settings), root)


def test_a_folder_is_a_class(tmp_path: Path) -> None:
    data = load(fill(tmp_path / "insects", CLASSES))
    assert data.classes == ("ant", "bee", "wasp")
    assert np.bincount(data.labels).tolist() == [24, 16, 12]
    assert data.rows.shape == (52, 16, 16, 3) and not data.notes
    splits = with_checked_splits(TASK).split(data, Settings(**SMALL), 0)
    assert sum(map(len, (splits.train, splits.validation, splits.test))) == 52


def test_of_two_classes_the_rarer_is_positive_or_the_named_one(tmp_path: Path) -> None:
    root = fill(tmp_path / "two", {"ant": 10, "bee": 12})
    assert load(root).classes == ("bee", "ant")
    assert load(root, positive="bee").classes == ("ant", "bee")
    several = fill(tmp_path / "three", CLASSES)
    data = load(several, positive="bee")
    assert data.classes == ("not bee", "bee") and data.labels.sum() == 16
    with pytest.raises(UserError, match="no class 'be': did you mean 'bee'"):
        load(several, positive="be")


def test_any_format_that_pillow_reads_whatever_it_is_called(tmp_path: Path) -> None:
    root = fill(tmp_path / "insects", CLASSES)
    for number, kind in enumerate(["tiff", "webp", "bmp", "ppm", "gif", "jpeg", "tga"]):
        write(root / "ant" / f"more.{kind}", 900 + number, kind)
    write(root / "bee" / "is a.jpg", 950, "png")
    frames = [image(961), image(962)]
    frames[0].save(root / "bee" / "moving.gif", save_all=True, append_images=frames[1:])
    deep = np.linspace(0, 65535, 400).reshape(20, 20).astype(np.uint16)
    Image.fromarray(deep).save(root / "bee" / "deep.png")
    image(970).convert("L").save(root / "wasp" / "grey.png")
    image(971).convert("CMYK").save(root / "wasp" / "press.jpg")
    write(root / "wasp" / "deeper" / "down.png", 972)
    data = load(root)
    assert len(data.labels) == 52 + 13
    ends = data.rows[:, [0, -1]].mean(axis=(2, 3))
    assert ((ends[:, 0] < 20) & (ends[:, 1] > 235)).sum() == 1  # the upper bits of the deep one


def test_given_splits_are_kept(tmp_path: Path) -> None:
    root = tmp_path / "insects"
    fill(root / "train", CLASSES)
    fill(root / "val", {"ant": 4, "bee": 3, "wasp": 2}, 500)
    fill(root / "test", {"ant": 5, "bee": 4, "wasp": 3}, 700)
    data = load(root)
    for seed in range(2):
        splits = with_checked_splits(TASK).split(data, Settings(**SMALL), seed)
        parts = (splits.train, splits.validation, splits.test)
        assert [len(part) for part in parts] == [52, 9, 12]
    assert load(root / "train").digest != data.digest


@pytest.mark.parametrize("held_out", ["test", "validation"])
def test_without_a_third_folder_validation_is_taken_from_training(
    tmp_path: Path, held_out: str
) -> None:
    root = tmp_path / "insects"
    fill(root / "Training", CLASSES)
    fill(root / held_out, {"ant": 5, "bee": 4, "wasp": 3}, 700)
    data = load(root)
    one, two = (with_checked_splits(TASK).split(data, Settings(**SMALL), seed) for seed in (0, 1))
    assert sorted(one.test) == sorted(two.test) and len(one.test) == 12
    assert set(one.validation) != set(two.validation)
    assert len(one.train) + len(one.validation) == 52
    assert any("no test folder" in note for note in data.notes) == (held_out == "validation")
    assert any("every seed tests the same rows" in note for note in data.notes)


def test_an_image_of_test_is_not_trained_on(tmp_path: Path) -> None:
    root = tmp_path / "insects"
    fill(root / "train", CLASSES)
    fill(root / "test", {"ant": 5, "bee": 4, "wasp": 3}, 700)
    same = root / "train" / "ant" / "0.png"
    (root / "test" / "ant" / "again.png").write_bytes(same.read_bytes())
    data = load(root)
    splits = with_checked_splits(TASK).split(data, Settings(**SMALL), 0)
    assert len(splits.test) == 13 and len(splits.train) + len(splits.validation) == 51
    assert any("1 images are left out" in note for note in data.notes)


def test_images_that_look_the_same_across_splits_are_warned_about(tmp_path: Path) -> None:
    root = tmp_path / "insects"
    fill(root / "train", CLASSES)
    fill(root / "test", {"ant": 5, "bee": 4, "wasp": 3}, 700)
    assert not any("look almost" in note for note in load(root).notes)
    larger = Image.open(root / "train" / "bee" / "3.png").resize((60, 50))
    larger.save(root / "test" / "bee" / "larger.jpg", quality=70)
    [warned] = [note for note in load(root).notes if "look almost" in note]
    assert warned.startswith("2 images")
    assert "test/bee/larger.jpg" in warned and "train/bee/3.png" in warned


def test_near_duplicates_are_found_among_many() -> None:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (300, 4, 4, 3))
    images = coarse.repeat(8, axis=1).repeat(8, axis=2).astype(np.uint8)
    close = np.clip(images[:20] + rng.integers(-3, 4, images[:20].shape), 0, 255)
    everything = np.concatenate([images, close.astype(np.uint8)])
    parts = np.r_[np.zeros(300, int), np.ones(20, int)]
    pairs = near_duplicates.across(everything, parts)
    assert {(one, two) for one, two in pairs.tolist()} == {(n, 300 + n) for n in range(20)}
    assert not len(near_duplicates.across(everything, np.zeros(320, int)))


def test_files_of_no_class_or_no_image_are_named(tmp_path: Path) -> None:
    root = fill(tmp_path / "insects", CLASSES)
    (root / "ant" / "notes.txt").write_text("many legs")
    (root / "bee" / "truncated.png").write_bytes((root / "bee" / "1.png").read_bytes()[:80])
    with pytest.raises(UserError) as error:
        load(root)
    assert "2 bad files" in str(error.value)
    assert "ant/notes.txt: is text, not an image" in str(error.value)
    assert "bee/truncated.png: is damaged" in str(error.value)


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        (["a.png", "b.png"], "holds 2 files (a.png, b.png): put the images of each class into"),
        ([], "holds nothing: put the images"),
        (["ant/a.png", "bee/b.png", "c.jpg"], "1 files (c.jpg) beside the folders, so of no class"),
        (["ant/a.png"], "has one class folder, ant: two or more are needed"),
        (["ant/a.png", "bee/.hidden"], "bee is empty"),
        (["train/ant/a.png", "train/bee/b.png", "more/ant/c.png"], "more beside train"),
        (["train/ant/a.png", "train/bee/b.png", "test/fly/c.png", "test/ant/d.png"], "'fly'"),
        (["val/ant/a.png", "test/bee/b.png"], "has no folder train beside test, val"),
        (["val/ant/a.png", "valid/ant/b.png", "train/ant/b.png"], "two folders for one split"),
    ],
)
def test_a_layout_that_cannot_be_read_is_one_clear_line(
    tmp_path: Path, files: list[str], complaint: str
) -> None:
    root = tmp_path / "insects"
    root.mkdir()
    for number, name in enumerate(files):
        write(root / name, number)
    with pytest.raises(UserError) as error:
        load(root)
    assert complaint in str(error.value) and "\n" not in str(error.value)


def test_files_are_encoded_as_they_were_read(tmp_path: Path) -> None:
    root = fill(tmp_path / "insects", CLASSES)
    file = write(root / "ant" / "odd.tiff", 901, "tiff")
    data, settings = load(root), Settings(**SMALL)
    content = file.read_bytes()
    encoded = TASK.encode(settings, None, [content])
    assert (data.rows == encoded[0]).all(axis=(1, 2, 3)).sum() == 1
    buffer = io.BytesIO()
    image(1).save(buffer, "png")
    assert (TASK.encode(settings, None, [buffer.getvalue()]) != encoded).any()


def tracks(root: Path) -> Path:
    """Frames of signs that come nearer, thirty of each, as in GTSRB: nearly the same images."""
    rng = np.random.default_rng(0)
    for name, count in (("00000", 9), ("00001", 6)):
        (root / name).mkdir(parents=True)
        for track in range(count):
            sign = image(1000 * int(name) + track, 90)
            for frame in range(30):
                edge = 18 - frame // 2
                seen = sign.crop((edge, edge, sign.width - edge, sign.height - edge))
                pixels = np.asarray(seen.resize((24 + frame, 24 + frame)), float)
                pixels = np.clip(pixels * rng.uniform(0.95, 1.05), 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(root / name / f"{track:05d}_{frame:05d}.ppm")
    return root


@pytest.mark.parametrize("given", ["pattern", "table"])
def test_frames_of_a_video_leak_until_a_group_keeps_them_together(
    tmp_path: Path, given: str
) -> None:
    root = tracks(tmp_path / "signs")
    [leak] = load(root).notes
    assert "look almost like one in another split" in leak and "group=" in leak
    group = r"^(.*)_\d+"
    if given == "table":
        files = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.ppm"))
        lines = [f"{name},{name[:-10]}" for name in files]
        (tmp_path / "tracks.csv").write_text("\n".join(["file,track", *lines]))
        group = str(tmp_path / "tracks.csv")
    data = load(root, group=group)
    assert [note for note in data.notes if "look almost" in note] == []
    assert any("15 groups of images stay together" in note for note in data.notes)
    splits = with_checked_splits(TASK).split(data, Settings(**SMALL, group=group), 1)
    track = np.array([name[:-10] for name in data.names])
    parts = [set(track[rows]) for rows in (splits.train, splits.validation, splits.test)]
    assert sum(map(len, parts)) == 15 == len(set.union(*parts))


def test_a_table_of_groups_is_known_by_its_content(tmp_path: Path) -> None:
    root, digests = fill(tmp_path / "insects", CLASSES), set()
    for content in ("file,group\nant/0.png,a\nant/1.png,a\n", "file,group\nant/0.png,a\n"):
        (tmp_path / "g.csv").write_text(content)
        digests.add(load(root, group=str(tmp_path / "g.csv")).digest)
    assert len(digests) == 2


@pytest.mark.parametrize(
    ("group", "words"),
    [
        ("(", "no regular expression"),
        ("^bird", "names no group of any file, such as ant/"),
        ("missing.csv", "cannot be read: No such file"),
        ("three.csv", "line 2: not two columns, file and group"),
        ("other.csv", "names 1 files .fly/1.png. that are not in the data"),
        ("twice.csv", r"names 0.png, but \d files are called so: .* as in ant/0.png"),
    ],
)
def test_a_group_that_cannot_be_read_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("three.csv").write_text("file,group\nant/1.png,a,b\n")
    Path("other.csv").write_text("file,group\nfly/1.png,a\n")
    Path("twice.csv").write_text("file,group\n0.png,a\n")
    with pytest.raises(UserError, match=words):
        load(fill(tmp_path / "insects", CLASSES), group=group)
