"""What a strategy is: a record of pure functions, one for each place where a strategy can act.

Every slot has a default that does nothing, so a strategy fills in only what it
changes. The *training part* changes the trained weights; the *decision part*
(`normalise`, `calibrate`, `threshold`) only changes how scores become decisions.
No slot is ever handed a test label, and only the decision part is handed
validation labels. What changes in the course of training is a `Phase`.

A module in ``strategies/`` holds one family. Each public function in it that
returns a ``Strategy`` is registered under its own name, its arguments and their
defaults are the strategy's; ``strategies/_template.py`` shows how.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.protocol.arrays import Floats, Ints, read_only
from benchmark.protocol.errors import UserError

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
        read_only(self)


@dataclass(frozen=True)
class Calibration:
    """An affine map of logits: a value, so that an exported model can carry it."""

    offsets: Floats  # (classes,)
    scale: float | Floats = 1.0  # of all classes, or (classes,)

    def __post_init__(self) -> None:
        """It is called more than once."""
        read_only(self)

    def __call__(self, logits: Floats) -> Floats:
        """Calibrated logits (rows, classes)."""
        return np.asarray(self.scale * logits + self.offsets, np.float64)

    def then(self, second: Calibration) -> Calibration:
        """This one and, on what it gives, the second."""
        return Calibration(second(self.offsets), second.scale * self.scale)


@dataclass(frozen=True)
class Mixing:
    """How much of each row stays its own, float64 (rows,) each; the rest is its partner's."""

    features: Floats
    labels: Floats


@dataclass(frozen=True)
class OutputLayer:
    """The trained output layer, class by class, float64 (classes,) each."""

    norms: Floats  # Euclidean, of each class's weights
    bias: Floats

    def __post_init__(self) -> None:
        """Several strategies are handed it."""
        read_only(self)


RowLoss = Callable[[Tensor, Tensor], Tensor]
"""(one-hot targets (rows, classes), logits (rows, classes)) -> loss of each row (rows,)"""

Resample = Callable[[Ints, Callable[[], Features], np.random.Generator], Resampling]
"""(training labels, their features on demand, random numbers) -> rows to train on"""

Augment = Resample
"""As `resample`, before it: adds altered copies of training rows"""

Weigh = Callable[[Ints, int], Floats]
"""(resampled labels, number of classes) -> weight of each row; only ratios matter"""

Mix = Callable[[Ints, Ints, Ints, np.random.Generator], Mixing]
"""(labels of rows, labels of their partners in the batch, training rows of each class, random
numbers) -> how the pairs are mixed"""

Loss = Callable[[Floats], RowLoss]
"""(training priors) -> loss on logits"""

Head = Callable[[Any], Any]
"""(the network's last layer, a dense one) -> the Keras layer that takes its place"""

Bias = Callable[[Floats], Floats]
"""(training priors) -> first bias of the output layer (classes,)"""

Normalise = Callable[[Floats, Ints, OutputLayer], Calibration]
"""(validation logits, validation labels, output layer) -> calibration that comes first"""

Calibrate = Callable[[Floats, Ints, Priors], Calibration]
"""(validation logits, validation labels, priors) -> calibration of logits"""

Threshold = Callable[[Floats, Ints], Floats]
"""(validation logits, validation labels) -> offsets (classes,); the decision is the
class with the largest logit + offset. For two classes a threshold t is the offset
log((1 - t) / t) of the positive class."""


def default_strategy(text: str) -> Any:
    """The default of an argument that is a strategy, as people write it: the registry reads it."""
    return text


def every_row(
    labels: Ints, features: Callable[[], Features], rng: np.random.Generator
) -> Resampling:
    """Trains on the training split as it is."""
    return Resampling(np.arange(len(labels)))


def equal_weights(labels: Ints, classes: int) -> Floats:
    """Every row weighs 1."""
    return np.ones(len(labels))


def unmixed(labels: Ints, partners: Ints, counts: Ints, rng: np.random.Generator) -> Mixing:
    """Every row stays as it is."""
    return Mixing(np.ones(len(labels)), np.ones(len(labels)))


