"""The run of an invocation: its plan, its end, and the run that MLflow opened for it."""

import dataclasses
import time
from typing import Any

import pytest
from matplotlib.figure import Figure
from mlflow import MlflowClient

from benchmark.protocol.grid import Plan
from benchmark.tracking import cells, invocation, tags
from benchmark.tracking.records import read_runs
from benchmark.tracking.store import Store
from tests.tracking.conftest import CONDITIONS, get_run, make_plan, make_training, tag


def start_cell(store: Store) -> str:
    training = make_training("none")
    return cells.start(store, training, training.cells[0], 1)


def test_a_plan_reads_back_however_long_it_is(opened: Store) -> None:
    strategies = [(f"focal(gamma={n})" + " " * 500, f"focal {n}", "v1") for n in range(40)]
    plan = Plan(CONDITIONS, strategies, (3,) * 40, race=True)
    store = invocation.start_invocation(opened, plan)
    invocation.replan(store, dataclasses.replace(plan, seeds=(5,) * 20 + (3,) * 20))
    [record] = read_runs(opened.uri, "invocation")
    assert f"{tags.PLAN}.2" in record.tags
    read = invocation.plan_of(record)
    assert (read.strategies, read.seeds, read.race) == (strategies, [5] * 20 + [3] * 20, True)


@pytest.fixture
def opened_by_mlflow(opened: Store, monkeypatch: pytest.MonkeyPatch) -> str:
    """Id of the run that ``mlflow run`` opened."""
    run_id = str(MlflowClient(opened.uri).create_run("0").info.run_id)
    monkeypatch.setenv("MLFLOW_RUN_ID", run_id)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", opened.uri)
    return run_id


def test_the_run_that_mlflow_opened_is_taken_and_left_open(
    opened: Store, opened_by_mlflow: str
) -> None:
    store = invocation.start_invocation(opened, make_plan("none"))
    assert store.invocation == opened_by_mlflow
    assert tag(store, opened_by_mlflow, tags.KIND) == "invocation"
    invocation.end(store, "FINISHED")
    assert get_run(store, opened_by_mlflow).info.status == "RUNNING"
    invocation.end(store, "KILLED")
    assert get_run(store, opened_by_mlflow).info.status == "KILLED"


def test_a_run_of_another_store_is_not_taken(
    opened: Store, opened_by_mlflow: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    assert invocation.start_invocation(opened, make_plan("none")).invocation != opened_by_mlflow


def test_a_long_note_ends_with_a_whole_line_and_says_so(store: Store) -> None:
    note = "\n".join(f"line {number:05}" for number in range(2000))
    invocation.describe(store, note, {"leaderboard.md": note})
    written = tag(store, store.invocation, tags.NOTE)
    assert written.endswith("\n\n(shortened: see the artifacts)")
    assert written.splitlines()[-3].startswith("line 0") and len(written) < 8000
    experiment = MlflowClient(store.uri).get_experiment(store.experiment)
    assert experiment.tags[tags.NOTE] == written
    [file] = MlflowClient(store.uri).list_artifacts(store.invocation)
    assert (file.path, file.file_size) == ("leaderboard.md", len(note))


def test_a_cancelled_invocation_is_none(store: Store) -> None:
    invocation.cancel(store)
    assert get_run(store, store.invocation).info.status == "KILLED"
    assert not list(read_runs(store.uri, "invocation"))


def test_unfinished_runs_of_this_invocation_alone_are_ended(opened: Store) -> None:
    one, two = (invocation.start_invocation(opened, make_plan("none")) for _ in range(2))
    mine, other = start_cell(one), start_cell(two)
    invocation.end_unfinished(one, "FAILED", "its worker was lost")
    assert get_run(one, mine).info.status == "FAILED"
    assert tag(one, mine, tags.ERROR) == "its worker was lost"
    assert get_run(two, other).info.status == "RUNNING"


def test_abort_ends_everything(store: Store) -> None:
    run_id = start_cell(store)
    invocation.abort(store, "KILLED", "stopped by hand")
    assert {get_run(store, one).info.status for one in (run_id, store.invocation)} == {"KILLED"}


def test_abort_does_not_wait_for_a_store_that_is_away(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise ConnectionError("away")

    for call in ("search_runs", "search_experiments"):
        monkeypatch.setattr(MlflowClient, call, away)
    monkeypatch.setattr(invocation, "SHORT_PATIENCE", 0.2)
    began = time.monotonic()
    invocation.abort(store, "KILLED", "stopped by hand")
    assert time.monotonic() - began < 5


def test_a_study_is_a_finished_run_with_its_files(opened: Store) -> None:
    run_id = invocation.log_study(opened, "weights", "# The answer", {"weights.md": "# The answer"})
    run = get_run(opened, run_id)
    assert (run.info.status, run.info.run_name) == ("FINISHED", "study: weights")
    assert (run.data.tags[tags.KIND], run.data.tags[tags.NOTE]) == ("study", "# The answer")
    [file] = MlflowClient(opened.uri).list_artifacts(run_id)
    assert file.path == "weights.md"


def test_figures_are_a_finished_run_with_a_page(opened: Store) -> None:
    figures = {"classes": Figure(), "images": Figure()}
    run_id = invocation.log_figures(opened, "inspection", "inspection of it", "# It", figures)
    run = get_run(opened, run_id)
    assert (run.info.status, run.info.run_name) == ("FINISHED", "inspection of it")
    files = {item.path for item in MlflowClient(opened.uri).list_artifacts(run_id)}
    assert files == {"inspection.md", "classes.png", "images.png"}
