"""Losses: strategies that replace the loss. All use logits and are finite at any logit."""

from typing import Annotated, Any

import numpy as np

from benchmark.protocol.arguments import Range, Space
from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.strategy import RowLoss, Strategy, Tensor, cross_entropy


def focal(
    gamma: Annotated[float, Range(0), Space(0, 5)] = 2.0,
    alpha: Annotated[float | None, Range(0, 1), Space(0.05, 0.95, binary=True)] = None,
) -> Strategy:
    """Train with focal loss, -alpha_c (1 - p)^gamma log p: easy rows count less.

    `alpha` weighs the positive class and 1 - alpha the negative one (Lin et al. use 0.25, because
    gamma = 2 has reduced the negatives already); without it, classes weigh the same. Source: Lin et
    al. 2017, "Focal loss for dense object detection", eq. 5.
    """

    def loss(priors: Floats) -> RowLoss:
        weights = np.ones_like(priors) if alpha is None else np.array([1 - alpha, alpha])

        def of_rows(targets: Tensor, logits: Tensor) -> Tensor:
            from keras import ops

            log_p = ops.sum(targets * ops.log_softmax(logits), axis=-1)
            # log(1 - p) from the logits of the other classes: 1 - p itself rounds to 0, and its
            # gradient is NaN where gamma < 1
            others = ops.logsumexp(logits - 1e9 * targets, axis=-1)
            log_rest = others - ops.logsumexp(logits, axis=-1)
            weight = ops.sum(targets * ops.cast(weights, logits.dtype), axis=-1)
            return -weight * ops.exp(gamma * log_rest) * log_p

        return of_rows

    return Strategy(loss=loss, needs=frozenset() if alpha is None else frozenset({"binary"}))


def logit_adjust(tau: Annotated[float, Range(0), Space(0, 2)] = 1.0) -> Strategy:
    """Train with cross-entropy on z + tau log pi: learn what class shares do not explain.

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


def balanced_softmax() -> Strategy:
    """Train with cross-entropy on z + log n: the softmax that is right for balanced classes.

    The same as ``logit_adjust`` with tau = 1. Source: Ren et al. 2020, "Balanced meta-softmax for
    long-tailed visual recognition", eq. 3.
    """
    return logit_adjust(tau=1.0)


def label_smoothing(
    epsilon: Annotated[float, Range(0, 0.99, open_low=True), Space(0.01, 0.3)] = 0.1,
) -> Strategy:
    """Train with targets (1 - epsilon) y + epsilon / K: no class becomes entirely certain.

    Source: Szegedy et al. 2016, "Rethinking the inception architecture for computer vision",
    section 7.
    """

    def loss(priors: Floats) -> RowLoss:
        plain = cross_entropy(priors)

        def of_rows(targets: Tensor, logits: Tensor) -> Tensor:
            return plain((1 - epsilon) * targets + epsilon / logits.shape[-1], logits)

        return of_rows

    return Strategy(loss=loss)


def class_balanced_focal(
    beta: Annotated[float, Range(0, 0.9999999), Space(0.9, 0.9999)] = 0.9999,
    gamma: Annotated[float, Range(0), Space(0, 5)] = 2.0,
) -> Strategy:
    """Train with focal loss of one sigmoid per class, weighted by effective numbers of rows.

    (1 - beta) / (1 - beta^n_y) sum_i -(1 - p_i)^gamma log p_i, where p_i is the probability of
    the true answer for class i. Every sigmoid starts at 1 / K. Source: Cui et al. 2019,
    "Class-balanced loss based on effective number of samples", eq. 12 and section 4.
    """

    def weigh(labels: Ints, classes: int) -> Floats:
        counts = np.bincount(labels, minlength=classes).astype(np.float64)
        return ((1 - beta) / (1 - beta ** counts[labels])).astype(np.float64)

    def loss(priors: Floats) -> RowLoss:
        start = np.log(len(priors) - 1)

        def of_rows(targets: Tensor, logits: Tensor) -> Tensor:
            from keras import ops

            margins = (2 * targets - 1) * (logits - ops.cast(start, logits.dtype))
            # 1 - p and log p from the margins: p itself rounds to 0 and 1
            return ops.sum(
                ops.exp(-gamma * ops.softplus(margins)) * ops.softplus(-margins), axis=-1
            )

        return of_rows

    return Strategy(weigh=weigh, loss=loss)


def ldam(
    margin: Annotated[float, Range(0, 1), Space(0.1, 0.9)] = 0.5,
    scale: Annotated[float, Range(1, 100), Space(10, 50, log=True)] = 30.0,
) -> Strategy:
    """Train on cosines, the true class less a margin that is larger for rarer classes.

    The loss is cross-entropy. Class c has the margin C n_c^-1/4, the rarest class has `margin`.
    Rows and weights of the last layer have length 1, their products are multiplied by `scale`.
    Weights and resampling change the margins if they act from the start; deferred ones
    (``ldam+deferred``) do not. Source: Cao et al. 2019, "Learning imbalanced datasets with
    label-distribution-aware margin loss", eq. 13.
    """

    def loss(priors: Floats) -> RowLoss:
        margins = scale * margin * (priors.min() / priors) ** 0.25
        plain = cross_entropy(priors)

        def of_rows(targets: Tensor, logits: Tensor) -> Tensor:
            from keras import ops

            return plain(targets, logits - targets * ops.cast(margins, logits.dtype))

        return of_rows

    def head(last: Any) -> Any:
        from benchmark.training.layers import Cosine

        return Cosine(last.units, scale, dtype=last.dtype_policy, name=last.name)

    return Strategy(loss=loss, head=head)
