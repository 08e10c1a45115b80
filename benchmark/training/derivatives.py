"""Derivatives of a strategy's loss, for boosted trees: each tree is a Newton step on it."""

from __future__ import annotations

import numpy as np

from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.strategy import RowLoss
from benchmark.protocol.task import Derivatives

LEAST = 0.01  # second derivative, relative to that of cross-entropy: losses need not be convex


def derivatives_of(loss: RowLoss, labels: Ints, classes: int, weights: Floats) -> Derivatives:
    """Return the derivatives of a loss on logits by the margins of training rows.

    Args:
        labels: (rows,), of the training rows.
        weights: (rows,), which both derivatives are multiplied by.
    """
    import tensorflow as tf

    targets = tf.constant(np.eye(classes, dtype=np.float32)[labels])
    binary = classes == 2

    @tf.function
    def of_rows(margins: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape(persistent=True) as outer:
            outer.watch(margins)
            with tf.GradientTape() as inner:
                inner.watch(margins)
                logits = tf.concat([-margins / 2, margins / 2], axis=1) if binary else margins
                total = tf.reduce_sum(loss(targets, logits))
            first = inner.gradient(total, margins)
            # rows do not depend on each other: the sum over rows has the derivatives of each
            columns = tf.unstack(tf.reduce_sum(first, axis=0))
        second = [outer.gradient(column, margins)[:, k] for k, column in enumerate(columns)]
        return first, tf.stack(second, axis=1)

    def derivatives(margins: Floats) -> tuple[Floats, Floats]:
        column = margins.reshape(len(labels), -1)
        first, second = (
            part.numpy().astype(np.float64) for part in of_rows(column.astype(np.float32))
        )
        least = LEAST * _of_cross_entropy(column)
        weight = weights[:, None]
        return (
            (weight * first).reshape(margins.shape),
            (weight * np.maximum(second, least)).reshape(margins.shape),
        )

    return derivatives


def _of_cross_entropy(margins: Floats) -> Floats:
    """Return p (1 - p) of each margin."""
    from scipy.special import expit, softmax

    p = expit(margins) if margins.shape[1] == 1 else softmax(margins, axis=1)
    return np.asarray(np.maximum(p * (1 - p), 1e-6), np.float64)
