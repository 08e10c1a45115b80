"""Strategies that alter images."""

from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.protocol.arguments import Range
from benchmark.protocol.arrays import Ints
from benchmark.protocol.errors import UserError
from benchmark.protocol.strategy import Features, Resampling, Strategy

SHARPNESS = 1.5
Images = NDArray[Any]  # uint8 (rows, height, width, 3)


def augmented_copies(
    under: Annotated[int, Range(1)] = 10, radius: Annotated[float, Range(0.1, 10)] = 1.0
) -> Strategy:
    """Adds five altered copies of each image to classes with fewer than `under`.

    Each single colour channel in grey, the image blurred, and with its edges sharpened
    (unsharp masking, 150 %), by a Gaussian of `radius` pixels: what an article on Kaggle's
    humpback whales did to classes with few images. Copies are made before rows are resampled,
    so that ``oversample+augmented_copies`` repeats copies too.
    """

    def augment(
        labels: Ints, features: Callable[[], Features], rng: np.random.Generator
    ) -> Resampling:
        rare = np.flatnonzero(np.bincount(labels)[labels] < under)
        if not len(rare):
            return Resampling(np.arange(len(labels)))
        images = features().values[rare]
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] != 3:
            raise UserError(
                "augmented_copies alters images in colour, but the rows of this task are "
                f"{images.dtype} {images.shape[1:]} (of a frozen network?): leave it out"
            )
        copies = [*_channels(images), *_filtered(images, radius)]
        made_labels = np.tile(labels[rare], len(copies))
        rows = np.arange(len(labels) + len(made_labels))
        return Resampling(rows, np.concatenate(copies), made_labels)

    return Strategy(augment=augment, needs=frozenset({"image"}))


def _channels(images: Images) -> list[Images]:
    """Each colour alone, as shades of grey."""
    return [np.repeat(images[..., channel, None], 3, axis=-1) for channel in range(3)]


def _filtered(images: Images, radius: float) -> list[Images]:
    """All blurred, and all sharpened: x + 1.5 (x - blurred x)."""
    from scipy.ndimage import gaussian_filter

    exact = images.astype(np.float32)
    blurred = gaussian_filter(exact, (0, radius, radius, 0), mode="nearest")
    sharpened = exact + SHARPNESS * (exact - blurred)
    return [np.round(np.clip(each, 0, 255)).astype(np.uint8) for each in (blurred, sharpened)]
