"""A canvas whose coordinates do not depend on the size of the image."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.protocol.arrays import Floats

Colour = Floats  # red, green, blue; 0 to 255
SUPERSAMPLING = 2  # drawn twice as large, so that edges are smooth
CIRCLE = np.linspace(0, 2 * np.pi, 28, endpoint=False)
ROUND = np.stack([np.cos(CIRCLE), np.sin(CIRCLE)], axis=1)


def muted(rng: np.random.Generator) -> Colour:
    """Draw a colour of low saturation, as most things in photos have."""
    return rng.uniform(40, 215) + rng.normal(0, 28, 3)


class Canvas:
    """An image that spans -1 to 1 in both directions, y downwards; `place` moves what follows."""

    def __init__(self, size: int, rng: np.random.Generator) -> None:
        """Make a square of `size` pixels with a shaded background."""
        from PIL import Image, ImageDraw

        self.size = size
        self.rng = rng
        corners = muted(rng) + rng.uniform(-35, 35, (2, 2, 1)) + rng.uniform(-15, 15, (2, 2, 3))
        shades = Image.fromarray(corners.clip(0, 255).astype(np.uint8))
        large = (size * SUPERSAMPLING,) * 2
        self.image = shades.resize(large, Image.Resampling.BILINEAR)
        self.pen = ImageDraw.Draw(self.image)
        self.place()

    def place(
        self,
        centre: ArrayLike = (0, 0),
        scale: float = 1,
        tilt: float = 0,
        mirrored: bool = False,
    ) -> None:
        """Set origin, scale and tilt (radians) of all that is drawn next."""
        turn = np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])
        self.turn = scale * np.diag([-1 if mirrored else 1, 1]) @ turn
        self.centre = np.asarray(centre, float)
        self.scale = scale

    def polygon(self, points: ArrayLike, colour: Colour) -> None:
        """Draw a filled polygon, points (corners, 2)."""
        self.pen.polygon(self._pixels(points), _fill(colour))

    def oval(self, centre: ArrayLike, radii: ArrayLike, colour: Colour, turn: float = 0) -> None:
        """Draw a filled ellipse, turned by `turn` radians."""
        cos, sin = np.cos(turn), np.sin(turn)
        shape = ROUND * radii @ np.array([[cos, sin], [-sin, cos]])
        self.polygon(shape + centre, colour)

    def line(self, points: ArrayLike, width: float, colour: Colour) -> None:
        """Draw a line through `points`."""
        pixels = round(width * self.scale * self.image.width / 2)
        self.pen.line(self._pixels(points), _fill(colour), max(1, pixels), joint="curve")

    def finish(self, blur: float, noise: float) -> NDArray[np.uint8]:
        """Return the image, uint8 (size, size, 3), with a camera's blur and noise.

        Args:
            blur: in pixels of an image of 64 pixels.
            noise: standard deviation, of 255.
        """
        from PIL import Image, ImageFilter

        small = self.image.resize((self.size, self.size), Image.Resampling.BOX)
        soft = small.filter(ImageFilter.GaussianBlur(blur * self.size / 64))
        grain = noise * self.rng.standard_normal((self.size, self.size, 3), np.float32)
        light = self.rng.uniform(0.65, 1.15)
        return (np.asarray(soft, np.float32) * light + grain).clip(0, 255).astype(np.uint8)

    def _pixels(self, points: ArrayLike) -> list[tuple[float, float]]:
        placed = np.asarray(points, float) @ self.turn.T + self.centre
        return [tuple(point) for point in ((placed + 1) * self.image.width / 2).tolist()]


def _fill(colour: Colour) -> tuple[int, int, int]:
    red, green, blue = np.clip(colour, 0, 255).astype(int).tolist()
    return red, green, blue
