"""Photos: what is read, what is refused, and what is kept."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.protocol.errors import UserError
from benchmark.protocol.task import Data
from tasks.images import dataset, decode

CLASSES = ("cat", "dog")
SIZE = 16


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("SKEWBENCH_CACHE", str(folder))
    return folder


def image(shade: int, mode: str = "RGB", size: tuple[int, int] = (40, 30)) -> Image.Image:
    noise = np.random.default_rng(shade).integers(0, 60, (size[1], size[0], 3)) + shade % 190
    return Image.fromarray(noise.astype(np.uint8)).convert(mode)


def write(path: Path, shade: int, kind: str = "JPEG") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image(shade).save(path, kind)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    root = tmp_path / "photos"
    for number in range(4):
        write(root / "cats" / f"{number}.jpg", number)
    for number in range(2):
        write(root / "dogs" / f"{number}.jpg", 100 + number)
    return root


def load(root: Path, size: int = SIZE) -> Data:
    return dataset.load(root, CLASSES, size)


def test_images_labels_and_origin(photos: Path) -> None:
    data = load(photos)
    assert data.rows.shape == (6, SIZE, SIZE, 3)
    assert data.rows.dtype == np.uint8
    assert not data.rows.flags.writeable
    assert data.labels.tolist() == [0, 0, 0, 0, 1, 1]
    assert data.rows[data.labels == 1].mean() > data.rows[data.labels == 0].mean() + 50
    assert (data.source, data.origin, data.classes) == ("real", str(photos), CLASSES)


def test_flat_names_are_the_same_data(photos: Path, tmp_path: Path) -> None:
    flat = tmp_path / "flat"
    flat.mkdir()
    for file in photos.glob("*/*.jpg"):
        (flat / f"{file.parent.name[:3]}.{9 - int(file.stem)}.jpg").write_bytes(file.read_bytes())
    folders, names = load(photos), load(flat)
    assert folders.digest == names.digest
    np.testing.assert_array_equal(folders.rows, names.rows)
    np.testing.assert_array_equal(folders.labels, names.labels)


def test_digest_knows_content_and_label_alone(photos: Path) -> None:
    before = load(photos)
    assert load(photos, size=24).digest == before.digest
    (photos / "cats" / "0.jpg").rename(photos / "dogs" / "new.jpg")
    assert load(photos).digest != before.digest


def test_byte_identical_photos_form_a_group(photos: Path) -> None:
    (photos / "cats" / "again.jpg").write_bytes((photos / "cats" / "0.jpg").read_bytes())
    data = load(photos)
    assert len(data.groups) == 7
    assert len(set(data.groups.tolist())) == 6
    first, second = np.flatnonzero(np.bincount(data.groups)[data.groups] == 2)
    np.testing.assert_array_equal(data.rows[first], data.rows[second])


def test_formats_modes_and_orientation(photos: Path) -> None:
    cats = photos / "cats"
    image(7, "L").save(cats / "grey.jpg")
    image(8, "CMYK").save(cats / "print.jpg")
    image(9, "RGBA").save(cats / "alpha.png")
    image(10, "P").save(cats / "palette.gif")
    image(11).save(cats / "flat.bmp")
    image(12).save(cats / "web.WEBP", "WEBP")
    assert load(photos).labels.tolist() == [0] * 10 + [1, 1]


def test_upside_down_photo_is_turned(tmp_path: Path) -> None:
    half = Image.new("RGB", (40, 40))
    half.paste((255, 255, 255), (0, 0, 40, 20))
    exif = Image.Exif()
    exif[0x0112] = 3  # turned by 180 degrees
    half.save(tmp_path / "x.jpg", exif=exif)
    rows = decode.decode_file(tmp_path / "x.jpg", SIZE)
    assert rows[:4].mean() < 20 < 230 < rows[-4:].mean()


def test_all_bad_files_are_named_at_once(
    photos: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cats, dogs = photos / "cats", photos / "dogs"
    whole = (cats / "0.jpg").read_bytes()
    (cats / "zero.jpg").write_bytes(b"")
    (dogs / "zero.jpg").write_bytes(b"")
    (cats / "truncated.jpg").write_bytes(whole[:-100])
    (cats / "head.jpg").write_bytes(whole[:100])
    (cats / "page.jpg").write_text("<!DOCTYPE html><p>404")
    (cats / "note.jpg").write_text("not found")
    (cats / "noise.jpg").write_bytes(bytes(range(256)))
    (cats / "list.txt").write_text("x")
    (cats / "folder").mkdir()
    for kind in ("BMP", "PNG", "GIF", "WEBP", "TIFF"):
        write(dogs / f"{kind}.jpg", 50, kind)
    image(1).save(dogs / "moving.gif", save_all=True, append_images=[image(2)])
    Image.new("I;16", (20, 20)).save(dogs / "deep.png")
    Image.new("RGB", (200, 200)).save(dogs / "large.png")
    Image.new("RGB", (400, 200)).save(dogs / "vast.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 30_000)
    (dogs / "copy.jpg").write_bytes(whole)
    with pytest.raises(UserError) as caught:
        load(photos)
    summary, *lines = str(caught.value).split("\n")
    assert f"{photos}: {len(lines)} bad files" == summary
    expected = {
        "cats/zero.jpg": "empty",
        "dogs/zero.jpg": "empty",
        "cats/truncated.jpg": "truncated",
        "cats/head.jpg": "damaged",
        "cats/page.jpg": "an HTML page",
        "cats/note.jpg": "text",
        "cats/noise.jpg": "unknown content",
        "cats/list.txt": "does not end in",
        "cats/folder": "cannot be read",
        "cats/0.jpg": "the same photo is in cat and dog",
        "dogs/copy.jpg": "the same photo is in cat and dog",
        **{f"dogs/{kind}.jpg": f"{kind} content" for kind in ("BMP", "PNG", "GIF", "WEBP", "TIFF")},
        "dogs/moving.gif": "animated",
        "dogs/deep.png": "more than 8 bits",
        "dogs/large.png": "more than 30000 pixels",
        "dogs/vast.png": "more than 30000 pixels",
    }
    found = dict(line.strip().split(": ", 1) for line in lines)
    assert found.keys() == expected.keys()
    for name, reason in expected.items():
        assert reason.casefold() in found[name].casefold()
    assert all(line.startswith("  ") for line in lines)
    assert not list(cache.iterdir())


def test_second_load_decodes_nothing(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load(photos)
    monkeypatch.setattr(dataset, "decode_file", lambda path, size: pytest.fail("decoded again"))
    np.testing.assert_array_equal(load(photos).rows, first.rows)


@pytest.mark.parametrize("damage", ["shorter", "flipped", "empty", "other shape"])
def test_damaged_cache_is_made_again(photos: Path, cache: Path, damage: str) -> None:
    first = np.array(load(photos).rows)
    (entry,) = cache.iterdir()
    content = bytearray(entry.read_bytes())
    if damage == "shorter":
        entry.write_bytes(content[:-100])
    elif damage == "flipped":
        content[200] ^= 1
        entry.write_bytes(content)
    elif damage == "empty":
        entry.write_bytes(b"")
    else:
        with entry.open("wb") as file:
            np.save(file, first[:2])
    np.testing.assert_array_equal(load(photos).rows, first)
    assert list(cache.iterdir()) == [entry]


def _mean(root: str) -> float:
    return float(load(Path(root)).rows.mean())


def test_two_processes_at_once(photos: Path, cache: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        means = pool.map(_mean, [str(photos)] * 2, chunksize=1)
    assert means == [_mean(str(photos))] * 2
    assert len(list(cache.iterdir())) == 1


def test_of_two_that_want_the_same_one_decodes_and_the_other_waits(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[Path] = []

    def slowly(path: Path, size: int) -> np.ndarray:
        decoded.append(path)
        time.sleep(0.02)
        return decode.decode_file(path, size)

    monkeypatch.setattr(dataset, "decode_file", slowly)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(load, [photos] * 2))
    assert len(decoded) == len(set(decoded))


def test_two_threads_at_once(photos: Path, cache: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(load, [photos] * 2)
    np.testing.assert_array_equal(first.rows, second.rows)
    assert len(list(cache.iterdir())) == 1


def test_cache_folder_that_cannot_be_written(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("SKEWBENCH_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(UserError, match="SKEWBENCH_CACHE"):
        load(photos)
