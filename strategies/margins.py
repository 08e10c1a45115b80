"""Strategies that ask for a wider margin around rare classes."""

from typing import Annotated, Any

from benchmark.protocol.arguments import Range, Space
from benchmark.protocol.arrays import Floats
from benchmark.protocol.strategy import RowLoss, Strategy, Tensor, cross_entropy


def ldam(
    margin: Annotated[float, Range(0, 1), Space(0.1, 0.9)] = 0.5,
    scale: Annotated[float, Range(1, 100), Space(10, 50, log=True)] = 30.0,
) -> Strategy:
    """Cross-entropy on cosines, the true one less a margin that grows with the class's rarity.

    Class c has the margin C n_c^-1/4, the rarest `margin`. Rows and weights of the last layer
    have length 1, their products are multiplied by `scale`. Weights and resampling change the
    margins if they act from the start; deferred ones (``ldam+deferred``) do not. Source: Cao et
    al. 2019, "Learning imbalanced datasets with label-distribution-aware margin loss", eq. 13.
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
