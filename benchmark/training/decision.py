"""Decision of a strategy: how logits become decisions, fitted on validation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from benchmark.metrics import classification
from benchmark.metrics.costs import Costs, Rule
from benchmark.protocol.arrays import Floats, Ints, read_only
from benchmark.protocol.calibration import Calibration
from benchmark.protocol.strategy import Strategy, changed
from benchmark.training.predictions import Fit

Checkpoint = Literal["best", "last"]  # weights with the best evaluation, or of the last step


@dataclass(frozen=True)
class Decision:
    """A calibration, and offsets added to calibrated logits before the largest decides.

    With costs, the class of least expected cost decides instead; those of two classes that are the
    same in all rows are offsets.
    """

    calibration: Calibration
    offsets: Floats  # (classes,)
    costs: Costs | None = None

    def __post_init__(self) -> None:
        """Make the arrays read-only: decisions are shared."""
        read_only(self)

    @property
    def threshold(self) -> float:
        """The probability from which the positive of two classes is predicted."""
        return float(classification.positive_probabilities(-self.offsets[None])[0])

    def probabilities(self, logits: Floats) -> Floats:
        """Return calibrated probabilities (rows, classes) from the logits of the network."""
        from scipy.special import softmax

        calibrated = self.calibration(logits)
        if calibrated.shape[1] > 2:
            return np.asarray(softmax(calibrated, axis=1), np.float64)
        positive = classification.positive_probabilities(calibrated)
        return np.stack([1 - positive, positive], axis=1)

    @property
    def is_threshold(self) -> bool:
        """Whether a probability decides that the positive of two classes is predicted."""
        return len(self.offsets) == 2 and self.costs is None

    def decide(self, logits: Floats, rows: Ints) -> Ints:
        """Return the predicted class of each row, (rows,), from the logits of the network.

        Args:
            rows: their numbers in the data that the amounts of the costs are of.
        """
        return self.of_calibrated(self.calibration(logits), rows)

    def of_calibrated(self, logits: Floats, rows: Ints) -> Ints:
        """Return the predicted class of each row, (rows,), from calibrated logits; see `decide`."""
        if self.costs is None:
            return classification.decide(logits, self.offsets)
        return self.costs.decide(logits + self.offsets, rows)


def fit_calibration(strategy: Strategy, fit: Fit, checkpoint: Checkpoint = "best") -> Calibration:
    """Fit the strategy's calibration on validation, at a checkpoint."""
    logits, labels = getattr(fit.validation, checkpoint), fit.validation.labels
    if not changed(strategy, ["normalise"]):
        return strategy.calibrate(logits, labels, fit.priors)
    first = strategy.normalise(logits, labels, fit.outputs[checkpoint])
    return first.then(strategy.calibrate(first(logits), labels, fit.priors))


def fit_decision(strategy: Strategy, fit: Fit, checkpoint: Checkpoint = "best") -> Decision:
    """Fit the post-hoc part of a strategy on validation, at a checkpoint."""
    calibration = fit_calibration(strategy, fit, checkpoint)
    logits, labels = getattr(fit.validation, checkpoint), fit.validation.labels
    return Decision(calibration, strategy.threshold(calibration(logits), labels))


def fit_priced(strategy: Strategy, fit: Fit, rule: Rule, costs: Costs) -> Decision:
    """Fit calibration and the decisions of least cost on validation, at the best checkpoint."""
    calibration, part = fit_calibration(strategy, fit), fit.validation
    offsets = rule(costs, calibration(part.best), part.labels, part.rows)
    return Decision(calibration, offsets, None if costs.is_threshold else costs)
