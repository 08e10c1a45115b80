"""Shifts of the logits after training: they change probabilities, and decisions with them."""

from typing import Annotated

import numpy as np

from benchmark.protocol.arguments import Range, Space
from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.calibration import Calibration
from benchmark.protocol.strategy import OutputLayer, Priors, Strategy

SHORTEST = 1e-6  # least length of a class's weights: a network may have forgotten the class


def logit_shift(tau: Annotated[float, Range(0), Space(0, 2)] = 1.0) -> Strategy:
    """Subtract tau log pi from the trained logits, as if classes had been balanced.

    Source: Menon et al. 2021, "Long-tail learning via logit adjustment", eq. 9.
    """

    def calibrate(logits: Floats, labels: Ints, priors: Priors) -> Calibration:
        return Calibration(-tau * np.log(priors.training))

    return Strategy(calibrate=calibrate)


def prior_correction() -> Strategy:
    """Restore the population's class shares in probabilities after resampling or weighting.

    The logits become z - log pi_training + log pi_population. Alone it changes nothing: join it,
    as in ``undersample+prior_correction``. Source: Saerens et al. 2002; for random undersampling
    it is Dal Pozzolo et al. 2015, "Calibrating probability with undersampling for unbalanced
    classification", eq. 4. Population shares are those of validation; a class without a row there
    counts as half as frequent as the rarest class that has one.
    """

    def calibrate(logits: Floats, labels: Ints, priors: Priors) -> Calibration:
        rarest = priors.population[priors.population > 0].min()
        population = np.where(priors.population > 0, priors.population, rarest / 2)
        return Calibration(np.log(population) - np.log(priors.training))

    return Strategy(calibrate=calibrate)


def tau_norm(tau: Annotated[float | None, Range(0, 2), Space(0, 1)] = None) -> Strategy:
    """Divide each class's weights in the last layer by their length^tau, without bias.

    Rare classes have short weights; at tau = 1 all have the same length. By default, tau is the
    value of 0, 0.1, ... 1 with the largest balanced accuracy on validation. A head that is
    normalised already (``ldam``) stays as it is. Source: Kang et al. 2020, "Decoupling
    representation and classifier for long-tailed recognition", eq. 4.
    """

    def normalise(logits: Floats, labels: Ints, output: OutputLayer) -> Calibration:
        def scaled(tau: float) -> Calibration:
            lengths = np.maximum(output.norms, SHORTEST) ** tau
            return Calibration(-output.bias / lengths, 1 / lengths)

        def balanced_accuracy(calibration: Calibration) -> float:
            decisions = calibration(logits).argmax(axis=1)
            return float(np.mean([(decisions[labels == c] == c).mean() for c in np.unique(labels)]))

        if tau is not None:
            return scaled(tau)
        return max((scaled(step / 10) for step in range(11)), key=balanced_accuracy)

    return Strategy(normalise=normalise)
