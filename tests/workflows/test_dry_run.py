"""The estimate of a run's time, from two short trainings."""

from dataclasses import replace

import pytest

from benchmark.protocol.grid import Training
from benchmark.workflows import dry_run
from benchmark.workflows.dry_run import Sample, estimate
from tests.tracking.conftest import make_training

STEPS = 10  # of the trainings below
SAMPLE = Sample(
    steps=(2, 6),
    first={"data": 3.0, "compilation": 5.0, "training": 2.0, "evaluation": 1.0, "logging": 2.0},
    second={"data": 0.5, "compilation": 0.5, "training": 4.0, "evaluation": 1.0, "logging": 1.0},
)


def trainings(number: int, strategy: str = "none") -> list[Training]:
    return [replace(make_training("none"), strategy=strategy) for _ in range(number)]


def test_a_step_costs_what_the_longer_training_took_more() -> None:
    # four steps took two seconds more; what does not depend on steps is paid once
    assert SAMPLE.of_training(STEPS) == pytest.approx(0.5 + 1.0 + 4.0 + 4 * 0.5)


def test_trainings_of_nearly_as_many_steps_are_not_told_apart() -> None:
    close = replace(SAMPLE, steps=(5, 6))
    assert close.of_training(12) == pytest.approx(0.5 + 1.0 + 4.0 + 6 * 4.0 / 6)


def test_of_a_model_that_is_fitted_at_once_a_training_is_as_long_as_the_last() -> None:
    sample = Sample((1, 1), {"training": 3.0}, {"training": 2.0, "logging": 0.5})
    assert sample.of_training(1) == pytest.approx(2.0)


def test_workers_share_the_trainings_but_each_starts() -> None:
    fixed = dry_run.OPENING_SECONDS + SAMPLE.data + SAMPLE.compilation + dry_run.CLOSING_SECONDS
    one = estimate(trainings(4), SAMPLE, 1)
    cells = sum(len(training.cells) for training in trainings(4))
    assert one == pytest.approx(
        fixed + 4 * SAMPLE.of_training(STEPS) + cells * (1.0 + dry_run.SECONDS_PER_RUN)
    )
    two = estimate(trainings(4), SAMPLE, 2)  # beside each other they take longer
    saved = (4 - 2 * dry_run.SHARED) * SAMPLE.of_training(STEPS)
    assert one - two == pytest.approx(saved + cells * 0.5)
    assert estimate(trainings(1), SAMPLE, 8) == pytest.approx(estimate(trainings(1), SAMPLE, 1))


def test_each_loss_is_compiled() -> None:
    plain = [*trainings(2), *trainings(2, "oversample(ratio=1)")]
    focal = [*trainings(2), *trainings(2, "focal(gamma=2)")]
    more = estimate(focal, SAMPLE, 1) - estimate(plain, SAMPLE, 1)
    assert more == pytest.approx(SAMPLE.compilation)
