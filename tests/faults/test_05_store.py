"""Rows 5, 6, 9, 11 and 18: a store that refuses, races, is full, forgets or is large."""

from __future__ import annotations

import multiprocessing
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import TEMPORARILY_UNAVAILABLE

from benchmark.results import leaderboard
from benchmark.tracking import retry, tags
from benchmark.tracking import store as tracking
from tests.faults.conftest import Here
from tests.faults.harness import finish
from tests.stores import add_seeds, file_of, multiply

REFUSE = """CREATE TRIGGER refuse BEFORE INSERT ON metrics
WHEN NEW.key = 'test/brier' AND EXISTS (
    SELECT 1 FROM params WHERE run_uuid = NEW.run_uuid AND key = 'strategy' AND value = 'oversample'
) BEGIN SELECT RAISE(ABORT, 'this measure is refused'); END"""


def execute(uri: str, statement: str) -> None:
    database = sqlite3.connect(file_of(uri))
    database.execute(statement)
    database.commit()
    database.close()


@pytest.mark.slow
def test_05_a_write_that_is_always_refused_fails_that_run_alone(here: Here) -> None:
    execute(here.bench.uri, REFUSE)
    result = here.run("none,oversample")
    assert result.exit_code == 1, result.output
    here.bench.require_sound()
    [failed] = [run for run in here.bench.runs() if run.info.status == "FAILED"]
    assert failed.data.params["strategy"] == "oversample"
    assert "this measure is refused" in failed.data.tags[tags.ERROR]
    assert len(here.bench.results()) == 1
    execute(here.bench.uri, "DROP TRIGGER refuse")
    assert here.run("none,oversample").exit_code == 0
    assert len(here.bench.results()) == 2


