"""Strategies joined by `+`: slots that run in order, multiply, or exclude each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np

from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.calibration import Calibration
from benchmark.protocol.errors import UserError
from benchmark.protocol.strategy import (
    NONE,
    Augment,
    Calibrate,
    Features,
    Priors,
    Resample,
    Resampling,
    Strategy,
    Weigh,
    changed,
    equal_weights,
    every_row,
    uncalibrated,
)

PLURALS = {  # slots that one strategy of a chain may fill
    "mix": "ways to mix rows",
    "loss": "losses",
    "head": "classifier heads",
    "bias": "initial biases",
    "stages": "sets of stages",
    "networks": "ensembles",
    "normalise": "normalisations of the output layer",
    "threshold": "decision thresholds",
}


def chain(*parts: Strategy) -> Strategy:
    """Join several strategies into one, in the order given.

    Resamplers and calibrations run one after the other, each on the result of the previous one.
    Weights multiply and are computed from resampled labels: full oversampling joined with
    balanced weights is oversampling alone.

    Raises:
        UserError: if two strategies fill a slot that takes only one, or slots that exclude
            each other.
    """
    _require_compatible(parts)
    resamplers: list[Resample] = _filled(parts, "resample")
    augmenters: list[Augment] = _filled(parts, "augment")
    weighings: list[Weigh] = _filled(parts, "weigh")
    calibrations: list[Calibrate] = _filled(parts, "calibrate")
    return Strategy(
        resample=reduce(_resample_twice, resamplers) if resamplers else every_row,
        augment=reduce(_resample_twice, augmenters) if augmenters else every_row,
        weigh=reduce(_multiply, weighings) if weighings else equal_weights,
        mix=_only(parts, "mix"),
        loss=_only(parts, "loss"),
        head=_only(parts, "head"),
        bias=_only(parts, "bias"),
        stages=_only(parts, "stages"),
        networks=_only(parts, "networks"),
        normalise=_only(parts, "normalise"),
        calibrate=reduce(_calibrate_twice, calibrations) if calibrations else uncalibrated,
        threshold=_only(parts, "threshold"),
        needs=frozenset().union(*(part.needs for part in parts)),
    )


def _filled(parts: Sequence[Strategy], slot: str) -> list[Any]:
    return [getattr(part, slot) for part in parts if changed(part, [slot])]


def _only(parts: Sequence[Strategy], slot: str) -> Any:
    filled = _filled(parts, slot)
    if len(filled) > 1:
        raise UserError(f"two {PLURALS[slot]} cannot be joined: keep one of them")
    return filled[0] if filled else getattr(NONE, slot)


def _require_compatible(parts: Sequence[Strategy]) -> None:
    if _filled(parts, "head") and _filled(parts, "bias"):
        raise UserError(
            "a classifier head without a bias and an initial bias cannot be joined: "
            "keep one of them"
        )
    if _filled(parts, "networks") and _filled(parts, "normalise"):
        raise UserError(
            "an ensemble and a normalisation of the output layer cannot be joined: keep one of them"
        )
    for stage_spec in _only(parts, "stages"):
        chain(*(replace(part, stages=()) for part in parts), stage_spec.strategy)


def sampler(strategy: Strategy) -> Resample:
    """Return what draws training rows: augmentation first, so that a resampler draws copies too."""
    if changed(strategy, ["augment"]):
        return _resample_twice(strategy.augment, strategy.resample)
    return strategy.resample


def _resample_twice(first: Resample, second: Resample) -> Resample:
    def resample(
        labels: Ints, features: Callable[[], Features], rng: np.random.Generator
    ) -> Resampling:
        before = first(labels, features, rng)

        def resampled_features() -> Features:
            original = features()
            values = before.take(original.values, before.generated)
            return Features(values, original.categorical)

        resampled_labels = before.take(labels, before.generated_labels)
        after = second(resampled_labels, resampled_features, rng)
        both = (before, after)
        rows = [part.generated for part in both if part.generated is not None]
        row_labels = [part.generated_labels for part in both if part.generated_labels is not None]
        known = len(labels) + _generated(before)  # numbers below are rows that `before` returned
        numbers = np.concatenate([before.rows, known + np.arange(_generated(after))])
        return Resampling(
            numbers[after.rows],
            np.concatenate(rows) if rows else None,
            np.concatenate(row_labels) if row_labels else None,
        )

    return resample


def _generated(resampling: Resampling) -> int:
    return 0 if resampling.generated_labels is None else len(resampling.generated_labels)


def _multiply(first: Weigh, second: Weigh) -> Weigh:
    return lambda labels, classes: first(labels, classes) * second(labels, classes)


def _calibrate_twice(first: Calibrate, second: Calibrate) -> Calibrate:
    def calibrate(logits: Floats, labels: Ints, priors: Priors) -> Calibration:
        before = first(logits, labels, priors)
        return before.then(second(before(logits), labels, priors))

    return calibrate
