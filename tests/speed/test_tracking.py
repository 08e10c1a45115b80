"""What a run costs the store, and what a leaderboard costs the reader."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from benchmark.cli.main import main
from benchmark.metrics import classification
from benchmark.protocol.strategy import NONE, OutputLayer, Priors
from benchmark.results import leaderboard
from benchmark.tracking import cells
from benchmark.tracking import store as tracking
from benchmark.training import predictions as fit_files
from benchmark.training import score as scoring
from benchmark.training.predictions import Fit, Predictions
from tests.stores import add_seeds, multiply

pytestmark = pytest.mark.drawn

Often = Callable[..., Any]
ROWS = 15_000  # of the insurance task's test split


def predictions(seed: int) -> Predictions:
    rng = np.random.default_rng(seed)
    labels = (rng.random(ROWS) < 0.12).astype(np.int64)
    scores = rng.normal(size=ROWS) + 2 * labels - 2
    logits = np.stack([np.zeros(ROWS), scores], axis=1).astype(np.float32).astype(np.float64)
    return Predictions(np.arange(ROWS), labels, logits, logits + 0.1, np.ones(ROWS))


FIT = Fit(
    validation=predictions(0),
    test=predictions(1),
    outputs=dict.fromkeys(("best", "last"), OutputLayer(np.array([3.0, 2.0]), np.zeros(2))),
    priors=Priors(np.array([0.88, 0.12]), np.array([0.88, 0.12])),
    trained_rows=70_000,
    class_rows=np.array([61_400, 8_600]),
    best_step=2000,
    seconds={"training": 1.0},
    compiled=True,
    device="CPU: none",
    curves={
        "train/loss": [(step, 0.5) for step in range(50)],
        "val/average_precision": [(step, 0.5) for step in range(10)],
        "val/log_loss": [(step, 0.5) for step in range(10)],
    },
)


def test_measures_of_one_cell(often: Often, benchmark: Any) -> None:
    benchmark.group = f"scores of {ROWS:,} test rows"
    often(scoring.score, NONE, FIT)


def test_measures_at_one_look(often: Often, benchmark: Any) -> None:
    benchmark.group = f"scores of {ROWS:,} test rows"
    part = FIT.validation
    often(classification.average_precision, part.labels, part.best, part.weights)


@pytest.fixture
def store(store_uri: str) -> tracking.Store:
    return tracking.open_store(store_uri, "speed")


ENDED = 1_800_000_000_000  # milliseconds
GROUP = "one run: 54 measures, 70 points of curves, predictions"


@pytest.mark.benchmark(group=GROUP)
def test_log_a_run(often: Often, store: tracking.Store) -> None:
    score, client = scoring.score(NONE, FIT), tracking.client_of(store.uri)

    def log() -> None:
        run_id = client.create_run(store.experiment, tags={}).info.run_id
        cells.complete(store, cells.CellResult(run_id, ENDED, FIT, score, []))

    often(log)


@pytest.mark.benchmark(group=GROUP)
def test_log_a_run_one_by_one(often: Often, store_uri: str, tmp_path: Path) -> None:
    """As MLflow's tutorials do."""
    import mlflow

    score = scoring.score(NONE, FIT)
    mlflow.set_tracking_uri(store_uri)

    def log() -> None:
        with mlflow.start_run():
            for name, value in score.metrics.items():
                mlflow.log_metric(name, value)
            for name, curve in FIT.curves.items():
                for step, value in curve:
                    mlflow.log_metric(name, value, step)
            (tmp_path / "predictions.npz").write_bytes(fit_files.to_bytes(FIT))
            mlflow.log_artifact(str(tmp_path / "predictions.npz"))

    often(log)


@pytest.fixture(scope="module")
def tracked(fresh_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with four real runs of a tiny benchmark."""
    path = tmp_path_factory.mktemp("tracked") / "mlflow.db"
    shutil.copy(fresh_store, path)
    words = ["run", "--task", "insurance", "--data", "stand-in", "--strategies", "none,threshold"]
    words += ["--seeds", "2", "--steps", "20", "--workers", "0", "--tracking", f"sqlite:///{path}"]
    assert CliRunner().invoke(main, words).exit_code == 0
    return path


@pytest.mark.parametrize("runs", [1_000, 10_000])
def test_leaderboard(
    runs: int, often: Often, benchmark: Any, tracked: Path, tmp_path: Path
) -> None:
    benchmark.group = "leaderboard"
    path = Path(shutil.copy(tracked, tmp_path / "mlflow.db"))
    multiply(path, runs)
    [table] = often(leaderboard.leaderboards, f"sqlite:///{path}", ["insurance"])
    assert table.counts()["finished"] == runs


def test_resume_a_thousand_finished_runs(
    often: Often, fresh_store: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """From the request to the verdict, in this process: nothing is trained."""
    uri = f"sqlite:///{shutil.copy(fresh_store, tmp_path_factory.mktemp('first') / 'mlflow.db')}"
    words = ["run", "--task", "insurance", "--data", "stand-in", "--strategies", "none,threshold"]
    words += ["--steps", "20", "--workers", "0", "--tracking", uri, "--seeds"]
    assert CliRunner().invoke(main, [*words, "1"]).exit_code == 0
    add_seeds(uri, 500)
    done = often(CliRunner().invoke, main, [*words, "500"])
    assert "done before: 1000, trainings to go: 0" in done.stderr
