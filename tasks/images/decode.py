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

DECODER = 1  # version of the decoded pixels: raise it when they change
FORMATS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".png": "PNG",
    ".bmp": "BMP",
    ".webp": "WEBP",
    ".gif": "GIF",
}


class BadImage(Exception):  # noqa: N818 - a verdict on a file, not a failure of the program
    """Why a file cannot be used, as the end of a sentence about it: "is empty"."""


def read(path: Path) -> bytes:
    """Return the content of a file; BadImage if it cannot be read or is no regular file."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe or a device might never end
            raise BadImage("cannot be read: it is no file")
        return path.read_bytes()
    except OSError as error:
        raise BadImage(f"cannot be read: {error.strerror}") from error


def decode_file(path: Path, size: int) -> NDArray[np.uint8]:
    """Decode an image of the format that its suffix names, stretched to uint8 (size, size, 3).

    Raises:
        BadImage: if it is not a whole one of that format.
    """
    content = read(path)
    wanted = FORMATS.get(path.suffix.lower())
    if wanted is None:
        raise BadImage(f"does not end in one of {', '.join(FORMATS)}")
    return decode_bytes(content, wanted, size)


def decode_any(path: Path, size: int) -> NDArray[np.uint8]:
    """Decode an image in any format that Pillow reads, whatever the name of the file.

    Of several frames the first is taken. Otherwise as `decode_file`.
    """
    return decode_bytes(read(path), None, size)


def decode_bytes(content: bytes, wanted: str | None, size: int) -> NDArray[np.uint8]:
    """Decode the content of a file in the format `wanted`, or in any if that is None.

    Otherwise as `decode_file`.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    if not content:
        raise BadImage("is empty")
    try:
        with Image.open(io.BytesIO(content)) as image:
            if wanted is not None:
                _check_format(image, wanted)
            image.draft("RGB", (size, size))  # decodes a JPEG at 1/2, 1/4 or 1/8 where it suffices
            upright = ImageOps.exif_transpose(_eight_bits(image)).convert("RGB")
        small = upright.resize((size, size), Image.Resampling.BILINEAR)
        return np.asarray(small, np.uint8)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadImage(f"has more than {Image.MAX_IMAGE_PIXELS} pixels") from error
    except UnidentifiedImageError as error:
        raise BadImage(f"is {_guess_kind(content)}, not {wanted or 'an image'}") from error
    except BadImage:
        raise
    except Exception as error:  # Pillow's decoders raise all kinds for damaged content
        raise BadImage(f"is damaged: {error}") from error


def decode_all(contents: Sequence[bytes], size: int) -> NDArray[np.uint8]:
    """Decode the contents of files of any format: uint8 (files, size, size, 3).

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


def _check_format(image: Any, wanted: str) -> None:
    """Raise BadImage for another format, animations and more than 8 bits per channel."""
    actual = "JPEG" if image.format == "MPO" else image.format  # a JPEG with previews behind it
    if actual != wanted:
        raise BadImage(f"is mislabelled: {actual} content, named as {wanted}")
    if actual != "JPEG" and getattr(image, "is_animated", False):
        raise BadImage("is animated")
    if image.mode.startswith(("I", "F")):
        raise BadImage("has more than 8 bits per channel")


def _eight_bits(image: Any) -> Any:
    """Keep the upper 8 of 16 bits per pixel, which Pillow's conversion would cut off."""
    from PIL import Image

    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode.startswith(("I", "F")):
        raise BadImage("has more than 16 bits per channel")
    return image


def _guess_kind(content: bytes) -> str:
    """Say what a file that is no image seems to be."""
    if content[:1024].lstrip().lower().startswith((b"<!doctype html", b"<html")):
        return "an HTML page"
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return "unknown content"
    return "unknown content" if "\0" in text else "text"
