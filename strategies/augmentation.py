"""Augmentation: altered copies of images, and mixtures of two. Category codes cannot be mixed."""

from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.protocol.arguments import Range, Space
from benchmark.protocol.arrays import Ints
from benchmark.protocol.errors import UserError
from benchmark.protocol.strategy import Features, Mixing, Resampling, Strategy

SHARPNESS = 1.5
Images = NDArray[Any]  # uint8 (rows, height, width, 3)
Alpha = Annotated[float, Range(0, open_low=True), Space(0.1, 2, log=True)]


def augmented_copies(
    under: Annotated[int, Range(1)] = 10, radius: Annotated[float, Range(0.1, 10)] = 1.0
) -> Strategy:
    """Add five altered copies of each image to classes with fewer than `under` images.

    The copies are each single colour channel in grey, the image blurred, and the image with
    sharpened edges (unsharp masking, 150 %), with a Gaussian of `radius` pixels: what an article
    on Kaggle's humpback whales did to classes with few images. Copies are made before rows are
    resampled, so that ``oversample+augmented_copies`` repeats copies too.
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
                "augmented_copies needs colour images, but the rows of this task are "
                f"{images.dtype} {images.shape[1:]}: leave it out"
            )
        copies = [*_channels(images), *_filtered(images, radius)]
        copied_labels = np.tile(labels[rare], len(copies))
        rows = np.arange(len(labels) + len(copied_labels))
        return Resampling(rows, np.concatenate(copies), copied_labels)

    return Strategy(augment=augment, needs=frozenset({"image", "pixels"}))


def _channels(images: Images) -> list[Images]:
    """Return each colour channel as a grey image."""
    return [np.repeat(images[..., channel, None], 3, axis=-1) for channel in range(3)]


def _filtered(images: Images, radius: float) -> list[Images]:
    """Return the images blurred, and sharpened: x + 1.5 (x - blurred x)."""
    from scipy.ndimage import gaussian_filter

    exact = images.astype(np.float32)
    blurred = gaussian_filter(exact, (0, radius, radius, 0), mode="nearest")
    sharpened = exact + SHARPNESS * (exact - blurred)
    return [np.round(np.clip(copy, 0, 255)).astype(np.uint8) for copy in (blurred, sharpened)]


def mixup(alpha: Alpha = 1.0) -> Strategy:
    """Mix each row and its label with another row of the batch.

    Rows are images or, with a frozen network, their features. The share of a row is drawn from
    Beta(alpha, alpha). Source: Zhang et al. 2018, "mixup: beyond empirical risk minimization",
    eq. 1.
    """

    def mix(labels: Ints, partners: Ints, counts: Ints, rng: np.random.Generator) -> Mixing:
        share = rng.beta(alpha, alpha, len(labels))
        return Mixing(share, share)

    return Strategy(mix=mix, needs=frozenset({"image"}))


def remix(
    alpha: Alpha = 1.0,
    kappa: Annotated[float, Range(1), Space(1, 10)] = 3.0,
    tau: Annotated[float, Range(0, 1), Space(0, 1)] = 0.5,
) -> Strategy:
    """Mix rows as mixup does, but give the label to the rarer class.

    The rarer class gets the label where the other class has `kappa` times its rows and the share
    of the larger class's features is below `tau`. Source: Chou et al. 2020, "Remix: rebalanced
    mixup", eq. 7.
    """

    def mix(labels: Ints, partners: Ints, counts: Ints, rng: np.random.Generator) -> Mixing:
        share = rng.beta(alpha, alpha, len(labels))
        own, theirs = counts[labels], counts[partners]
        larger = (own >= kappa * theirs) & (share < tau)
        smaller = (theirs >= kappa * own) & (1 - share < tau)
        return Mixing(share, np.select([larger, smaller], [0.0, 1.0], share))

    return Strategy(mix=mix, needs=frozenset({"image"}))
