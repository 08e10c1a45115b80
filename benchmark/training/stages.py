"""Stages of a training: rows, weights and loss for a number of steps each.

A strategy without `stages` trains in one stage. All stages are planned from training rows before
anything is trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.chain import chain, sampler
from benchmark.protocol.errors import UserError
from benchmark.protocol.splits import class_shares
from benchmark.protocol.strategy import Features, Mix, RowLoss, Strategy, changed
from benchmark.protocol.task import Splits
from benchmark.training.seeding import RESAMPLING, stream

NAMED = 5  # classes named in an error

InitialNetwork = Literal["as it is", "fresh head", "thawed"]  # that a stage starts with


@dataclass(frozen=True)
class Stage:
    """Steps with the same rows, weights and loss."""

    steps: int
    rows: Ints  # row numbers into x and y of the plan, repeats allowed
    weights: Floats  # (rows,), mean 1
    priors: Floats  # class shares of the weighted rows
    loss: RowLoss
    mix: Mix | None
    network: InitialNetwork


@dataclass(frozen=True)
class StagePlan:
    """The stages of a training, and the rows that they index."""

    x: NDArray[Any]  # of the splits, with generated rows at the end
    y: Ints
    stages: tuple[Stage, ...]


def plan_stages(
    splits: Splits, strategy: Strategy, classes: int, steps: int, seed: int, network: int = 0
) -> StagePlan:
    """Plan the stages of a training with `strategy`.

    Args:
        network: number of the network, where several share the steps.

    Raises:
        UserError: for rows or weights that cannot be trained on, or too few steps.
    """
    _require_every_class(splits.y[splits.train], classes, "the training split has")
    shares = [stage_spec.share for stage_spec in strategy.stages]
    first, *later = _steps_of_stages([1 - sum(shares), *shares], steps)
    base = replace(strategy, stages=())
    draw = partial(_draw, categorical=splits.categorical, classes=classes)
    rng = stream(seed, RESAMPLING, 0, network)
    x, y, rows = draw(splits.x, splits.y, splits.train, base, rng)
    stages = [_stage(first, rows, y[rows], _task_weights(splits, rows), base, classes)]
    for number, (stage_spec, count) in enumerate(zip(strategy.stages, later, strict=True), start=1):
        rng = stream(seed, RESAMPLING, number, network)
        x, y, drawn = draw(x, y, rows, stage_spec.strategy, rng)
        joined, weights = chain(base, stage_spec.strategy), _task_weights(splits, drawn)
        stage = _stage(count, drawn, y[drawn], weights, joined, classes)
        initial: InitialNetwork = "fresh head" if stage_spec.trains == "head" else "as it is"
        loss = stage.loss if changed(stage_spec.strategy, ["loss"]) else stages[0].loss
        stages.append(replace(stage, loss=loss, network=initial))
    return StagePlan(x, y, tuple(stages))


def split_at_thaw(stages: Sequence[Stage], share: float) -> list[Stage]:
    """Split one of the stages, so that the network thaws for the last `share` of all steps.

    Layers that are frozen under a fresh head stay frozen.
    """
    ends = np.cumsum([stage.steps for stage in stages])
    begin = min(round((1 - share) * int(ends[-1])), int(ends[-1]) - 1)
    number = int(np.searchsorted(ends, begin, side="right"))
    before, stage = list(stages[:number]), stages[number]
    if any(earlier.network == "fresh head" for earlier in (*before, stage)):
        return list(stages)
    left = int(ends[number]) - begin
    if left < stage.steps:
        before.append(replace(stage, steps=stage.steps - left))
    return [*before, replace(stage, steps=left, network="thawed"), *stages[number + 1 :]]


def _steps_of_stages(shares: Sequence[float], steps: int) -> list[int]:
    """Return the number of steps of each stage; raise UserError if a stage gets none."""
    ends = np.round(np.cumsum(shares) * steps).astype(int)
    counts = np.diff(ends, prepend=0)
    if counts.min() < 1:
        raise UserError(
            f"{steps} steps are too few for {len(shares)} stages of training, of which one has "
            f"a share of {min(shares):g}: train for more steps"
        )
    return [int(count) for count in counts]


def _task_weights(splits: Splits, rows: Ints) -> Floats | None:
    """Return the task's sample weights; a generated row has the mean of the training split."""
    if splits.weights is None:
        return None
    generated = max(0, int(rows.max()) + 1 - len(splits.y))
    mean = splits.weights[splits.train].mean()
    return np.concatenate([splits.weights, np.full(generated, mean)])[rows]


