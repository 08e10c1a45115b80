"""The learning-rate range test, on losses made by hand and on a small task."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from mlflow import MlflowClient

from benchmark.cli.main import main
from benchmark.protocol.arrays import Floats
from benchmark.protocol.errors import UserError
from benchmark.workflows import lr_range_test

pytestmark = pytest.mark.drawn

RATES = np.geomspace(lr_range_test.LOW, lr_range_test.HIGH, 300)


def losses(knee: float = 1e-3, diverges: float = 0.3, noise: float = 0.01) -> Floats:
    """Fall from 2.3 to 0.3 around the knee, and rise where they diverge."""
    rng = np.random.default_rng(0)
    fall = 2 / (1 + (RATES / knee) ** 1.5)
    rise = np.exp(np.minimum(80, np.maximum(0, 3 * np.log(RATES / diverges))))
    return np.asarray(0.3 + fall + rise - 1 + noise * rng.normal(size=300), np.float64)


@pytest.mark.parametrize("knee", [1e-4, 1e-3, 1e-2])
def test_the_suggestion_lies_where_the_fall_is_done(knee: float) -> None:
    found = lr_range_test.read_losses("CPU", 32, RATES, losses(knee))
    assert found.steepest == pytest.approx(knee, rel=0.6)
    done = knee * 19 ** (1 / 1.5)  # where 95 % of the fall is done
    assert found.settled == pytest.approx(done, rel=0.5)
    assert found.diverged == pytest.approx(0.35, rel=0.4)
    assert len(found.rates) == len(found.losses) == len(found.smoothed) < 300


def test_a_loss_that_is_not_finite_ends_the_test() -> None:
    values = losses(diverges=1e9)
    assert lr_range_test.read_losses("CPU", 32, RATES, values).diverged is None
    values[250:] = np.nan
    found = lr_range_test.read_losses("CPU", 32, RATES, values)
    assert len(found.rates) == 250
    assert found.diverged == pytest.approx(RATES[250])
    assert np.isfinite(found.smoothed).all()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.full(300, np.nan), "the loss is nan after 0 steps"),
        (np.linspace(1, 1.4, 300), "the loss never fell"),
    ],
)
def test_losses_that_say_nothing_are_refused(values: Floats, words: str) -> None:
    with pytest.raises(UserError, match=words):
        lr_range_test.read_losses("CPU", 32, RATES, values)


def test_lr_tells_a_rate_draws_it_and_tracks_it(store_uri: str, tmp_path: Path) -> None:
    image = tmp_path / "rates.svg"
    words = ["lr", "insurance", "--data", "synthetic", "--steps", "120"]
    shown = CliRunner().invoke(main, [*words, "--tracking", store_uri, "--output", str(image)])
    assert shown.exit_code == 0, shown.output
    rate = float(shown.output.split("about ")[1].split(",")[0])
    assert 2e-4 < rate < 5e-2
    assert "Learning-rate range test" in image.read_text()
    client = MlflowClient(store_uri)
    [run] = client.search_runs([e.experiment_id for e in client.search_experiments()])
    assert run.info.status == "FINISHED"
    assert run.data.tags["mlflow.note.content"] in shown.output
    assert {one.path for one in client.list_artifacts(run.info.run_id)} == {"rates.md", "rates.png"}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--steps", "5"], "5 steps are too few for a range test"),
        (["--steps", "many"], "--steps must be a whole number"),
        (["--strategy", "mixup"], "strategy 'mixup' needs images"),
        (["--strategy", "focl"], "did you mean 'focal'?"),
    ],
)
def test_what_cannot_be_tested_is_one_line(
    words: list[str], complaint: str, store_uri: str
) -> None:
    command = ["lr", "insurance", "--data", "synthetic", "--tracking", store_uri, *words]
    shown = CliRunner().invoke(main, command)
    assert shown.exit_code == 2
    [error] = [line for line in shown.output.splitlines() if not line.endswith(" ...")]
    assert error.startswith("error: ") and complaint in error
