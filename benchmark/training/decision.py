"""How a strategy turns logits into decisions, once it has seen validation: a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from benchmark.metrics import classification
from benchmark.protocol.arrays import Floats, Ints, read_only
from benchmark.protocol.strategy import Calibration, Strategy, changed
from benchmark.training.predictions import Fit

Checkpoint = Literal["best", "last"]  # of a training


@dataclass(frozen=True)
class Decision:
    """A calibration, and what is added to each class's calibrated logit before the largest wins."""

    calibration: Calibration
    offsets: Floats  # (classes,)

    def __post_init__(self) -> None:
        """It serves again and again."""
        read_only(self)

    @property
    def threshold(self) -> float:
        """The probability from which the positive of two classes is decided."""
        return float(classification.positive_probabilities(-self.offsets[None])[0])

    def probabilities(self, logits: Floats) -> Floats:
        """Calibrated, (rows, classes), from the network's own logits."""
        from scipy.special import softmax

        calibrated = self.calibration(logits)
        if calibrated.shape[1] > 2:
            return np.asarray(softmax(calibrated, axis=1), np.float64)
        positive = classification.positive_probabilities(calibrated)
        return np.stack([1 - positive, positive], axis=1)

    def decide(self, logits: Floats) -> Ints:
        """The class of each row, from the network's own logits."""
        return classification.decide(self.calibration(logits), self.offsets)


def fit_calibration(strategy: Strategy, fit: Fit, checkpoint: Checkpoint = "best") -> Calibration:
    """How the strategy turns the logits at a checkpoint into its own."""
    logits, labels = getattr(fit.validation, checkpoint), fit.validation.labels
    if not changed(strategy, ["normalise"]):
        return strategy.calibrate(logits, labels, fit.priors)
    first = strategy.normalise(logits, labels, fit.outputs[checkpoint])
    return first.then(strategy.calibrate(first(logits), labels, fit.priors))


def fit_decision(strategy: Strategy, fit: Fit, checkpoint: Checkpoint = "best") -> Decision:
    """What the decision part chooses on the validation split of a training."""
    calibrate = fit_calibration(strategy, fit, checkpoint)
    logits, labels = getattr(fit.validation, checkpoint), fit.validation.labels
    return Decision(calibrate, strategy.threshold(calibrate(logits), labels))
