"""Remedies that need no training: they change how scores become probabilities and decisions."""

from collections.abc import Callable
from typing import Annotated

import numpy as np

from benchmark.arguments import Range, Space
from benchmark.metrics import best_cut
from benchmark.strategy import Floats, Ints, Priors, Strategy


def threshold(
    beta: Annotated[float, Range(0, open_low=True), Space(0.25, 4, log=True)] = 1.0,
) -> Strategy:
    """Moves the cut to where F-beta is largest on validation; probabilities stay as they are."""

    def offsets(logits: Floats, labels: Ints) -> Floats:
        return np.array([0.0, -best_cut(labels, logits[:, 1] - logits[:, 0], beta)])

    return Strategy(threshold=offsets, needs=frozenset({"binary"}))


def logit_shift(tau: Annotated[float, Range(0), Space(0, 2)] = 1.0) -> Strategy:
    """Subtracts tau log pi from the trained logits, as if the classes had been balanced.

    Source: Menon et al. 2021, "Long-tail learning via logit adjustment", eq. 9.
    """

    def calibrate(logits: Floats, labels: Ints, priors: Priors) -> Callable[[Floats], Floats]:
        return lambda logits: logits - tau * np.log(priors.training)

    return Strategy(calibrate=calibrate)


def prior_correction() -> Strategy:
    """Gives probabilities the population's class shares back after resampling or weighting.

    Alone it changes nothing: join it, as in ``undersample+prior_correction``.
    z - log pi_training + log pi_population. Source: Saerens et al. 2002; for random
    undersampling it is Dal Pozzolo et al. 2015, "Calibrating probability with
    undersampling for unbalanced classification", eq. 4.
    """

    def calibrate(logits: Floats, labels: Ints, priors: Priors) -> Callable[[Floats], Floats]:
        return lambda logits: logits - np.log(priors.training) + np.log(priors.population)

    return Strategy(calibrate=calibrate)
