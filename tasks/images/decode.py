"""One image file, checked and decoded."""

from __future__ import annotations

import io
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.protocol.errors import UserError

DECODER = 1  # raise it when decoded pixels change: caches are then made anew
FORMATS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".png": "PNG",
    ".bmp": "BMP",
    ".webp": "WEBP",
    ".gif": "GIF",
}


class BadImage(Exception):  # noqa: N818 - a verdict on a file, not a failure of the program
    """Why a file cannot be used, for people."""


def read(path: Path) -> bytes:
    """The content of a file; BadImage if there is none. A pipe or a device might never end."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise BadImage("cannot be read: it is no file")
        return path.read_bytes()
    except OSError as error:
        raise BadImage(f"cannot be read: {error.strerror}") from error


def decode_file(path: Path, size: int) -> NDArray[np.uint8]:
    """One image as uint8 (size, size, 3), stretched; BadImage if it is not a whole one."""
    content = read(path)
    wanted = FORMATS.get(path.suffix.lower())
    if wanted is None:
        raise BadImage(f"does not end in one of {', '.join(FORMATS)}")
    return decode_bytes(content, wanted, size)


def decode_any(path: Path, size: int) -> NDArray[np.uint8]:
    """As `decode`, in whatever format that Pillow reads, whatever the file is called.

    Of several frames it is the first.
    """
    return decode_bytes(read(path), None, size)


def decode_bytes(content: bytes, wanted: str | None, size: int) -> NDArray[np.uint8]:
    """As `decode`, for a file's content that should be in the format `wanted`; None is any."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    if not content:
        raise BadImage("is empty")
    try:
        with Image.open(io.BytesIO(content)) as image:
            if wanted is not None:
                _check_kind(image, wanted)
            image.draft("RGB", (size, size))  # decodes a JPEG at 1/2, 1/4 or 1/8 where it suffices
            upright = ImageOps.exif_transpose(_eight_bits(image)).convert("RGB")
        small = upright.resize((size, size), Image.Resampling.BILINEAR)
        return np.asarray(small, np.uint8)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadImage(f"has more than {Image.MAX_IMAGE_PIXELS} pixels") from error
    except UnidentifiedImageError as error:
        raise BadImage(f"is {_other_kind(content)}, not {wanted or 'an image'}") from error
    except BadImage:
        raise
    except Exception as error:  # Pillow's decoders raise all kinds for damaged content
        raise BadImage(f"is damaged: {error}") from error


def decode_all(contents: Sequence[bytes], size: int) -> NDArray[np.uint8]:
    """The contents of files, each in whatever format it is: uint8 (files, size, size, 3).

    Raises:
        UserError: naming the first that is no image.
    """
    images = np.empty((len(contents), size, size, 3), np.uint8)
    for number, content in enumerate(contents):
        try:
            images[number] = decode_bytes(content, None, size)
        except BadImage as bad:
            raise UserError(f"image {number} {bad}") from bad
    return images


def _check_kind(image: Any, wanted: str) -> None:
    actual = "JPEG" if image.format == "MPO" else image.format  # a JPEG with previews behind it
    if actual != wanted:
        raise BadImage(f"is mislabelled: {actual} content, named as {wanted}")
    if actual != "JPEG" and getattr(image, "is_animated", False):
        raise BadImage("is animated")
    if image.mode.startswith(("I", "F")):
        raise BadImage("has more than 8 bits a channel")


def _eight_bits(image: Any) -> Any:
    """Of 16 bits a pixel the upper eight, which converting would cut off."""
    from PIL import Image

    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode.startswith(("I", "F")):
        raise BadImage("has more than 16 bits a channel")
    return image


def _other_kind(content: bytes) -> str:
    if content[:1024].lstrip().lower().startswith((b"<!doctype html", b"<html")):
        return "an HTML page"
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return "unknown content"
    return "unknown content" if "\0" in text else "text"
