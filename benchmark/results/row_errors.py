"""How much of each measure's error comes from the choice of test rows, from stored predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmark.metrics import influence, stats
from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.threads import one_thread
from benchmark.results.predicted import Predicted

Influence = Callable[[Predicted], Floats]

INFLUENCES: dict[str, Influence] = {
    "test/f1": lambda p: influence.f1(p.labels, p.decisions, p.classes, p.weights),
    "test/f1_at_half": lambda p: influence.f1(p.labels, p.at_half, p.classes, p.weights),
    "test/f1_tuned": lambda p: influence.f1(p.labels, p.tuned, p.classes, p.weights),
    "test/precision": lambda p: influence.precision(p.labels, p.decisions, p.classes, p.weights),
    "test/recall": lambda p: influence.recall(p.labels, p.decisions, p.classes, p.weights),
    "test/balanced_accuracy": lambda p: influence.balanced_accuracy(
        p.labels, p.decisions, p.weights
    ),
    "test/accuracy": lambda p: influence.mean(1.0 * (p.labels == p.decisions), p.labels, p.weights),
    "test/average_precision": lambda p: influence.average_precision(p.labels, p.logits, p.weights),
    "test/roc_auc": lambda p: influence.roc_auc(p.labels, p.logits, p.weights),
    "test/brier": lambda p: influence.brier(p.labels, p.logits, p.weights),
    "test/log_loss": lambda p: influence.log_loss(p.labels, p.logits, p.weights),
    "test/ece": lambda p: influence.calibration_error(p.labels, p.logits, p.weights),
}


@dataclass(frozen=True)
class RowErrors:
    """Errors of means over seeds that come from the test rows; 0 where they are unknown."""

    predicted: Mapping[str, Sequence[Predicted]] = field(default_factory=dict)  # by label
    _known: dict[str, Floats] = field(default_factory=dict, compare=False, repr=False)

    def covariance(self, metric: str, labels: Sequence[str]) -> Floats:
        """Covariance of the means of these strategies, (labels, labels)."""
        if metric not in self._known:
            self._known[metric] = self._measured(metric)
        every, found = list(self.predicted), self._known[metric]
        places = [every.index(label) if label in every else -1 for label in labels]
        return found[np.ix_(places, places)]

    def variance(self, metric: str, label: str, reference: str = "") -> float:
        """Variance of a strategy's mean, or of its difference to a reference."""
        labels = [label, reference] if reference else [label]
        return influence.mean_variance(self.covariance(metric, labels))

    def until(self, seeds: int) -> RowErrors:
        """Those of the first seeds alone."""
        return RowErrors(
            {
                label: [one for one in of_label if one.seed < seeds]
                for label, of_label in self.predicted.items()
            }
        )

    def only(self, metrics: Iterable[str]) -> RowErrors:
        """Those of some measures alone, measured now; the predictions are let go."""
        known = {metric: self._measured(metric) for metric in metrics}
        return RowErrors(dict.fromkeys(self.predicted, ()), known)

    def chance_auc(self) -> dict[str, float]:
        """Label -> variance of the mean ROC AUC of scores that tell nothing."""
        return {label: _chance_auc(seeds) for label, seeds in self.predicted.items()}

    def noise_ece(self) -> dict[str, float]:
        """Label -> mean calibration error that calibrated probabilities would show."""
        return {
            label: float(
                np.mean([influence.calibration_noise(p.labels, p.logits, p.weights) for p in seeds])
            )
            for label, seeds in self.predicted.items()
        }

    def _measured(self, metric: str) -> Floats:
        """Covariance of all strategies; the last row and column stand for any other, and are 0."""
        count = len(self.predicted)
        found = np.zeros((count + 1, count + 1))
        if metric in INFLUENCES and count:
            of = INFLUENCES[metric]
            found[:-1, :-1] = covariance_of(list(self.predicted.values()), of)
        return found


def covariance_of(strategies: Sequence[Sequence[Predicted]], of: Influence) -> Floats:
    """Covariance of the strategies' means over seeds, see `influence.row_covariance`."""
    # sums of so few numbers are slower on several threads, and differ in their last digit
    with one_thread():
        return influence.row_covariance(
            [{one.seed: (one.rows, of(one)) for one in seeds} for seeds in strategies]
        )


def variance_between(
    one: RowErrors, label: str, other: RowErrors, reference: str, metric: str
) -> float:
    """Variance of the difference of two strategies of two tables of the same data."""
    both = [own.predicted.get(name, ()) for own, name in ((one, label), (other, reference))]
    if metric not in INFLUENCES or not all(both):
        return 0.0
    return influence.mean_variance(covariance_of(both, INFLUENCES[metric]))


def _chance_auc(seeds: Sequence[Predicted]) -> float:
    """The areas of two seeds correlate at most as their test rows overlap."""
    counts = [np.bincount(one.labels, minlength=one.classes).astype(np.float64) for one in seeds]
    variances = [chance_auc_of(of_seed) for of_seed in counts]
    overlap = _overlap([one.rows for one in seeds])
    return float(np.mean(variances)) * (1 / len(seeds) + (1 - 1 / len(seeds)) * overlap)


def _overlap(tested: Sequence[Ints]) -> float:
    """Rows that two seeds both test, over the larger of the two splits; of all pairs together.

    Args:
        tested: distinct row numbers, (rows,) each; one alone overlaps with itself.
    """
    if len(tested) == 1:
        return 1.0
    times = np.bincount(np.concatenate(tested))
    sizes = np.sort([len(rows) for rows in tested])
    larger = sizes @ np.arange(len(sizes))  # each is the larger one beside all smaller ones
    return float((times * (times - 1)).sum() / 2 / larger)


def chance_auc_of(counts: Floats) -> float:
    """Variance of one seed's ROC AUC of scores that tell nothing, by test rows per class.

    With more than two classes it is at most the square of their mean deviation.
    """
    of_classes = counts[1:] if len(counts) == 2 else counts[counts > 0]
    deviations = [
        stats.chance_auc_variance(count, counts.sum() - count) ** 0.5 for count in of_classes
    ]
    return float(np.mean(deviations)) ** 2
