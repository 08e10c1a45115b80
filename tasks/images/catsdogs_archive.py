"""Download of Microsoft's archive of cats and dogs, without its damaged files."""

from __future__ import annotations

import tempfile
import warnings
import zipfile
from pathlib import Path, PurePosixPath

from benchmark.protocol.errors import UserError
from tasks.images.cache import folder
from tasks.images.decode import BadImage, decode_bytes

URL = (
    "https://download.microsoft.com/download/3/E/1/"
    "3E1C3F21-ECDB-4869-8368-6DEBA77B919F/kagglecatsanddogs_5340.zip"
)
SHA256 = "b7974bd00a84a99921f36ee4403f089853777b5ae8d151c76a86e64900334af9"
FOLDERS = {"Cat": "cats", "Dog": "dogs"}  # in the archive -> under the data's path


def fetch(path: Path) -> None:
    """Download the archive (825 MB, no log-in) and unpack its photos to `path`/cats and /dogs.

    Files that are not whole JPEGs are left out. The archive's own readme and
    licence are put beside the photos.

    Raises:
        UserError: if `path` exists already, or if the download or the disk fails.
    """
    import pooch

    if path.exists():
        raise UserError(f"{path} is there already: remove it first to fetch the photos anew")
    try:
        archive = pooch.retrieve(
            URL,
            known_hash=f"sha256:{SHA256}",
            path=folder(),
            downloader=pooch.HTTPDownloader(progressbar=True),
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as temporary:
            photos = Path(temporary) / "photos"
            kept, bad = _unpack(Path(archive), photos)
            photos.rename(path)
    except (OSError, ValueError, zipfile.BadZipFile) as error:  # requests' errors are OSErrors
        reason = " ".join(str(error).split())
        raise UserError(f"the photos cannot be fetched from {URL}: {reason}") from error
    print(f"{path}: {kept} photos; {bad} files of the archive are not whole JPEGs and left out")
    print(f"Licence: Microsoft's own; read the archive's readme in {path} before you use them")


def _unpack(archive: Path, target: Path) -> tuple[int, int]:
    """Unpack the archive; return the numbers of kept and of bad images."""
    kept = bad = 0
    for name in FOLDERS.values():
        (target / name).mkdir(parents=True)
    with zipfile.ZipFile(archive) as files:
        for entry in files.infolist():
            member = PurePosixPath(entry.filename)
            if entry.is_dir() or member.name == "Thumbs.db":
                continue
            content = files.read(entry)
            if member.parent.name not in FOLDERS:
                (target / member.name).write_bytes(content)
            elif _is_whole_jpeg(content):
                (target / FOLDERS[member.parent.name] / member.name).write_bytes(content)
                kept += 1
            else:
                bad += 1
    return kept, bad


def _is_whole_jpeg(content: bytes) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd metadata
            decode_bytes(content, "JPEG", 64)
    except BadImage:
        return False
    return True
