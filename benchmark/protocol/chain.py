"""Strategies joined by `+`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np

from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.errors import UserError
from benchmark.protocol.strategy import (
    NONE,
    Augment,
    Calibrate,
    Calibration,
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

PLURALS = {  # of what there can be one of
    "mix": "ways to mix rows",
    "loss": "losses",
    "head": "heads",
    "bias": "biases",
    "stages": "courses of training",
    "networks": "groups of networks",
    "normalise": "normalised output layers",
    "threshold": "thresholds",
}


def chain(*parts: Strategy) -> Strategy:
    """Several strategies as one, in the order given.

    Resamplers and calibrations run one after the other, each on what the one
    before it gave; weights multiply. Weights are computed from resampled labels:
    full oversampling and balanced weights together are oversampling alone.

    Raises:
        UserError: if two of them bring what there can be one of, or what excludes the other.
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
        raise UserError("a head without a bias and a first bias cannot be joined: keep one of them")
    if _filled(parts, "networks") and _filled(parts, "normalise"):
        raise UserError(
            "several networks and one whose output layer is rescaled cannot be joined: "
            "keep one of them"
        )
    for stage_spec in _only(parts, "stages"):
        chain(*(replace(part, stages=()) for part in parts), stage_spec.strategy)


def sampler(strategy: Strategy) -> Resample:
    """What is trained on: altered copies are made first, so that a resampler draws them too."""
    if changed(strategy, ["augment"]):
        return _resample_twice(strategy.augment, strategy.resample)
    return strategy.resample


def _resample_twice(first: Resample, second: Resample) -> Resample:
    def resample(
        labels: Ints, features: Callable[[], Features], rng: np.random.Generator
    ) -> Resampling:
        one = first(labels, features, rng)

        def seen() -> Features:
            given = features()
            return Features(one.take(given.values, one.made), given.categorical)

        two = second(one.take(labels, one.made_labels), seen, rng)
        made = [part.made for part in (one, two) if part.made is not None]
        made_labels = [part.made_labels for part in (one, two) if part.made_labels is not None]
        after_one = len(labels) + (0 if one.made_labels is None else len(one.made_labels))
        made_by_two = 0 if two.made_labels is None else len(two.made_labels)
        numbers = np.concatenate([one.rows, after_one + np.arange(made_by_two)])
        return Resampling(
            numbers[two.rows],
            np.concatenate(made) if made else None,
            np.concatenate(made_labels) if made_labels else None,
        )

    return resample


def _multiply(first: Weigh, second: Weigh) -> Weigh:
    return lambda labels, classes: first(labels, classes) * second(labels, classes)


def _calibrate_twice(first: Calibrate, second: Calibrate) -> Calibrate:
    def calibrate(logits: Floats, labels: Ints, priors: Priors) -> Calibration:
        one = first(logits, labels, priors)
        return one.then(second(one(logits), labels, priors))

    return calibrate
