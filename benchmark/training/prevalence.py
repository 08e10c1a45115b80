"""Class shares of rows without labels, estimated from calibrated probabilities."""

from __future__ import annotations

import numpy as np

from benchmark.protocol.arrays import Floats
from benchmark.protocol.calibration import Calibration

FEWEST = 100  # rows; of fewer, the shares are too uncertain to be estimated
ROUNDS = 1000
CONVERGED = 1e-7


def estimate(p: Floats, known: Floats) -> Floats:
    """Return the class shares of rows with calibrated probabilities p, (classes,).

    Source: Saerens, Latinne and Decaestecker 2002, "Adjusting the outputs of a classifier to new a
    priori probabilities: a simple procedure", eq. 2.8 and 2.9 (EM). It holds where only the shares
    have moved, not what rows of a class look like.

    Args:
        p: (rows, classes), at the shares `known`.
    """
    shares = known
    for _ in range(ROUNDS):
        shifted = p * (shares / known)
        shifted /= shifted.sum(axis=1, keepdims=True)
        before, shares = shares, np.asarray(shifted.mean(axis=0), np.float64)
        if np.abs(shares - before).max() < CONVERGED:
            break
    return np.maximum(shares, 1 / (2 * len(p) + 2))  # never none of a class


def adapted(calibration: Calibration, p: Floats, known: Floats) -> Calibration:
    """Return the calibration for rows whose class shares have moved; the same for few rows."""
    if len(p) < FEWEST:
        return calibration
    moved = np.log(estimate(p, known)) - np.log(known)
    return calibration.then(Calibration(np.asarray(moved, np.float64)))
