"""Sample weights: strategies in which a mistake on one class costs more than on another.

Only ratios of the weights matter: the harness divides them by their mean.
"""

from typing import Annotated

import numpy as np

from benchmark.protocol.arguments import Range, Space
from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.errors import UserError
from benchmark.protocol.strategy import Strategy


def class_weight(
    positive: Annotated[
        float | None, Range(0, open_low=True), Space(1, 100, log=True, binary=True)
    ] = None,
    gamma: Annotated[float, Range(0, 4)] = 1.0,
    weights: Annotated[
        tuple[float, ...] | None, Range(0, open_low=True), Space(0.1, 100, log=True)
    ] = None,
) -> Strategy:
    """Weight class c by n_c^-gamma, or the positive class, or every class, by a given weight.

    `gamma` = 1 is scikit-learn's "balanced", 0 weights all rows alike; `positive` = 10 gives the
    positive class ten times the weight of the negative one, as `weights` = (1, 10) does.
    """
    if (positive is not None) + (weights is not None) + (gamma != 1) > 1:
        raise UserError("give only one of positive, gamma and weights")

    def balanced(labels: Ints, classes: int) -> Floats:
        counts = np.bincount(labels, minlength=classes).astype(np.float64)
        return (counts[labels] / counts.max()) ** -gamma

    def positive_class(labels: Ints, classes: int) -> Floats:
        return np.where(labels == 1, float(positive or 1), 1.0)

    def per_class(labels: Ints, classes: int) -> Floats:
        assert weights is not None
        if len(weights) != classes:
            raise UserError(f"class_weight has {len(weights)} weights for {classes} classes")
        return np.array(weights)[labels]

    if weights is not None:
        return Strategy(weigh=per_class)
    if positive is None:
        return Strategy(weigh=balanced)
    return Strategy(weigh=positive_class, needs=frozenset({"binary"}))


def effective_number(
    beta: Annotated[float, Range(0, 0.9999999), Space(0.9, 0.999)] = 0.999,
) -> Strategy:
    """Weight class c by its effective number of rows, (1 - beta) / (1 - beta^n_c).

    Source: Cui et al. 2019, "Class-balanced loss based on effective number of samples", eq. 2.
    """

    def weigh(labels: Ints, classes: int) -> Floats:
        counts = np.bincount(labels, minlength=classes).astype(np.float64)
        return ((1 - beta) / (1 - beta ** counts[labels])).astype(np.float64)

    return Strategy(weigh=weigh)