@pytest.mark.slow
@pytest.mark.parametrize("call", ["log_batch", "log_inputs", "log_artifacts", "get_run"])
def test_05_a_store_that_falters_is_asked_again(
    call: str, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    faltered: list[int] = []
    original = getattr(MlflowClient, call)

    def falter(*given: Any, **named: Any) -> Any:
        if len(faltered) < 4:
            faltered.append(1)
            raise MlflowException("database is locked", error_code=TEMPORARILY_UNAVAILABLE)
        return original(*given, **named)

    monkeypatch.setattr(MlflowClient, call, falter)
    result = here.run("none")
    assert result.exit_code == 0, result.output
    assert len(faltered) == 4
    here.bench.require_sound()
    here.bench.require_no_metric_twice()


def test_05_what_the_store_loses_without_a_word_is_noticed(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MlflowClient, "log_artifacts", lambda *given: None)
    assert here.run("none").exit_code == 1
    here.bench.require_sound()
    [failed] = here.bench.runs()
    assert "the store did not keep predictions.npz" in failed.data.tags[tags.ERROR]


def test_05_a_store_that_answers_all_but_one_call_fails_the_run(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*given: Any, **named: Any) -> None:
        raise MlflowException("no")

    monkeypatch.setattr(MlflowClient, "log_artifacts", never)
    monkeypatch.setattr(retry, "PATIENCE", 1.0)
    assert here.run("none").exit_code == 1
    [failed] = here.bench.runs()
    assert failed.info.status == "FAILED"


def _wait(barrier: Any) -> None:
    global _barrier
    _barrier = barrier
    tracking.preload()


def _open(uri: str) -> str:
    _barrier.wait(60)
    store = tracking.open_store(uri, "toy")
    return str(tracking.client_of(uri).create_run(store.experiment, tags={}).info.run_id)


@pytest.mark.slow
@pytest.mark.parametrize("starters", [2, 8])
def test_06_starters_on_a_fresh_store(starters: int, tmp_path: Path, full: bool) -> None:
    repeats = 1 if starters == 2 else 20 if full else 4
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(starters)
    with ProcessPoolExecutor(starters, context, _wait, (barrier,)) as pool:
        for repeat in range(repeats):
            uri = f"sqlite:///{tmp_path}/{repeat}.db"
            runs = list(pool.map(_open, [uri] * starters))
            assert len(set(runs)) == starters
            assert len(MlflowClient(uri).search_experiments()) == 2  # MLflow's own and toy


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of 12 MB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no small disk can be mounted here: that takes root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.slow
@pytest.mark.drawn
@pytest.mark.parametrize("left", [40_000, 0, 200_000])
def test_09_a_full_disk_is_named_and_the_benchmark_goes_on_when_there_is_room(
    left: int, here: Here, small_disk: Path
) -> None:
    shutil.copy(file_of(here.bench.uri), small_disk / "mlflow.db")
    uri = f"sqlite:///{small_disk}/mlflow.db"
    full = Here(replace(here.bench, uri=uri), uri, here.trained)
    assert full.run("none").exit_code == 0
    before = full.bench.results()
    filler = small_disk / "filler"
    fill(filler, left)
    result = full.run("none", seeds=4)
    assert result.exit_code == 2, result.output
    last = result.output.splitlines()[-1]
    assert last.startswith("error: no space is left for the tracking store")
    assert "Traceback" not in result.output
    database = sqlite3.connect(small_disk / "mlflow.db")
    assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    database.close()
    assert before.items() <= full.bench.results().items()
    filler.unlink()
    result = full.run("none", seeds=4)
    assert result.exit_code == 0, result.output
    assert len(full.bench.results()) == 4
    full.bench.require_sound()
    full.bench.require_no_metric_twice()
    assert here.run("none", seeds=4).exit_code == 0
    assert sorted(map(str, full.bench.results().values())) == sorted(
        map(str, here.bench.results().values())
    )


def fill(path: Path, left: int) -> None:
    """Writes a file until the disk has only `left` bytes free."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            file.truncate(max(0, file.tell() - left))


@pytest.mark.parametrize("name", ["predictions.npz", "figures/precision_recall.png"])
def test_11_a_done_run_that_lost_an_artifact_is_run_again(name: str, here: Here) -> None:
    assert here.run("none", seeds=2).exit_code == 0
    before = here.bench.results()
    damaged = next(run for run in here.bench.runs() if run.data.tags[tags.SEED] == "1")
    [lost] = here.bench.folder.glob(f"mlruns/**/{damaged.info.run_id}/artifacts/{name}")
    lost.unlink()
    result = here.run("none", seeds=2)
    assert result.exit_code == 0, result.output
    assert "runs whose artifacts the store has lost, to be run again: 1" in result.output
    assert here.bench.results() == before  # each done once
    again = MlflowClient(here.bench.uri).get_run(damaged.info.run_id)
    assert again.info.status == "FAILED"
    assert again.data.tags[tags.ERROR] == f"the store has lost its {name}"
    assert here.trained == [0, 1, 1]


def test_11_a_run_finished_by_another_hand_does_not_count(here: Here) -> None:
    assert here.run("none").exit_code == 0
    client = MlflowClient(here.bench.uri)
    [run] = here.bench.runs()
    client.delete_tag(run.info.run_id, tags.DONE)
    [table] = leaderboard.leaderboards(here.bench.uri, ["insurance"])
    assert table.counts() == {"planned": 1, "finished": 0, "failed": 0, "missing": 1}
    assert here.run("none").exit_code == 0
    assert here.trained == [0, 0]
    assert len(here.bench.results()) == 1


@pytest.mark.slow
def test_18_more_than_a_thousand_runs_are_all_counted(here: Here, full: bool) -> None:
    many = 10_000 if full else 1100
    assert here.run("none,threshold").exit_code == 0
    multiply(file_of(here.bench.uri), many)
    [table] = leaderboard.leaderboards(here.bench.uri, ["insurance"])
    assert table.counts()["finished"] == many
    assert len(here.bench.results()) == many


@pytest.mark.slow
def test_18_a_complete_benchmark_of_a_thousand_runs_resumes_without_training(here: Here) -> None:
    words = ["run", "--task", "insurance", "--data", "stand-in", "--strategies", "none,threshold"]
    words += ["--steps", "20", "--workers", "2", "--tracking", here.bench.uri, "--seeds"]
    assert here.run("none,threshold").exit_code == 0
    add_seeds(here.bench.uri, 500)
    status, output = finish(here.bench.program(sys.executable, "-m", "benchmark", *words, "500"))
    assert status == 0, output
    assert "runs planned: 1000, done before: 1000, trainings to go: 0" in output
