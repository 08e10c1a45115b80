"""Random changes of images, as one cheap layer. Imports Keras: import it inside functions."""

import math
from typing import Any

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("skewbench")
class Jitter(layers.Layer):
    """Apply one random affine map and one change of colour per image, in training.

    Args:
        shift: largest move, as a share of the side.
        zoom: largest logarithm of the scale; the stretch is half as large.
        angle: largest rotation, in degrees. Half of the images are mirrored.
        colour: largest logarithm of the gain, and largest offset; images are within -1..1.
        seed: of the random numbers; None takes that of Keras.
    """

    def __init__(
        self,
        shift: float = 0.1,
        zoom: float = 0.2,
        angle: float = 15.0,
        colour: float = 0.2,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_jit = False  # XLA has no kernel for projective transformations
        self.shift, self.zoom, self.angle, self.colour, self.seed = shift, zoom, angle, colour, seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, images: Any, training: bool = False) -> Any:
        """Change each image (batch, size, size, 3), within -1..1, in its own way."""
        if not training:
            return images
        size = images.shape[1]
        u = keras.random.uniform((ops.shape(images)[0], 14), -1.0, 1.0, seed=self.generator)
        flip, turn = ops.sign(u[:, 0]), math.radians(self.angle) * u[:, 3]
        wide = ops.exp(self.zoom * u[:, 1] + self.zoom / 2 * u[:, 2])
        high = ops.exp(self.zoom * u[:, 1] - self.zoom / 2 * u[:, 2])
        a, b = flip * wide * ops.cos(turn), -flip * wide * ops.sin(turn)
        d, e = high * ops.sin(turn), high * ops.cos(turn)
        centre, move = (size - 1) / 2, size * self.shift * u[:, 4:6]
        c, f = centre * (1 - a - b) + move[:, 0], centre * (1 - d - e) + move[:, 1]
        zero = ops.zeros_like(a)
        moved = ops.image.affine_transform(
            images, ops.stack([a, b, c, d, e, f, zero, zero], axis=1), fill_mode="reflect"
        )
        gain = ops.exp(self.colour * (u[:, 6:7] + 0.3 * u[:, 8:11]))
        bias = self.colour * (u[:, 7:8] + 0.3 * u[:, 11:14])
        return moved * gain[:, None, None] + bias[:, None, None]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that build the same layer."""
        names = ("shift", "zoom", "angle", "colour", "seed")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
