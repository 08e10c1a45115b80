"""Images that a person would call the same: scaled, recompressed, a frame later.

Each image has a hash of 64 bits, whether it grows brighter from one of 9 x 8 places to the
next. Source: N. Krawetz 2013, "Kind of like that" (dHash).
"""

from __future__ import annotations

import numpy as np

from benchmark.protocol.arrays import Array

MARGIN = 2  # of 255, by which one place is brighter: flat places differ by noise alone
BITS = 4  # at most, that differ
SHADES = 6  # of 255, by which places differ at most on average; flat images hash alike
NEIGHBOURS = 8  # in the order of their hashes, that an image is compared with
TURNS = (0, 16, 32, 48)  # of 64 bits; two hashes with few other bits are neighbours in one of them


def across(images: Array, parts: Array) -> Array:
    """Pairs of rows, (pairs, 2), that look alike and are in different parts; -1 is no part.

    Args:
        images: uint8 (rows, height, width, 3).
        parts: (rows,), 0, 1, ...
    """
    small = _small(images)
    hashes = _hashes(small)
    found = []
    for turn in TURNS:
        turned = (hashes << np.uint64(turn)) | (hashes >> np.uint64((64 - turn) % 64))
        order = np.argsort(turned, kind="stable")
        for step in range(1, min(NEIGHBOURS, len(order) - 1) + 1):
            one, two = order[:-step], order[step:]
            apart = np.bitwise_count(hashes[one] ^ hashes[two]) <= BITS
            apart &= (parts[one] != parts[two]) & (parts[one] >= 0) & (parts[two] >= 0)
            pairs = np.sort(np.stack([one[apart], two[apart]], axis=1))
            found.append(pairs)
    pairs = np.unique(np.concatenate(found), axis=0)
    differ = np.abs(small[pairs[:, 0]] - small[pairs[:, 1]]).mean(axis=(1, 2))
    return np.asarray(pairs[differ <= SHADES])


def _small(images: Array) -> Array:
    """Grey, float (rows, 8, 9)."""
    from PIL import Image

    return np.array(
        [
            np.asarray(Image.fromarray(image).convert("L").resize((9, 8), Image.Resampling.BOX))
            for image in images
        ],
        np.float32,
    )


def _hashes(small: Array) -> Array:
    brighter = (small[:, :, 1:] > small[:, :, :-1] + MARGIN).reshape(len(small), 64)
    return np.packbits(brighter, axis=1).view(np.uint64)[:, 0]
