"""Images that look the same to a person: rescaled, recompressed, or a video frame later.

Each image gets a hash of 64 bits: whether it grows brighter from one of 9 x 8 places to the
next. Source: N. Krawetz 2013, "Kind of like that" (dHash).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmark.protocol.arrays import Array

MARGIN = 2  # of 255, by which one place is brighter: flat places differ by noise alone
BITS = 4  # at most, that differ
SHADES = 6  # of 255, by which places differ at most on average; flat images hash alike
NEIGHBOURS = 8  # in the order of their hashes, that an image is compared with
TURNS = (0, 16, 32, 48)  # of 64 bits; similar hashes are neighbours after one of these rotations


def warn_across(images: Array, parts: Array, files: Sequence[Path]) -> list[str]:
    """Return a warning if images in different parts look alike, with an example; else nothing.

    Args:
        images, parts: as in `across`.
        files: the file of each image, for the example.
    """
    pairs = across(images, parts)
    if not len(pairs):
        return []
    first, second = (files[row] for row in pairs[0])
    return [
        f"{len(np.unique(pairs)):,} images look almost like one in another split, e.g. {first} and "
        f"{second}: results are too good if they show the same thing"
    ]


def across(images: Array, parts: Array) -> Array:
    """Return pairs of rows, (pairs, 2), that look alike and are in different parts.

    Args:
        images: uint8 (rows, height, width, 3).
        parts: (rows,), 0, 1, ...; -1 is no part.
    """
    small = _small(images)
    hashes = _hashes(small)
    candidates = []
    for turn in TURNS:
        turned = (hashes << np.uint64(turn)) | (hashes >> np.uint64((64 - turn) % 64))
        order = np.argsort(turned, kind="stable")
        for step in range(1, min(NEIGHBOURS, len(order) - 1) + 1):
            left, right = order[:-step], order[step:]
            close = np.bitwise_count(hashes[left] ^ hashes[right]) <= BITS
            close &= (parts[left] != parts[right]) & (parts[left] >= 0) & (parts[right] >= 0)
            candidates.append(np.sort(np.stack([left[close], right[close]], axis=1)))
    pairs = np.unique(np.concatenate(candidates), axis=0)
    difference = np.abs(small[pairs[:, 0]] - small[pairs[:, 1]]).mean(axis=(1, 2))
    return np.asarray(pairs[difference <= SHADES])


def _small(images: Array) -> Array:
    """Return the images in grey, float (rows, 8, 9)."""
    from PIL import Image

    return np.array(
        [
            np.asarray(Image.fromarray(image).convert("L").resize((9, 8), Image.Resampling.BOX))
            for image in images
        ],
        np.float32,
    )


def _hashes(small: Array) -> Array:
    """Return the hash of each image, uint64 (rows,)."""
    brighter = (small[:, :, 1:] > small[:, :, :-1] + MARGIN).reshape(len(small), 64)
    return np.packbits(brighter, axis=1).view(np.uint64)[:, 0]
