"""Decision thresholds under a constraint, of two classes: the best one that labelled rows allow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from benchmark.protocol import arguments
from benchmark.protocol.arrays import Bools, Floats, Ints


@dataclass(frozen=True)
class Cuts:
    """Every way to divide rows by a threshold, from predicting none positive to all, (cuts,) each.

    `true` and `false` are the weights of the positive and negative rows predicted positive.
    """

    thresholds: Floats  # falling, half-way between two scores
    true: Floats
    false: Floats

    @property
    def predicted(self) -> Floats:
        """Weight of the rows predicted positive."""
        return self.true + self.false

    def last(self, allowed: Bools) -> float:
        """Return the lowest threshold that is allowed; if none is, that of no positive row."""
        found = np.flatnonzero(allowed & (self.predicted > 0))
        return float(self.thresholds[found[-1] if len(found) else 0])


def cuts(labels: Ints, scores: Floats, weights: Floats) -> Cuts:
    """Return all cuts of rows; `scores` may have any scale."""
    order = np.argsort(-scores, kind="stable")
    falling, positive, weight = scores[order], labels[order] == 1, weights[order]
    ends = np.flatnonzero(np.append(np.diff(falling) < 0, True))  # none between equal scores
    below = np.append(falling[ends[:-1] + 1], falling[-1] - 1)
    above = np.append(falling[0] + 1, falling[ends])
    middles = np.append(above[0], (above[1:] + below) / 2)
    true, false = (np.append(0, np.cumsum(weight * rows)[ends]) for rows in (positive, ~positive))
    return Cuts(middles, true, false)


def lower_bound(hits: Floats, of: Floats, confidence: float) -> Floats:
    """Return the one-sided lower confidence bound of shares, hits / of; at 0.5 the share itself.

    0 where `of` is 0. Source: Wilson 1927, "Probable inference, the law of succession, and
    statistical inference".
    """
    from scipy.stats import norm

    z = float(norm.ppf(confidence))
    rows = np.where(of > 0, of, 1.0)
    share = hits / rows
    centre = share + z**2 / (2 * rows)
    spread = z * np.sqrt(share * (1 - share) / rows + z**2 / (4 * rows**2))
    return np.where(of > 0, (centre - spread) / (1 + z**2 / rows), 0.0)


def at_precision(found: Cuts, precision: float, confidence: float = 0.5) -> float:
    """Return the threshold with the highest recall among those of at least this precision."""
    bound = lower_bound(found.true, found.predicted, confidence)
    return found.last(bound >= precision)


def at_false_positive_rate(found: Cuts, fpr: float, confidence: float = 0.5) -> float:
    """Return the threshold with the highest recall among those of at most this rate."""
    negatives = np.full(len(found.false), found.false[-1])
    specificity = lower_bound(negatives - found.false, negatives, confidence)
    return found.last(specificity >= 1 - fpr)


def at_recall(found: Cuts, recall: float, confidence: float = 0.5) -> float:
    """Return the threshold with the highest precision among those of at least this recall.

    Where no threshold has it, not even with this confidence, all rows are predicted positive.
    """
    positives = np.full(len(found.true), found.true[-1])
    allowed = lower_bound(found.true, positives, confidence) >= recall
    precision = found.true / np.maximum(found.predicted, 1e-300)
    best = int(np.argmax(np.where(allowed, precision, -1))) if allowed.any() else -1
    return float(found.thresholds[best])


def at_share(found: Cuts, share: float) -> float:
    """Return the lowest threshold that predicts at most this share of the rows positive."""
    return found.last(found.predicted <= share * found.predicted[-1])


def at_least_cost(found: Cuts, fp: float, fn: float) -> float:
    """Return the threshold at which rows cost least; among equally cheap ones, the lowest."""
    cost = fp * found.false + fn * (found.true[-1] - found.true)
    cheapest = np.flatnonzero(cost <= cost.min() + 1e-12 * cost.max())
    return float(found.thresholds[cheapest[-1]])


@dataclass(frozen=True)
class Rule:
    """How a threshold under a constraint is found, as the strategy `threshold` does.

    Attributes:
        objective: of the strategy.
        values: name -> bound.
        find: (cuts, bounds by name) -> threshold on the log-odds.
    """

    objective: str
    values: Mapping[str, float]
    find: Callable[..., float]

    def offsets(self, logits: Floats, labels: Ints) -> Floats:
        """Return the decision offsets of validation rows, as a strategy's threshold does."""
        found = cuts(labels, logits[:, 1] - logits[:, 0], np.ones(len(labels)))
        return np.array([0.0, -self.find(found, **self.values)])

    @property
    def bounded(self) -> str:
        """What the constraint bounds: precision, fpr, recall or share."""
        return next(iter(self.values))

    @property
    def strategy(self) -> str:
        """The strategy that decides so, as users write it."""
        given = {"objective": self.objective, **self.values}
        return f"threshold({arguments.as_text(given, ', ')})"
