"""The download of cats and dogs, with a small archive in place of the real one."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from PIL import Image

from benchmark.protocol.errors import UserError
from tasks.catsdogs import TASK


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import pooch

    path = tmp_path / "archive.zip"
    photo = tmp_path / "photo.jpg"
    Image.new("RGB", (20, 20), "red").save(photo)
    with zipfile.ZipFile(path, "w") as files:
        files.writestr("readme[1].txt", "terms")
        files.writestr("PetImages/Cat/Thumbs.db", "x")
        for name in ("Cat/0.jpg", "Dog/0.jpg", "Dog/1.jpg"):
            files.writestr(f"PetImages/{name}", photo.read_bytes())
        files.writestr("PetImages/Cat/666.jpg", b"")
        files.writestr("PetImages/Dog/2.jpg", photo.read_bytes()[:200])
    monkeypatch.setattr(pooch, "retrieve", lambda *_, **__: str(path))
    return path


def test_fetch_keeps_whole_photos(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "data" / "catsdogs"
    TASK.fetch(target)
    files = sorted(str(file.relative_to(target)) for file in target.rglob("*.*"))
    assert files == ["cats/0.jpg", "dogs/0.jpg", "dogs/1.jpg", "readme[1].txt"]
    assert list(target.parent.iterdir()) == [target]
    output = capsys.readouterr().out
    assert "3 photos; 2 files" in output
    assert "icence" in output
    with pytest.raises(UserError, match="there already"):
        TASK.fetch(target)


def test_fetch_that_fails(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive.write_bytes(b"not a zip file")
    with pytest.raises(UserError, match="cannot be fetched") as caught:
        TASK.fetch(tmp_path / "photos")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "photos").exists()


def test_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pooch

    def retrieve(*_: object, **__: object) -> str:
        raise ConnectionError("Name or service\nnot known")

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    with pytest.raises(UserError, match=r"cannot be fetched from https.*not known"):
        TASK.fetch(tmp_path / "photos")
