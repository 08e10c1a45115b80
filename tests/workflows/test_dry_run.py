"""The estimate of a run's time, from two short trainings on each worker."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmark.cli.main import main
from benchmark.protocol.grid import Training
from benchmark.workflows import dry_run
from benchmark.workflows.dry_run import Sample, estimate
from tests.tracking.conftest import make_training

STEPS = 10  # of the trainings below
SAMPLE = Sample(
    steps=(2, 6),
    first={"data": 3.0, "compilation": 5.0, "training": 2.0, "evaluation": 1.0},
    second={"data": 0.5, "compilation": 0.5, "training": 4.0, "evaluation": 1.0},
    opening=7.0,
    logging=1.0,
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
    sample = Sample((1, 1), {"training": 3.0}, {"training": 2.0}, 1.0, 0.5)
    assert sample.of_training(1) == pytest.approx(2.0)


def test_workers_share_the_trainings() -> None:
    fixed = SAMPLE.opening + SAMPLE.compilation + dry_run.CLOSING_SECONDS
    one = estimate(trainings(4), SAMPLE, 1)
    cells = sum(len(training.cells) for training in trainings(4))
    assert one == pytest.approx(
        fixed + 4 * SAMPLE.of_training(STEPS) + cells * (1.0 + dry_run.SECONDS_PER_RUN)
    )
    two = estimate(trainings(4), SAMPLE, 2)
    assert one - two == pytest.approx(2 * SAMPLE.of_training(STEPS) + cells * 0.5)
    assert estimate(trainings(1), SAMPLE, 8) == pytest.approx(estimate(trainings(1), SAMPLE, 1))


def test_each_loss_is_compiled() -> None:
    plain = [*trainings(2), *trainings(2, "oversample(ratio=1)")]
    focal = [*trainings(2), *trainings(2, "focal(gamma=2)")]
    more = estimate(focal, SAMPLE, 1) - estimate(plain, SAMPLE, 1)
    assert more == pytest.approx(SAMPLE.compilation)


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_a_dry_run_trains_on_all_workers_and_leaves_no_store(
    workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["run", "--task", "csv", "--data", "synthetic", "--settings", "model=logistic"]
    words += ["--strategies", "none,threshold", "--seeds", "4", "--workers", str(workers)]
    told = CliRunner().invoke(main, [*words, "--dry-run"])
    assert told.exit_code == 0, told.output
    assert "plan: 2 strategies x 4 seeds = 8 runs, 4 trainings to go" in told.output
    assert re.search(r"estimate: about \d+ (s|min) with \d worker", told.output)
    assert not list(tmp_path.iterdir())
