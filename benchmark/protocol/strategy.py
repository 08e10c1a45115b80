"""A strategy: a record of pure functions, one slot for each place where a strategy can act.

Every slot has a default that changes nothing, so a strategy fills in only what it changes. The
*training part* changes the trained weights; the *post-hoc part* (`normalise`, `calibrate`,
`threshold`) only changes how scores become decisions. No slot ever receives a test label, and only
the post-hoc part receives validation labels. What changes during training is a `StageSpec`.

A module in ``strategies/`` holds one family. Each public function in it that returns a
``Strategy`` is registered under its own name; its arguments and defaults are those of the
strategy. ``strategies/_template.py`` shows how.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.protocol.arrays import Floats, Ints, read_only
from benchmark.protocol.calibration import Calibration
from benchmark.protocol.errors import UserError

Tensor = Any  # a tensor of the Keras backend
Need = Literal["image", "table", "binary", "pixels"]


@dataclass(frozen=True)
class Features:
    """Feature values as resamplers receive them: rows of ``Splits.x``, of tables float32."""

    values: NDArray[Any]  # (rows, ...)
    categorical: tuple[int, ...]  # columns that hold category codes


@dataclass(frozen=True)
class Resampling:
    """Rows to train on: row numbers, and new rows where the resampler generates some.

    Row numbers count the rows that the resampler received, then the generated ones. Repeats are
    allowed: oversampling costs eight bytes per row, not a copy.
    """

    rows: Ints
    generated: NDArray[Any] | None = None  # (generated rows, ...)
    generated_labels: Ints | None = None  # (generated rows,)

    def take(self, values: NDArray[Any], generated: NDArray[Any] | None) -> NDArray[Any]:
        """Return values of the resampled rows, from those of the rows received and generated."""
        return (values if generated is None else np.concatenate([values, generated]))[self.rows]


@dataclass(frozen=True)
class Priors:
    """Class shares, float64 (classes,) each."""

    training: Floats  # of the resampled, weighted rows: the distribution that the loss sees
    population: Floats  # of the validation split: training rows may be collected differently

    def __post_init__(self) -> None:
        """Make the arrays read-only: several slots receive them."""
        read_only(self)


@dataclass(frozen=True)
class Mixing:
    """Shares of each row that stay its own, float64 (rows,) each; the rest is its partner's."""

    features: Floats
    labels: Floats


@dataclass(frozen=True)
class OutputLayer:
    """The trained output layer by class, float64 (classes,) each."""

    norms: Floats  # Euclidean norm of the weights of each class
    bias: Floats

    def __post_init__(self) -> None:
        """Make the arrays read-only: several strategies receive them."""
        read_only(self)


RowLoss = Callable[[Tensor, Tensor], Tensor]
"""(one-hot targets (rows, classes), logits (rows, classes)) -> loss of each row (rows,)."""

Resample = Callable[[Ints, Callable[[], Features], np.random.Generator], Resampling]
"""(training labels, their features on demand, random generator) -> rows to train on."""

Augment = Resample
"""Like `Resample`, and called before it: adds altered copies of training rows."""

Weigh = Callable[[Ints, int], Floats]
"""(resampled labels, number of classes) -> weight of each row (rows,); only ratios matter."""

Mix = Callable[[Ints, Ints, Ints, np.random.Generator], Mixing]
"""(labels of rows, labels of their partners in the batch, training rows per class, random
generator) -> shares in which the pairs are mixed."""

Loss = Callable[[Floats], RowLoss]
"""(training priors) -> loss on logits."""

Head = Callable[[Any], Any]
"""(last layer of the network, a dense one) -> the Keras layer that replaces it."""

Bias = Callable[[Floats], Floats]
"""(training priors) -> initial bias of the output layer (classes,)."""

Normalise = Callable[[Floats, Ints, OutputLayer], Calibration]
"""(validation logits, validation labels, output layer) -> calibration that is applied first."""

Calibrate = Callable[[Floats, Ints, Priors], Calibration]
"""(validation logits, validation labels, priors) -> calibration of logits."""

Threshold = Callable[[Floats, Ints], Floats]
"""(calibrated validation logits, validation labels) -> offsets (classes,).

The decision is the class with the largest logit + offset. With two classes, a threshold t on the
probability is the offset log((1 - t) / t) of the positive class."""


def default_strategy(text: str) -> Any:
    """Return the default of an argument that is a strategy, as users write it (see `grammar`)."""
    return text


def every_row(
    labels: Ints, features: Callable[[], Features], rng: np.random.Generator
) -> Resampling:
    """Train on the training split as it is."""
    return Resampling(np.arange(len(labels)))


