"""Predictions on the test rows, ready to be measured and drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from benchmark.metrics import classification, long_tail
from benchmark.metrics.curves import Band, Scored, band
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
        return self.decision.of_calibrated(self.logits, self.rows)

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

    def at(self, offsets: Floats) -> Predicted:
        """The same calibrated probabilities, decided with other offsets."""
        return replace(self, decision=replace(self.decision, offsets=offsets, costs=None))

    def at_tuned_threshold(self) -> Predicted:
        """The same calibrated probabilities, decided at the threshold that validation favours."""
        return self.at(self.tuned_offsets)


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

    @property
    def prevalence(self) -> float:
        """Share of positives on test, by weight; of more classes the mean share of one."""
        seeds = next(iter(self.predicted.values()))
        classes = seeds[0].classes
        if classes != 2:
            return 1 / classes
        return float(np.mean([np.average(one.labels, weights=one.weights) for one in seeds]))

    def operating_points(self, labels: Mapping[str, str]) -> dict[str, tuple[float, float]]:
        """Label -> mean recall and precision at the tuned threshold; with two classes.

        Args:
            labels: training -> label of the strategy that stands for it.
        """
        points = {}
        for label in labels.values():
            measured = [
                classification.decision_metrics(one.labels, one.tuned, one.weights, 2)
                for one in self.predicted.get(label, ())
            ]
            if measured:
                recall, precision = (
                    float(np.mean([each[name] for each in measured]))
                    for name in ("recall", "precision")
                )
                points[label] = recall, precision
        return points

    def recalls(self, classes: int) -> dict[str, Band]:
        """Label -> recall of each class over its training rows, rarest class first."""
        found = {}
        for label, decided in self.decided.items():
            rows = np.mean([fit.class_rows for fit in self.fits[self.training_of[label]]], axis=0)
            curves = [long_tail.class_recalls(*each, classes) for each in decided]
            order = np.argsort(rows, kind="stable")
            found[label] = band(rows[order], [curve[order] for curve in curves])
        return found

    def confusions(self, classes: int) -> dict[str, Floats]:
        """Label -> confusion matrix summed over seeds, (actual, predicted), by weight."""
        return {
            label: np.sum([classification.confusion(*each, classes) for each in decided], axis=0)
            for label, decided in self.decided.items()
        }