def cross_entropy(priors: Floats) -> RowLoss:
    """Softmax cross-entropy, -log p of the true class."""

    def loss(targets: Tensor, logits: Tensor) -> Tensor:
        from keras import ops

        return -ops.sum(targets * ops.log_softmax(logits), axis=-1)

    return loss


def unchanged_head(last: Any) -> Any:
    """The network as its task built it."""
    return last


def zero_bias(priors: Floats) -> Floats:
    """The output layer starts without a preference."""
    return np.zeros_like(priors)


def unnormalised(logits: Floats, labels: Ints, output: OutputLayer) -> Calibration:
    """Leaves the output layer alone."""
    return Calibration(np.zeros(logits.shape[1]))


def uncalibrated(logits: Floats, labels: Ints, priors: Priors) -> Calibration:
    """Leaves the logits alone."""
    return Calibration(np.zeros(logits.shape[1]))


def default_threshold(logits: Floats, labels: Ints) -> Floats:
    """The most probable class; for two classes, the cut at 0.5."""
    return np.zeros(logits.shape[1])


@dataclass(frozen=True)
class StageSpec:
    """A share of the steps, counted from the end, in which the training is another one.

    Attributes:
        share: of all steps.
        strategy: joins what the stages belong to, as `+` does, for this stage alone. It draws
            from the rows that were trained on before. A loss that it does not bring stays the
            one that was made before the first stage, from the class shares of that time.
        trains: all of the network, or a fresh head alone: the rest is frozen, and optimizer and
            learning rate begin anew.
    """

    share: float
    strategy: Strategy
    trains: Literal["all", "head"] = "all"

    def __post_init__(self) -> None:
        """Raises UserError for what cannot begin in the middle of a training."""
        for slot in SLOTS:
            if slot not in STAGE_SLOTS and changed(self.strategy, [slot]):
                raise UserError(
                    f"only rows, weights and losses can change in the course of training: "
                    f"join what acts on {ACTS_ON[slot]} with +"
                )


@dataclass(frozen=True)
class Strategy:
    """A strategy for imbalance. Slots are described beside their types above."""

    resample: Resample = every_row
    augment: Augment = every_row
    weigh: Weigh = equal_weights
    mix: Mix = unmixed
    loss: Loss = cross_entropy
    head: Head = unchanged_head
    bias: Bias = zero_bias
    stages: tuple[StageSpec, ...] = ()  # of the last steps, in order
    networks: int = 1  # that share the steps; their probabilities are averaged
    normalise: Normalise = unnormalised
    calibrate: Calibrate = uncalibrated
    threshold: Threshold = default_threshold
    needs: frozenset[Need] = frozenset()  # what a task must be for this strategy to make sense


STAGE_SLOTS = ("resample", "augment", "weigh", "mix", "loss")  # what can change meanwhile
TRAINING_SLOTS = (*STAGE_SLOTS, "head", "bias", "stages", "networks")
NETWORK_SLOTS = ("mix", "loss", "head", "bias", "stages", "networks", "normalise")  # what only
# a network has
POSTHOC_SLOTS = ("normalise", "calibrate", "threshold")
SLOTS = TRAINING_SLOTS + POSTHOC_SLOTS
NONE = Strategy()

ACTS_ON = {  # in words; of a strategy that fills several slots, the first one tells what it is
    "networks": "several networks",
    "stages": "the course of training",
    "augment": "the images",
    "mix": "the images",
    "head": "the head",
    "loss": "the loss",
    "weigh": "what a row counts",
    "resample": "which rows",
    "bias": "the start",
    "normalise": "the probabilities",
    "calibrate": "the probabilities",
    "threshold": "the decision",
}


def changed(strategy: Strategy, slots: Sequence[str]) -> bool:
    """Whether `strategy` fills in any of `slots`."""
    return any(getattr(strategy, slot) != getattr(NONE, slot) for slot in slots)


def family(strategy: Strategy) -> str:
    """Where a strategy acts, in words."""
    return next((words for slot, words in ACTS_ON.items() if changed(strategy, [slot])), "nothing")