def equal_weights(labels: Ints, classes: int) -> Floats:
    """Give every row the weight 1."""
    return np.ones(len(labels))


def unmixed(labels: Ints, partners: Ints, counts: Ints, rng: np.random.Generator) -> Mixing:
    """Leave every row as it is."""
    return Mixing(np.ones(len(labels)), np.ones(len(labels)))


def cross_entropy(priors: Floats) -> RowLoss:
    """Return softmax cross-entropy, -log p of the true class."""

    def loss(targets: Tensor, logits: Tensor) -> Tensor:
        from keras import ops

        return -ops.sum(targets * ops.log_softmax(logits), axis=-1)

    return loss


def unchanged_head(last: Any) -> Any:
    """Keep the network as its task builds it."""
    return last


def zero_bias(priors: Floats) -> Floats:
    """Start the output layer without a preference."""
    return np.zeros_like(priors)


def unnormalised(logits: Floats, labels: Ints, output: OutputLayer) -> Calibration:
    """Leave the output layer unchanged."""
    return Calibration(np.zeros(logits.shape[1]))


def uncalibrated(logits: Floats, labels: Ints, priors: Priors) -> Calibration:
    """Leave the logits unchanged."""
    return Calibration(np.zeros(logits.shape[1]))


def default_threshold(logits: Floats, labels: Ints) -> Floats:
    """Decide for the most probable class: with two classes, a threshold of 0.5."""
    return np.zeros(logits.shape[1])


@dataclass(frozen=True)
class StageSpec:
    """A stage of training: a share of the steps in which rows, weights or loss are different.

    Attributes:
        share: of all steps; the stages of a strategy are the last ones, in order.
        strategy: joins the strategy that has the stage, as `+` does, for this stage alone. It
            draws from the rows of the first stage. If it fills in no loss, the loss stays the one
            built before the first stage, from the class shares at that time.
        trains: "all" of the network, or a fresh "head" alone: the rest is frozen, and optimizer
            and learning rate start again.
    """

    share: float
    strategy: Strategy
    trains: Literal["all", "head"] = "all"

    def __post_init__(self) -> None:
        """Raise UserError for slots that cannot change during training."""
        for slot in SLOTS:
            if slot not in STAGE_SLOTS and changed(self.strategy, [slot]):
                raise UserError(
                    "only rows, weights and the loss can change between stages of training: "
                    f"join the {FAMILIES[slot]} with +"
                )


@dataclass(frozen=True)
class Strategy:
    """A strategy for class imbalance. The types of the slots above say what each receives."""

    resample: Resample = every_row
    augment: Augment = every_row
    weigh: Weigh = equal_weights
    mix: Mix = unmixed
    loss: Loss = cross_entropy
    head: Head = unchanged_head
    bias: Bias = zero_bias
    stages: tuple[StageSpec, ...] = ()  # the last stages of training, in order
    networks: int = 1  # networks that share the steps; their probabilities are averaged
    normalise: Normalise = unnormalised
    calibrate: Calibrate = uncalibrated
    threshold: Threshold = default_threshold
    needs: frozenset[Need] = frozenset()  # what a task must have for this strategy to run


STAGE_SLOTS = ("resample", "augment", "weigh", "mix", "loss")  # can change between stages
TRAINING_SLOTS = (*STAGE_SLOTS, "head", "bias", "stages", "networks")
# slots that estimators of scikit-learn do not have
NETWORK_SLOTS = ("mix", "loss", "head", "bias", "stages", "networks", "normalise")
POSTHOC_SLOTS = ("normalise", "calibrate", "threshold")
SLOTS = TRAINING_SLOTS + POSTHOC_SLOTS
NONE = Strategy()

BASELINE = "baseline"  # the family of a strategy that changes nothing
FAMILIES = {  # slot -> family; the first slot that a strategy fills in decides
    "networks": "ensemble",
    "stages": "stages of training",
    "augment": "augmentation",
    "mix": "augmentation",
    "head": "classifier head",
    "loss": "loss",
    "weigh": "sample weights",
    "resample": "resampling",
    "bias": "initial bias",
    "normalise": "calibration",
    "calibrate": "calibration",
    "threshold": "decision threshold",
}


def changed(strategy: Strategy, slots: Sequence[str]) -> bool:
    """Return whether `strategy` fills in any of `slots`."""
    return any(getattr(strategy, slot) != getattr(NONE, slot) for slot in slots)


def family(strategy: Strategy) -> str:
    """Return the family of a strategy: the name of what it acts on."""
    return next((name for slot, name in FAMILIES.items() if changed(strategy, [slot])), BASELINE)
