"""Remedies that replace the loss. All are computed on logits and are finite at any logit."""

from typing import Annotated

import numpy as np

from benchmark.arguments import Range, Space
from benchmark.strategy import Floats, RowLoss, Strategy, Tensor, cross_entropy


def focal(
    gamma: Annotated[float, Range(0), Space(0, 5)] = 2.0,
    alpha: Annotated[float | None, Range(0, 1), Space(0.05, 0.95, binary=True)] = None,
) -> Strategy:
    """Focal loss, -alpha_c (1 - p)^gamma log p: rows that are easy already count less.

    `alpha` weighs the positive class and 1 - alpha the negative one (Lin et al. use
    0.25, where gamma = 2 has already silenced the negatives); without it, classes
    weigh the same. Source: Lin et al. 2017, "Focal loss for dense object detection", eq. 5.
    """

    def loss(priors: Floats) -> RowLoss:
        weights = np.ones_like(priors) if alpha is None else np.array([1 - alpha, alpha])

        def of_rows(targets: Tensor, logits: Tensor) -> Tensor:
            from keras import ops

            log_p = ops.sum(targets * ops.log_softmax(logits), axis=-1)
            # log(1 - p) from the other classes' logits: 1 - p itself rounds to 0, and its
            # gradient to NaN where gamma < 1
            others = ops.logsumexp(logits - 1e9 * targets, axis=-1)
            log_rest = others - ops.logsumexp(logits, axis=-1)
            weight = ops.sum(targets * ops.cast(weights, logits.dtype), axis=-1)
            return -weight * ops.exp(gamma * log_rest) * log_p

        return of_rows

    return Strategy(loss=loss, needs=frozenset() if alpha is None else frozenset({"binary"}))


def logit_adjust(tau: Annotated[float, Range(0), Space(0, 2)] = 1.0) -> Strategy:
    """Cross-entropy on z + tau log pi: the network learns what the class shares do not explain.

    Source: Menon et al. 2021, "Long-tail learning via logit adjustment", eq. 10;
    tau = 1 is Ren et al. 2020, balanced softmax.
    """

    def loss(priors: Floats) -> RowLoss:
        shift = tau * np.log(priors)
        plain = cross_entropy(priors)

        def of_rows(targets: Tensor, logits: Tensor) -> Tensor:
            from keras import ops

            return plain(targets, logits + ops.cast(shift, logits.dtype))

        return of_rows

    return Strategy(loss=loss)
