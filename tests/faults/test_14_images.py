"""Fault 14: damaged and mislabelled images, a damaged cache.

Decoded rightly, or named before training; a damaged cache is made again.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from mlflow import MlflowClient
from PIL import Image

from benchmark.cli.main import main
from benchmark.protocol.errors import UserError
from tasks.images import cache as array_cache
from tasks.images import dataset, decode

SIZE = 16


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("SKEWBENCH_CACHE", str(folder))
    return folder


def image(shade: int, size: tuple[int, int] = (40, 30)) -> Image.Image:
    noise = np.random.default_rng(shade).integers(0, 60, (size[1], size[0], 3)) + shade % 190
    return Image.fromarray(noise.astype(np.uint8))


def encoded(shade: int, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image(shade).save(buffer, kind, **options)
    return buffer.getvalue()


def moving(kind: str) -> bytes:
    return encoded(1, kind, save_all=True, append_images=[image(2), image(3)])


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    root = tmp_path / "photos"
    for name, count in (("cats", 40), ("dogs", 12)):
        (root / name).mkdir(parents=True)
        for number in range(count):
            shade = number + 100 * (name == "dogs")
            (root / name / f"{number}.jpg").write_bytes(encoded(shade, "JPEG"))
    return root


WHOLE = encoded(77, "JPEG")
BAD: dict[str, tuple[str, bytes, str]] = {
    "zero_bytes": ("x.jpg", b"", "is empty"),
    "truncated_jpeg": ("x.jpg", WHOLE[: len(WHOLE) // 2], "is damaged"),
    "head_of_a_jpeg": ("x.jpg", WHOLE[:100], "is damaged"),
    "truncated_png": ("x.png", encoded(1, "PNG")[:400], "is damaged"),
    "truncated_bmp": ("x.bmp", encoded(1, "BMP")[:400], "is damaged: image file is truncated"),
    "truncated_webp": ("x.webp", encoded(1, "WEBP")[:200], "is damaged"),
    "html": ("x.jpg", b"<!DOCTYPE html><title>404</title>", "is an HTML page, not JPEG"),
    "text": ("x.jpg", b"not found\n", "is text, not JPEG"),
    "noise": ("x.jpg", bytes(range(256)), "is unknown content, not JPEG"),
    "bmp_named_jpg": ("x.jpg", encoded(1, "BMP"), "mislabelled: BMP content, named as JPEG"),
    "png_named_jpg": ("x.jpg", encoded(1, "PNG"), "mislabelled: PNG content, named as JPEG"),
    "webp_named_jpg": ("x.jpg", encoded(1, "WEBP"), "mislabelled: WEBP content, named as JPEG"),
    "gif_named_jpg": ("x.jpg", moving("GIF"), "mislabelled: GIF content, named as JPEG"),
    "jpeg_named_png": ("x.png", WHOLE, "mislabelled: JPEG content, named as PNG"),
    "animated_gif": ("x.gif", moving("GIF"), "is animated"),
    "animated_webp": ("x.webp", moving("WEBP"), "is animated"),
    "animated_png": ("x.png", moving("PNG"), "is animated"),
    "tiff": ("x.tiff", encoded(1, "TIFF"), "does not end in one of .jpg, .jpeg, .png"),
    "no_suffix": ("photo", WHOLE, "does not end in one of .jpg, .jpeg, .png"),
}


@pytest.mark.parametrize(("name", "content", "reason"), BAD.values(), ids=list(BAD))
def test_14_bad_image_is_named_before_training(
    photos: Path, cache: Path, name: str, content: bytes, reason: str
) -> None:
    (photos / "dogs" / name).write_bytes(content)
    with pytest.raises(UserError) as error:
        dataset.load(photos, ("cat", "dog"), SIZE)
    assert f"{photos}: 1 bad files\n  dogs/{name}: " in str(error.value)
    assert reason in str(error.value)
    assert not list(cache.iterdir())


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "WEBP", "GIF"])
def test_14_good_image_is_decoded_rightly(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"x.{kind.lower()}"
    path.write_bytes(encoded(7, kind))
    pixels = decode.decode_file(path, SIZE)
    expected = image(7).resize((SIZE, SIZE), Image.Resampling.BILINEAR)
    assert pixels.shape == (SIZE, SIZE, 3)
    assert np.abs(pixels.astype(int) - np.asarray(expected, int)).mean() < 12  # of 255


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "WEBP", "GIF"])
def test_14_image_truncated_at_any_byte_is_whole_or_named(kind: str) -> None:
    content = encoded(7, kind)
    whole = decode.decode_bytes(content, kind, SIZE)
    named = 0
    for length in range(0, len(content), max(1, len(content) // 150)):
        try:
            pixels = decode.decode_bytes(content[:length], kind, SIZE)
        except decode.BadImage:
            named += 1
        else:  # what was cut off held no pixels
            np.testing.assert_array_equal(pixels, whole, err_msg=f"{length} bytes")
            assert length > 0.9 * len(content)
    assert named > 100


def odd_files(folder: Path) -> dict[str, str]:
    os.mkfifo(folder / "pipe.jpg")
    (folder / "endless.jpg").symlink_to("/dev/zero")
    (folder / "nowhere.jpg").symlink_to(folder / "gone")
    (folder / "round.jpg").symlink_to(folder / "round.jpg")
    (folder / "folder.jpg").mkdir()
    return {
        "pipe.jpg": "it is no file",
        "endless.jpg": "it is no file",
        "nowhere.jpg": "No such file",
        "round.jpg": "Too many levels of symbolic links",
        "folder.jpg": "it is no file",
    }


def test_14_pipes_devices_and_loops_are_named_and_never_read(photos: Path) -> None:
    reasons = odd_files(photos / "cats")
    with pytest.raises(UserError) as error:
        dataset.load(photos, ("cat", "dog"), SIZE)
    for name, reason in reasons.items():
        [line] = [line for line in str(error.value).splitlines() if f"cats/{name}: " in line]
        assert f"cannot be read: {reason}" in line


def test_14_all_of_them_are_named_at_once_and_no_run_begins(photos: Path, store_uri: str) -> None:
    for number, (name, content, _) in enumerate(BAD.values()):
        (photos / "cats" / f"{number}-{name}").write_bytes(content)
    settings = "train=20 validation=10 test=10 imbalance=10 size=16 model=simple"
    words = ["run", "--task", "catsdogs", "--data", str(photos), "--settings", settings]
    result = CliRunner().invoke(main, [*words, "--tracking", store_uri, "--workers", "0"])
    assert result.exit_code == 2
    assert f"error: {photos}: {len(BAD)} bad files" in result.stderr
    for number, (name, _, reason) in enumerate(BAD.values()):
        assert f"cats/{number}-{name}: " in result.stderr
        assert reason in result.stderr
    assert [one.name for one in MlflowClient(store_uri).search_experiments()] == ["Default"]


# --- the cache --------------------------------------------------------------------------


@pytest.fixture
def entry(cache: Path) -> tuple[Path, Callable[[], np.ndarray], list[int]]:
    """A small entry, a function that reads it, and how often it was made."""
    made: list[int] = []

    def pieces() -> list[np.ndarray]:
        made.append(1)
        return [np.arange(12, dtype=np.uint8).reshape(3, 4)]

    def read() -> np.ndarray:
        return np.array(array_cache.cached("entry", (3, 4), np.uint8, pieces))

    read()
    return cache / "entry.npy", read, made


Entry = tuple[Path, Callable[[], np.ndarray], list[int]]


def test_14_cache_with_any_bit_flipped_is_made_again(entry: Entry) -> None:
    path, read, made = entry
    whole = path.read_bytes()
    expected = read()
    assert len(made) == 1
    for place in range(len(whole)):  # of header, content and checksum
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        np.testing.assert_array_equal(read(), expected)
        assert path.read_bytes() == whole
    assert len(made) == 1 + len(whole)


@pytest.mark.parametrize("length", [0, 1, 6, 10, 31, 32, 33, 100, 128, 139, 140, 171])
def test_14_cache_threshold_off_anywhere_is_made_again(entry: Entry, length: int) -> None:
    path, read, made = entry
    whole = path.read_bytes()
    path.write_bytes(whole[:length])
    assert read().tolist() == np.arange(12).reshape(3, 4).tolist()
    assert (path.read_bytes(), len(made)) == (whole, 2)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04" + bytes(200),
        b"<html>",
        b"\x93NUMPY\x01\x00" + bytes(500),
    ],
    ids=["empty", "zip", "html", "header of zeros"],
)
@pytest.mark.parametrize("sealed", [False, True])
def test_14_cache_that_holds_something_else_is_made_again(
    entry: Entry, content: bytes, sealed: bool
) -> None:
    path, read, made = entry
    path.write_bytes(content + hashlib.sha256(content).digest() * sealed)
    assert read().tolist() == np.arange(12).reshape(3, 4).tolist()
    assert len(made) == 2


def test_14_cache_in_which_a_folder_stands_is_named(entry: Entry) -> None:
    path, read, _ = entry
    path.unlink()
    path.mkdir()
    with pytest.raises(UserError, match="cannot write the cache"):
        read()
    assert [one.name for one in path.parent.iterdir()] == [path.name]
