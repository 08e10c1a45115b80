"""How a strategy turns logits into decisions, once it has seen validation: a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from benchmark import metrics
from benchmark.fits import Fit
from benchmark.frozen import lock
from benchmark.strategy import Calibration, Floats, Ints, Strategy, changed

Checkpoint = Literal["best", "last"]  # of a training


@dataclass(frozen=True)
class Decision:
    """A calibration, and what is added to each class's calibrated logit before the largest wins."""

    calibration: Calibration
    offsets: Floats  # (classes,)

    def __post_init__(self) -> None:
        """It serves again and again."""
        lock(self)

    @property
    def cut(self) -> float:
        """The probability from which the positive of two classes is decided."""
        return float(metrics.probabilities(-self.offsets[None])[0])

    def probabilities(self, logits: Floats) -> Floats:
        """Calibrated, (rows, classes), from the network's own logits."""
        from scipy.special import softmax

        calibrated = self.calibration(logits)
        if calibrated.shape[1] > 2:
            return np.asarray(softmax(calibrated, axis=1), np.float64)
        positive = metrics.probabilities(calibrated)
        return np.stack([1 - positive, positive], axis=1)

    def decide(self, logits: Floats) -> Ints:
        """The class of each row, from the network's own logits."""
        return metrics.decide(self.calibration(logits), self.offsets)


def calibration(strategy: Strategy, fit: Fit, checkpoint: Checkpoint = "best") -> Calibration:
    """How the strategy turns the logits at a checkpoint into its own."""
    logits, labels = getattr(fit.validation, checkpoint), fit.validation.labels
    if not changed(strategy, ["normalise"]):
        return strategy.calibrate(logits, labels, fit.priors)
    first = strategy.normalise(logits, labels, fit.outputs[checkpoint])
    return first.then(strategy.calibrate(first(logits), labels, fit.priors))


def frozen(strategy: Strategy, fit: Fit, checkpoint: Checkpoint = "best") -> Decision:
    """What the decision part chooses on the validation split of a training."""
    calibrate = calibration(strategy, fit, checkpoint)
    logits, labels = getattr(fit.validation, checkpoint), fit.validation.labels
    return Decision(calibrate, strategy.threshold(calibrate(logits), labels))
