"""Remedies that make a mistake on one class cost more than on another.

Only the ratio of the weights matters: the harness divides them by their mean.
"""

from typing import Annotated

import numpy as np

from benchmark.arguments import Range
from benchmark.errors import UserError
from benchmark.strategy import Floats, Ints, Strategy


def class_weight(
    positive: Annotated[float | None, Range(0, open_low=True)] = None,
    gamma: Annotated[float, Range(0, 4)] = 1.0,
) -> Strategy:
    """Balanced weights, n_c^-gamma for class c, or a weight for the positive class.

    `gamma` 1 is scikit-learn's "balanced", 0 is none; `positive` = 10 weighs the
    positive class ten times the negative one.
    """
    if positive is not None and gamma != 1:
        raise UserError("give either positive or gamma, not both")

    def balanced(labels: Ints, classes: int) -> Floats:
        counts = np.bincount(labels, minlength=classes).astype(np.float64)
        return (counts[labels] / counts.max()) ** -gamma

    def given(labels: Ints, classes: int) -> Floats:
        return np.where(labels == 1, float(positive or 1), 1.0)

    if positive is None:
        return Strategy(weigh=balanced)
    return Strategy(weigh=given, needs=frozenset({"binary"}))


def effective_number(beta: Annotated[float, Range(0, 0.9999999)] = 0.999) -> Strategy:
    """Weighs class c by its effective number of rows, (1 - beta) / (1 - beta^n_c).

    Source: Cui et al. 2019, "Class-balanced loss based on effective number of samples", eq. 2.
    """

    def weigh(labels: Ints, classes: int) -> Floats:
        counts = np.bincount(labels, minlength=classes).astype(np.float64)
        return ((1 - beta) / (1 - beta ** counts[labels])).astype(np.float64)

    return Strategy(weigh=weigh)
