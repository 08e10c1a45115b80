"""Calibrations of logits: values and not functions, so that exported models can store them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark.protocol.arrays import Floats, read_only


@dataclass(frozen=True)
class Curve:
    """An increasing, piecewise-linear map of the log-odds of two classes; its ends go on straight.

    It rises strictly, so that no measure of the ranking changes.
    """

    x: Floats  # (knots,), at least two, rising
    y: Floats

    def __post_init__(self) -> None:
        """Make the arrays read-only: calibrations are shared."""
        read_only(self)

    def __call__(self, margins: Floats) -> Floats:
        """Return the calibrated log-odds, (rows,)."""
        piece = np.clip(np.searchsorted(self.x, margins), 1, len(self.x) - 1)
        slope = np.diff(self.y) / np.diff(self.x)
        return np.asarray(
            self.y[piece - 1] + slope[piece - 1] * (margins - self.x[piece - 1]), np.float64
        )


@dataclass(frozen=True)
class Calibration:
    """An affine map of logits, and curves after it that map the log-odds of two classes."""

    offsets: Floats  # (classes,)
    scale: float | Floats = 1.0  # one for all classes, or (classes,)
    curves: tuple[Curve, ...] = ()

    def __post_init__(self) -> None:
        """Make the arrays read-only: calibrations are shared."""
        read_only(self)

    def __call__(self, logits: Floats) -> Floats:
        """Return calibrated logits (rows, classes)."""
        calibrated = np.asarray(self.scale * logits + self.offsets, np.float64)
        for curve in self.curves:
            margins = curve(calibrated[..., 1] - calibrated[..., 0])
            calibrated = np.stack([-margins / 2, margins / 2], axis=-1)
        return calibrated

    def then(self, second: Calibration) -> Calibration:
        """Return the calibration that applies `second` to the result of this one.

        After a curve, `second` scales both classes alike.
        """
        if not self.curves:
            offsets = second.scale * self.offsets + second.offsets
            return Calibration(
                np.asarray(offsets, np.float64), second.scale * self.scale, second.curves
            )
        scale = float(np.asarray(second.scale).flat[0])
        shift = float(second.offsets[1] - second.offsets[0])
        ends = np.array([-1.0, 1.0])
        line = () if (scale, shift) == (1.0, 0.0) else (Curve(ends, scale * ends + shift),)
        return Calibration(self.offsets, self.scale, (*self.curves, *line, *second.curves))

    @property
    def changes(self) -> bool:
        """Whether it changes any logit."""
        scaled = bool(np.any(np.asarray(self.scale) != 1))
        return scaled or bool(np.any(self.offsets)) or bool(self.curves)


def as_json(calibration: Calibration) -> dict[str, Any]:
    """Return a calibration as JSON can hold it."""
    return {
        "scale": np.asarray(calibration.scale).tolist(),
        "offsets": calibration.offsets.tolist(),
        "curves": [[curve.x.tolist(), curve.y.tolist()] for curve in calibration.curves],
    }


def from_json(stored: Any) -> Calibration:
    """Read a calibration that `as_json` wrote."""
    return Calibration(
        np.array(stored["offsets"]),
        np.array(stored["scale"]),
        tuple(Curve(np.array(x), np.array(y)) for x, y in stored.get("curves", ())),
    )
