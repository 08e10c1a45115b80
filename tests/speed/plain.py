"""What a person would write instead: the alternatives that the benchmarks compare with."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

COLUMNS = 30
ROWS = 50_000


@cache
def table() -> tuple[Any, Any]:
    """Features (rows, columns) and labels of a rare class that can be learned."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, COLUMNS)).astype(np.float32)
    return x, (x[:, :3].sum(axis=1) + rng.normal(size=ROWS) > 2.5).astype(np.int64)


def dense() -> Any:
    """An MLP 128-64-2, the same at every call."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((COLUMNS,)),
            layers.Dense(128, activation="relu"),
            layers.Dense(64, activation="relu"),
            layers.Dense(2, name="logits"),
        ]
    )


@cache
def _compiled(kind: str) -> Any:
    import keras

    from tasks.images import networks

    model = dense() if kind == "dense" else networks.BUILDERS[kind].model(64, 2)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss=loss)
    return model


def fit_dense(batch: int, steps: int) -> float:
    """`model.fit` on rows in memory."""
    x, y = table()
    rows = np.resize(np.arange(ROWS), batch * steps)
    history = _compiled("dense").fit(x[rows], y[rows], batch_size=batch, verbose=0, shuffle=False)
    return float(history.history["loss"][0])


def fit_images(kind: str, images: Any, labels: Any, batch: int, steps: int) -> None:
    """`model.fit` on decoded images in memory."""
    rows = np.resize(np.arange(len(labels)), batch * steps)
    _compiled(kind).fit(images[rows], labels[rows], batch_size=batch, verbose=0)


def decode_and_fit(kind: str, files: Sequence[Path], labels: Sequence[int], epochs: int) -> None:
    """The articles' way: every JPEG is decoded anew in every epoch, on all cores."""
    _compiled(kind).fit(photo_pipeline(files, labels), epochs=epochs, verbose=0)


def photo_pipeline(files: Sequence[Path], labels: Sequence[int], size: int = 64) -> Any:
    """Batches of 32 shuffled photos, decoded by TensorFlow while the network trains."""
    import tensorflow as tf

    def read(path: Any, label: Any) -> tuple[Any, Any]:
        image = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
        return tf.cast(tf.image.resize(image, (size, size)), tf.uint8), label

    rows = tf.data.Dataset.from_tensor_slices(([str(path) for path in files], list(labels)))
    rows = rows.shuffle(len(files), seed=0).map(read, num_parallel_calls=tf.data.AUTOTUNE)
    return rows.batch(32).prefetch(tf.data.AUTOTUNE)
