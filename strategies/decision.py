"""Remedies that need no training: they change how scores become probabilities and decisions."""

from typing import Annotated

import numpy as np

from benchmark.arguments import Range, Space
from benchmark.offsets import best_offsets
from benchmark.strategy import Calibration, Floats, Ints, Priors, Strategy


def threshold(
    beta: Annotated[float, Range(0, open_low=True), Space(0.25, 4, log=True)] = 1.0,
) -> Strategy:
    """Moves the cut to where F-beta is largest on validation; probabilities stay as they are.

    With more than two classes every class has its own offset, and F-beta is macro-averaged.
    """

    def offsets(logits: Floats, labels: Ints) -> Floats:
        return best_offsets(labels, logits, beta)

    return Strategy(threshold=offsets)


def logit_shift(tau: Annotated[float, Range(0), Space(0, 2)] = 1.0) -> Strategy:
    """Subtracts tau log pi from the trained logits, as if the classes had been balanced.

    Source: Menon et al. 2021, "Long-tail learning via logit adjustment", eq. 9.
    """

    def calibrate(logits: Floats, labels: Ints, priors: Priors) -> Calibration:
        return Calibration(-tau * np.log(priors.training))

    return Strategy(calibrate=calibrate)


def prior_correction() -> Strategy:
    """Gives probabilities the population's class shares back after resampling or weighting.

    Alone it changes nothing: join it, as in ``undersample+prior_correction``.
    z - log pi_training + log pi_population. Source: Saerens et al. 2002; for random
    undersampling it is Dal Pozzolo et al. 2015, "Calibrating probability with
    undersampling for unbalanced classification", eq. 4.
    """

    def calibrate(logits: Floats, labels: Ints, priors: Priors) -> Calibration:
        return Calibration(np.log(priors.population) - np.log(priors.training))

    return Strategy(calibrate=calibrate)
