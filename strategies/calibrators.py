"""Calibrators: maps of the log-odds, fitted on validation, that make probabilities frequencies.

All rise strictly: no measure of the ranking changes. They undo the shift of resampling and weights
too, so they go with any strategy, as in ``oversample+platt``.
"""

from __future__ import annotations

import numpy as np

from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.calibration import Calibration, Curve
from benchmark.protocol.strategy import Priors, Strategy

LEAST_SLOPE = 1e-3  # of a calibrated log-odds: what ranks the wrong way round stays ranked
FOLDS = 5
FEW = 200  # rows of the rarer class, below which isotonic regression is averaged over folds
REACH = 30.0  # log-odds, up to which the curve of beta calibration has knots


def platt() -> Strategy:
    """Fit a slope and an intercept of the log-odds on validation.

    Source: Platt 1999, "Probabilistic outputs for support vector machines", with its targets, which
    keep small validation splits from certainty.
    """

    def calibrate(logits: Floats, labels: Ints, priors: Priors) -> Calibration:
        margins = logits[:, 1] - logits[:, 0]
        intercept, slope = _regression(margins[:, None], labels)
        return Calibration(np.array([0.0, intercept]), slope)

    return Strategy(calibrate=calibrate, needs=frozenset({"binary"}))


def temperature() -> Strategy:
    """Divide the logits by the temperature that has the least log loss on validation.

    Source: Guo et al. 2017, "On calibration of modern neural networks", section 4.2. It moves no
    class against another: after resampling or weights join ``prior_correction`` before it.
    """

    def calibrate(logits: Floats, labels: Ints, priors: Priors) -> Calibration:
        from scipy.optimize import minimize_scalar
        from scipy.special import log_softmax

        def log_loss(log_scale: float) -> float:
            log_p = log_softmax(np.exp(log_scale) * logits, axis=1)
            return float(-log_p[np.arange(len(labels)), labels].mean())

        best = minimize_scalar(log_loss, bounds=(-4, 4), method="bounded")
        return Calibration(np.zeros(logits.shape[1]), float(np.exp(best.x)))

    return Strategy(calibrate=calibrate)


def beta() -> Strategy:
    """Fit log p and log(1 - p) with a weight of their own each, and an intercept.

    Source: Kull, Silva Filho and Flach 2017, "Beta calibration", section 3.
    """

    def calibrate(logits: Floats, labels: Ints, priors: Priors) -> Calibration:
        def parts(margins: Floats) -> Floats:
            return np.column_stack([-np.logaddexp(0, -margins), np.logaddexp(0, margins)])

        intercept, *weights = _regression(parts(logits[:, 1] - logits[:, 0]), labels)
        x = np.concatenate([[-2 * REACH], np.linspace(-REACH, REACH, 601), [2 * REACH]])
        return Calibration(np.zeros(2), curves=(Curve(x, intercept + parts(x) @ weights),))

    return Strategy(calibrate=calibrate, needs=frozenset({"binary"}))


def isotonic() -> Strategy:
    """Fit a rising curve through the observed frequencies on validation.

    Its steps are joined at their centres, so that rows keep their order. With few validation rows
    of the rarer class, the mean of five curves is taken, each without a fifth of the rows. Source:
    Zadrozny and Elkan 2002, "Transforming classifier scores into accurate multiclass probability
    estimates"; centres as in Oron and Flournoy 2017, "Centered isotonic regression".
    """

    def calibrate(logits: Floats, labels: Ints, priors: Priors) -> Calibration:
        margins = logits[:, 1] - logits[:, 0]
        folds = FOLDS if np.bincount(labels, minlength=2).min() < FEW else 1
        fold = np.empty(len(labels), np.int64)
        fold[np.lexsort((margins, labels))] = np.arange(len(labels)) % folds
        curves = [
            _centres(margins[rows], labels[rows])
            for number in range(folds)
            for rows in [fold != number if folds > 1 else np.full(len(labels), True)]
        ]
        x = np.unique(np.concatenate([x for x, _ in curves]))
        p = np.mean([np.interp(x, *curve) for curve in curves], axis=0)
        return Calibration(np.zeros(2), curves=(_rising(x, np.log(p / (1 - p))),))

    return Strategy(calibrate=calibrate, needs=frozenset({"binary"}))


def _centres(margins: Floats, labels: Ints) -> tuple[Floats, Floats]:
    """Return the centres of the steps of isotonic regression: log-odds and frequencies.

    A frequency of 0 or 1 becomes that of half a row less or more.
    """
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression().fit_transform(margins, labels)
    _, step, rows = np.unique(fitted, return_inverse=True, return_counts=True)
    centres = np.bincount(step, margins) / rows
    hits = np.bincount(step, labels)
    return centres, np.clip(hits, 0.5, np.maximum(rows - 0.5, 0.5)) / rows


def _rising(x: Floats, y: Floats) -> Curve:
    """Return the curve through the knots, with at least a slight slope, also beyond its ends."""
    apart = np.append(True, np.diff(x) > 1e-6)
    x, y = x[apart], np.maximum.accumulate(y[apart])
    x = np.concatenate([[x[0] - 1], x, [x[-1] + 1]])
    y = np.concatenate([[y[0]], y, [y[-1]]])
    return Curve(x, y + LEAST_SLOPE * (x - x[0]))


def _regression(features: Floats, labels: Ints) -> list[float]:
    """Return intercept and weights, none below `LEAST_SLOPE`, with the least log loss.

    Targets are Platt's, (n + 1) / (n + 2) for the n positive rows and 1 / (n + 2) for others.
    """
    from scipy.optimize import minimize

    negatives, positives = np.bincount(labels, minlength=2)
    targets = np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    scale = np.maximum(np.abs(features).max(axis=0), 1e-12)
    scaled = features / scale

    def loss(weights: Floats) -> tuple[float, Floats]:
        margins = weights[0] + scaled @ weights[1:]
        p = 1 / (1 + np.exp(-np.clip(margins, -500, 500)))
        error = (p - targets) / len(labels)
        value = float((np.logaddexp(0, margins) - targets * margins).mean())
        return value, np.append(error.sum(), error @ scaled)

    start = np.append(0.0, np.full(len(scale), 1 / len(scale)) * scale)
    bounds = [(None, None), *((LEAST_SLOPE * width, None) for width in scale)]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return [float(found.x[0]), *(found.x[1:] / scale).tolist()]
