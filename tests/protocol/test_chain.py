"""Joining strategies: what `+` does to every slot, against doing it by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.calibration import Calibration
from benchmark.protocol.chain import chain
from benchmark.protocol.errors import UserError
from benchmark.protocol.strategy import (
    NONE,
    Features,
    Priors,
    Resampling,
    Strategy,
    changed,
)

LABELS = np.array([0, 1, 0, 2, 0, 1])
VALUES = np.arange(6.0)[:, None] * [1, 10]  # row r is (r, 10 r): rows can be told apart
EXAMPLE = Features(VALUES, (1,))
PRIORS = Priors(training=np.array([0.5, 0.5]), population=np.array([0.9, 0.1]))
SLOTS = ("resample", "weigh", "loss", "bias", "calibrate", "threshold")

Seen = list[tuple[Any, ...]]


def resampler(
    pick: Callable[[int], Any], make: float | None = None, log: Seen | None = None
) -> Strategy:
    """Trains on rows `pick(number of rows, made ones included)`.

    With `make`, it first makes two rows of class 1 out of its first two rows.
    """

    def resample(
        labels: Ints, features: Callable[[], Features], rng: np.random.Generator
    ) -> Resampling:
        if log is not None:
            seen = features()
            log.append((labels.tolist(), seen.values[:, 0].tolist(), seen.categorical))
        if make is None:
            return Resampling(np.array(pick(len(labels))))
        made = np.add(features().values[:2], [make, 10 * make])
        return Resampling(np.array(pick(len(labels) + 2)), made, np.array([1, 1]))

    return Strategy(resample=resample)


def resampled(*parts: Strategy) -> tuple[list[float], list[int]]:
    """First column and labels of the rows that the joined parts train on."""
    drawn = chain(*parts).resample(LABELS, lambda: EXAMPLE, np.random.default_rng(0))
    values = drawn.take(VALUES, drawn.generated)
    assert values[:, 1].tolist() == (values[:, 0] * 10).tolist()  # whole rows were taken
    return values[:, 0].tolist(), drawn.take(LABELS, drawn.generated_labels).tolist()


FIRST_FOUR = resampler(lambda rows: range(4))
REVERSED = resampler(lambda rows: range(rows)[::-1])
MAKES_HALVES = resampler(lambda rows: range(rows), make=0.5)
MAKES_TENS = resampler(lambda rows: range(rows), make=10.0)
LAST_THREE = resampler(lambda rows: range(rows)[-3:])


@pytest.mark.parametrize(
    ("parts", "values", "labels"),
    [
        ([FIRST_FOUR], [0, 1, 2, 3], [0, 1, 0, 2]),
        ([FIRST_FOUR, REVERSED], [3, 2, 1, 0], [2, 0, 1, 0]),
        ([REVERSED, FIRST_FOUR], [5, 4, 3, 2], [1, 0, 2, 0]),
        ([FIRST_FOUR, MAKES_HALVES], [0, 1, 2, 3, 0.5, 1.5], [0, 1, 0, 2, 1, 1]),
        ([MAKES_HALVES, LAST_THREE], [5, 0.5, 1.5], [1, 1, 1]),
        # the second maker starts from what the first left: the reversed made rows
        (
            [FIRST_FOUR, MAKES_HALVES, REVERSED, MAKES_TENS],
            [1.5, 0.5, 3, 2, 1, 0, 11.5, 10.5],
            [1, 1, 2, 0, 1, 0, 1, 1],
        ),
        ([MAKES_HALVES, LAST_THREE, MAKES_TENS], [5, 0.5, 1.5, 15, 10.5], [1] * 5),
        ([MAKES_HALVES, MAKES_TENS, LAST_THREE], [1.5, 10, 11], [1, 1, 1]),
        ([LAST_THREE, NONE, MAKES_HALVES, REVERSED], [4.5, 3.5, 5, 4, 3], [1, 1, 1, 0, 2]),
    ],
)
def test_resamplers_run_in_order_each_on_what_the_one_before_it_gave(
    parts: list[Strategy], values: list[float], labels: list[int]
) -> None:
    assert resampled(*parts) == (values, labels)


def test_a_later_resampler_sees_resampled_labels_features_and_the_category_columns() -> None:
    log: Seen = []
    spy = resampler(lambda rows: range(rows), log=log)
    joined = chain(MAKES_HALVES, LAST_THREE, spy)
    joined.resample(LABELS, lambda: EXAMPLE, np.random.default_rng(0))
    assert log == [([1, 1, 1], [5, 0.5, 1.5], (1,))]


def test_features_are_not_touched_by_resamplers_that_need_only_labels() -> None:
    def unavailable() -> Features:
        raise AssertionError("features were asked for")

    drawn = chain(FIRST_FOUR, REVERSED).resample(LABELS, unavailable, np.random.default_rng(0))
    assert drawn.rows.tolist() == [3, 2, 1, 0]
    assert drawn.generated is None
    assert drawn.generated_labels is None


def test_resamplers_share_one_stream_of_random_numbers() -> None:
    part = Strategy(resample=lambda labels, features, rng: Resampling(rng.permutation(6)))
    drawn = chain(part, part).resample(LABELS, lambda: EXAMPLE, np.random.default_rng(7))
    rng = np.random.default_rng(7)
    first = rng.permutation(6)
    assert drawn.rows.tolist() == first[rng.permutation(6)].tolist()


def test_weights_multiply() -> None:
    per_class = [np.array([1.0, 2, 3]), np.array([5.0, 7, 11]), np.array([1.0, 0.5, 2])]
    parts = [Strategy(weigh=lambda labels, classes, w=w: w[labels]) for w in per_class]
    weights = chain(parts[0], NONE, *parts[1:]).weigh(LABELS, 3)
    assert weights.tolist() == [5, 7, 5, 66, 5, 7]


def calibration(fit: Callable[[Floats], Calibration]) -> Strategy:
    """Fitted to the mean of the validation logits."""
    return Strategy(calibrate=lambda logits, labels, priors: fit(logits.mean(axis=0)))


DOUBLED = calibration(lambda mean: Calibration(np.zeros(2), 2.0))
CENTRED = calibration(lambda mean: Calibration(-mean))
RAISED = calibration(lambda mean: Calibration(np.ones(2)))


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([DOUBLED, RAISED], [[1, 21]]),
        ([RAISED, DOUBLED], [[2, 22]]),
        # fitted on the doubled validation logits, whose mean is (4, 6)
        ([DOUBLED, CENTRED], [[-4, 14]]),
        ([CENTRED, DOUBLED], [[-4, 14]]),
        ([RAISED, CENTRED, DOUBLED], [[-4, 14]]),
        ([CENTRED, DOUBLED, RAISED], [[-3, 15]]),
    ],
)
def test_calibrations_are_fitted_and_applied_in_order(
    parts: list[Strategy], expected: list[list[float]]
) -> None:
    validation = np.array([[1.0, 2.0], [3.0, 4.0]])
    calibrate = chain(*parts).calibrate(validation, np.array([0, 1]), PRIORS)
    assert calibrate(np.array([[0.0, 10.0]])).tolist() == expected


def test_each_of_what_is_joined_is_handed_all_that_one_alone_is_handed() -> None:
    seen: Seen = []

    def weigh(labels: Ints, classes: int) -> Floats:
        seen.append((labels.tolist(), classes))
        return np.ones(len(labels))

    def calibrate(logits: Floats, labels: Ints, priors: Priors) -> Calibration:
        seen.append((labels.tolist(), priors))
        return Calibration(np.zeros(2))

    part = Strategy(weigh=weigh, calibrate=calibrate)
    joined = chain(part, part, part)
    joined.weigh(LABELS, 3)
    assert seen == [(LABELS.tolist(), 3)] * 3
    seen.clear()
    joined.calibrate(np.array([[1.0, 2.0]]), np.array([1]), PRIORS)
    assert seen == [([1], PRIORS)] * 3


@pytest.mark.parametrize(
    ("slot", "plural"),
    [("loss", "losses"), ("bias", "initial biases"), ("threshold", "decision thresholds")],
)
def test_two_of_what_there_can_be_one_of_are_refused(slot: str, plural: str) -> None:
    part = Strategy(**{slot: lambda *values: values})
    with pytest.raises(UserError, match=f"two {plural} cannot be joined"):
        chain(part, NONE, part)
    assert getattr(chain(NONE, part), slot) is getattr(part, slot)


def test_needs_add_up() -> None:
    parts = [Strategy(needs=frozenset({need})) for need in ("binary", "table")]
    assert chain(*parts, NONE).needs == {"binary", "table"}


@pytest.mark.parametrize("joined", [chain(), chain(NONE), chain(NONE, NONE)])
def test_nothing_joined_changes_nothing(joined: Strategy) -> None:
    assert joined == NONE
    assert not changed(joined, SLOTS)


@pytest.mark.parametrize("slot", SLOTS)
def test_a_filled_slot_is_told_from_the_default(slot: str) -> None:
    part = Strategy(**{slot: lambda *values: values})
    assert [name for name in SLOTS if changed(chain(part, NONE), [name])] == [slot]


def test_the_defaults_do_nothing() -> None:
    logits, labels = np.array([[1.0, -2.0]]), np.array([1])
    drawn = NONE.resample(LABELS, lambda: EXAMPLE, np.random.default_rng(0))
    assert drawn.take(VALUES, drawn.generated).tolist() == VALUES.tolist()
    assert NONE.weigh(LABELS, 3).tolist() == [1] * 6
    assert NONE.bias(np.array([0.9, 0.1])).tolist() == [0, 0]
    assert NONE.calibrate(logits, labels, PRIORS)(logits).tolist() == logits.tolist()
    assert NONE.threshold(logits, labels).tolist() == [0, 0]
