"""What a strategy is: a record of pure functions, one for each place where a remedy can act.

Every slot has a default that does nothing, so a strategy fills in only what it
changes. The *training part* (`resample`, `weigh`, `loss`, `bias`) changes the
trained weights; the *decision part* (`calibrate`, `threshold`) only changes how
scores become decisions. No slot is ever handed a test label, and only the
decision part is handed validation labels.

A module in ``strategies/`` holds one family. Each public function in it that
returns a ``Strategy`` is registered under its own name, its arguments and their
defaults are the strategy's; ``strategies/_template.py`` shows how.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import UserError
from benchmark.frozen import lock

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Tensor = Any  # a tensor of the Keras backend
Need = Literal["image", "table", "binary"]


@dataclass(frozen=True)
class Features:
    """Feature values as a resampler sees them: float32 (rows, columns)."""

    values: NDArray[Any]
    categorical: tuple[int, ...]  # columns that hold category codes


@dataclass(frozen=True)
class Resampling:
    """What to train on: row numbers, and new rows where the resampler makes some.

    Row numbers count through the rows that the resampler was given and on
    through the made ones; repeats are allowed. Oversampling costs eight bytes a
    row, not a copy.
    """

    rows: Ints
    made: NDArray[Any] | None = None  # (made rows, columns)
    made_labels: Ints | None = None

    def take(self, values: NDArray[Any], made: NDArray[Any] | None) -> NDArray[Any]:
        """`values` of the resampled rows; `made` holds those of the made rows."""
        return (values if made is None else np.concatenate([values, made]))[self.rows]


@dataclass(frozen=True)
class Priors:
    """Class shares, float64 (classes,) each."""

    training: Floats  # of the resampled, weighted rows: the distribution that the loss sees
    population: Floats  # of the validation split: training may be collected otherwise

    def __post_init__(self) -> None:
        """Several slots are handed them."""
        lock(self)


@dataclass(frozen=True)
class Calibration:
    """An affine map of logits: a value, so that an exported model can carry it."""

    offsets: Floats  # (classes,)
    scale: float = 1.0

    def __post_init__(self) -> None:
        """It is called more than once."""
        lock(self)

    def __call__(self, logits: Floats) -> Floats:
        """Calibrated logits (rows, classes)."""
        return self.scale * logits + self.offsets

    def then(self, second: Calibration) -> Calibration:
        """This one and, on what it gives, the second."""
        return Calibration(second(self.offsets), second.scale * self.scale)


RowLoss = Callable[[Tensor, Tensor], Tensor]
"""(one-hot targets (rows, classes), logits (rows, classes)) -> loss of each row (rows,)"""

Resample = Callable[[Ints, Callable[[], Features], np.random.Generator], Resampling]
"""(training labels, their features on demand, random numbers) -> rows to train on"""

Weigh = Callable[[Ints, int], Floats]
"""(resampled labels, number of classes) -> weight of each row; only ratios matter"""

Loss = Callable[[Floats], RowLoss]
"""(training priors) -> loss on logits"""

Bias = Callable[[Floats], Floats]
"""(training priors) -> first bias of the output layer (classes,)"""

Calibrate = Callable[[Floats, Ints, Priors], Calibration]
"""(validation logits, validation labels, priors) -> calibration of logits"""

Threshold = Callable[[Floats, Ints], Floats]
"""(validation logits, validation labels) -> offsets (classes,); the decision is the
class with the largest logit + offset. For two classes a cut t is the offset
log((1 - t) / t) of the positive class."""


def every_row(
    labels: Ints, features: Callable[[], Features], rng: np.random.Generator
) -> Resampling:
    """Trains on the training split as it is."""
    return Resampling(np.arange(len(labels)))


def equal_weights(labels: Ints, classes: int) -> Floats:
    """Every row weighs 1."""
    return np.ones(len(labels))


def cross_entropy(priors: Floats) -> RowLoss:
    """Softmax cross-entropy, -log p of the true class."""

    def loss(targets: Tensor, logits: Tensor) -> Tensor:
        from keras import ops

        return -ops.sum(targets * ops.log_softmax(logits), axis=-1)

    return loss


def zero_bias(priors: Floats) -> Floats:
    """The output layer starts without a preference."""
    return np.zeros_like(priors)


def as_trained(logits: Floats, labels: Ints, priors: Priors) -> Calibration:
    """Leaves the logits alone."""
    return Calibration(np.zeros(logits.shape[1]))


def plain_cut(logits: Floats, labels: Ints) -> Floats:
    """The most probable class; for two classes, the cut at 0.5."""
    return np.zeros(logits.shape[1])


@dataclass(frozen=True)
class Strategy:
    """A remedy for imbalance. Slots are described beside their types above."""

    resample: Resample = every_row
    weigh: Weigh = equal_weights
    loss: Loss = cross_entropy
    bias: Bias = zero_bias
    calibrate: Calibrate = as_trained
    threshold: Threshold = plain_cut
    needs: frozenset[Need] = frozenset()  # what a task must be for this strategy to make sense


TRAINING_SLOTS = ("resample", "weigh", "loss", "bias")
NETWORK_SLOTS = ("loss", "bias")  # what only a network has
DECISION_SLOTS = ("calibrate", "threshold")
SLOTS = TRAINING_SLOTS + DECISION_SLOTS
NONE = Strategy()


def changed(strategy: Strategy, slots: Sequence[str]) -> bool:
    """Whether `strategy` fills in any of `slots`."""
    return any(getattr(strategy, slot) is not getattr(NONE, slot) for slot in slots)


def chain(*parts: Strategy) -> Strategy:
    """Several remedies as one, in the order given.

    Resamplers and calibrations run one after the other, each on what the one
    before it gave; weights multiply. Weights are computed from resampled labels:
    full oversampling and balanced weights together are oversampling alone.

    Raises:
        UserError: if two of them bring a loss, a bias or a threshold.
    """
    resamplers: list[Resample] = _filled(parts, "resample")
    weighings: list[Weigh] = _filled(parts, "weigh")
    calibrations: list[Calibrate] = _filled(parts, "calibrate")
    return Strategy(
        resample=reduce(_resample_twice, resamplers) if resamplers else every_row,
        weigh=reduce(_multiply, weighings) if weighings else equal_weights,
        loss=_only(parts, "loss"),
        bias=_only(parts, "bias"),
        calibrate=reduce(_calibrate_twice, calibrations) if calibrations else as_trained,
        threshold=_only(parts, "threshold"),
        needs=frozenset().union(*(part.needs for part in parts)),
    )


def _filled(parts: Sequence[Strategy], slot: str) -> list[Any]:
    return [getattr(part, slot) for part in parts if changed(part, [slot])]


def _only(parts: Sequence[Strategy], slot: str) -> Any:
    filled = _filled(parts, slot)
    if len(filled) > 1:
        plural = {"loss": "losses", "bias": "biases", "threshold": "thresholds"}[slot]
        raise UserError(f"two {plural} cannot be joined: keep one of them")
    return filled[0] if filled else getattr(NONE, slot)


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