def _stage(
    steps: int,
    rows: Ints,
    labels: Ints,
    task_weights: Floats | None,
    strategy: Strategy,
    classes: int,
) -> Stage:
    weights = strategy.weigh(labels, classes)
    weights = _relative(weights if task_weights is None else weights * task_weights, labels)
    priors = class_shares(labels, classes, weights)
    priors.setflags(write=False)  # several slots receive them
    return Stage(
        steps=steps,
        rows=rows,
        weights=weights,
        priors=priors,
        loss=strategy.loss(priors),
        mix=strategy.mix if changed(strategy, ["mix"]) else None,
        network="as it is",
    )


def _draw(
    x: NDArray[Any],
    y: Ints,
    numbers: Ints,
    strategy: Strategy,
    rng: np.random.Generator,
    categorical: tuple[int, ...],
    classes: int,
) -> tuple[NDArray[Any], Ints, Ints]:
    """Return x and y with generated rows at the end, and the row numbers drawn from `numbers`."""
    # bound to no more than it needs: nothing that a strategy receives leads to a test label
    features = partial(_features, x, numbers, categorical)
    drawn = sampler(strategy)(y[numbers], features, rng)
    if drawn.generated is not None and drawn.generated_labels is not None:
        numbers = np.concatenate([numbers, len(y) + np.arange(len(drawn.generated))])
        x, y = np.concatenate([x, drawn.generated]), np.concatenate([y, drawn.generated_labels])
    rows = numbers[drawn.rows]
    _require_every_class(y[rows], classes, "resampling left")
    return x, y, rows


def _require_every_class(labels: Ints, classes: int, cause: str) -> None:
    """Raise UserError, beginning with `cause`, for missing or unknown classes."""
    counts = np.bincount(labels, minlength=classes)
    wrong = [f"no row of class {label}" for label in np.flatnonzero(counts[:classes] == 0)]
    wrong += [f"rows of class {label}" for label in np.flatnonzero(counts[classes:]) + classes]
    if wrong:
        more = f" and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
        raise UserError(
            f"{cause} {', '.join(wrong[:NAMED])}{more}: "
            f"each of {classes} classes, and no other, must have rows"
        )


def _features(x: NDArray[Any], rows: Ints, categorical: tuple[int, ...]) -> Features:
    """Return features of rows; a number that is missing is the median of its column."""
    values = x[rows]
    if values.dtype.kind == "f" and (gaps := np.isnan(values)).any():
        values[gaps] = np.broadcast_to(np.nanmedian(values, axis=0), values.shape)[gaps]
    return Features(values, categorical)


def _relative(weights: Floats, labels: Ints) -> Floats:
    """Scale weights to mean 1; raise UserError unless all are positive, in float32 too."""
    if weights.shape != labels.shape:
        raise UserError(
            f"{weights.shape} weights were given to {len(labels)} training rows: return one per row"
        )
    with np.errstate(all="ignore"):
        relative: Floats = weights / weights.mean()
        right = np.isfinite(weights) & (weights > 0)
        if right.all():
            right = np.isfinite(relative) & (relative.astype(np.float32) > 0)
    if not right.all():
        raise UserError(
            f"a training row of class {labels[~right][0]} weighs {weights[~right][0]}: weights "
            "must be positive, finite, and not so far apart that the smallest becomes zero"
        )
    return relative
