"""Predictions on the test rows, ready to be measured and drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from benchmark.metrics import classification
from benchmark.metrics.curves import Scored
from benchmark.metrics.thresholds import best_offsets
from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.strategy import Strategy
from benchmark.training.decision import Decision, fit_decision
from benchmark.training.predictions import Fit


@dataclass(frozen=True)
class Predicted:
    """A strategy's decision rule, fitted on validation, and the fit that it is applied to."""

    seed: int
    fit: Fit
    decision: Decision

    @property
    def rows(self) -> Ints:
        """Row numbers of the test rows in the data, (rows,)."""
        return self.fit.test.rows

    @property
    def labels(self) -> Ints:
        """True classes, (rows,)."""
        return self.fit.test.labels

    @property
    def weights(self) -> Floats:
        """Weights of the rows, (rows,)."""
        return self.fit.test.weights

    @property
    def scored(self) -> Scored:
        """Labels, calibrated logits and weights."""
        return self.labels, self.logits, self.weights

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self.fit.test.best.shape[1])

    @cached_property
    def logits(self) -> Floats:
        """Calibrated logits, (rows, classes)."""
        return self.decision.calibration(self.fit.test.best)

    @cached_property
    def decisions(self) -> Ints:
        """Predicted classes at the strategy's own threshold, (rows,)."""
        return classification.decide(self.logits, self.decision.offsets)

    @cached_property
    def at_half(self) -> Ints:
        """Predicted classes at 0.5, or of the largest probability, (rows,)."""
        return classification.decide(self.logits, np.zeros(self.classes))

    @cached_property
    def tuned_offsets(self) -> Floats:
        """Offsets with the best F1 on validation, (classes,)."""
        validation = self.fit.validation
        logits = self.decision.calibration(validation.best)
        return best_offsets(validation.labels, logits, validation.weights)

    @property
    def tuned(self) -> Ints:
        """Predicted classes at the threshold that is best on validation, (rows,)."""
        return classification.decide(self.logits, self.tuned_offsets)

    def at_tuned_threshold(self) -> Predicted:
        """The same calibrated probabilities, decided at the threshold that validation favours."""
        return replace(self, decision=replace(self.decision, offsets=self.tuned_offsets))


def predict(strategy: Strategy, fit: Fit, seed: int) -> Predicted:
    """Fit the strategy's decision on validation."""
    return Predicted(seed, fit, fit_decision(strategy, fit))


Decided = tuple[Ints, Ints, Floats]  # labels, predicted classes and weights, (rows,) each


@dataclass(frozen=True)
class TablePredictions:
    """Predictions of the strategies of a table, for its figures.

    Attributes:
        predicted: label -> one per seed.
        training_of: label -> training.
    """

    predicted: Mapping[str, Sequence[Predicted]]
    training_of: Mapping[str, str]

    @cached_property
    def fits(self) -> dict[str, list[Fit]]:
        """Training -> its fit at every seed."""
        return {
            self.training_of[label]: [one.fit for one in seeds]
            for label, seeds in self.predicted.items()
        }

    @cached_property
    def scored(self) -> dict[str, list[Scored]]:
        """Label -> labels, calibrated logits and weights at every seed."""
        return {label: [one.scored for one in seeds] for label, seeds in self.predicted.items()}

    @cached_property
    def decided(self) -> dict[str, list[Decided]]:
        """Label -> labels, predicted classes and weights at every seed."""
        return {
            label: [(one.labels, one.decisions, one.weights) for one in seeds]
            for label, seeds in self.predicted.items()
        }
