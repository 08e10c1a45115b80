"""A whole invocation on a small scale: from the command line to tracked runs and back."""

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import BAD_REQUEST

from benchmark.cli.main import main
from benchmark.results import leaderboard
from benchmark.tracking import tags
from benchmark.training import fit as fitting
from benchmark.training import loop
from tests import stores

Command = Callable[..., Result]


@pytest.fixture
def benchmark_run(store_uri: str) -> Command:
    """``run`` on the synthetic insurance data, 20 steps, in this process."""

    def invoke(
        *words: str, strategies: str = "none,threshold,logit_shift", seeds: int = 1
    ) -> Result:
        given = ["--task", "insurance", "--data", "synthetic", "--strategies", strategies]
        given += ["--seeds", str(seeds), "--steps", "20", "--workers", "0"]
        return CliRunner().invoke(main, ["run", *given, "--tracking", store_uri, *words])

    return invoke


@pytest.fixture
def other(tmp_path: Path, fresh_store: Path) -> str:
    """A second store, for comparison."""
    return f"sqlite:///{shutil.copy(fresh_store, tmp_path / 'other.db')}"


def runs(uri: str, kind: str = "cell") -> list[Run]:
    client = MlflowClient(uri)
    numbers = [experiment.experiment_id for experiment in client.search_experiments()]
    return stores.unfolded(client.search_runs(numbers, f"tags.`{tags.KIND}` = '{kind}'"))


def test_cells_that_differ_in_the_decision_share_one_training(
    benchmark_run: Command, untrained: list[int], store_uri: str
) -> None:
    result = benchmark_run()
    assert result.exit_code == 0, result.output
    tracked = {found.data.params["strategy"]: found for found in runs(store_uri)}
    assert set(tracked) == {"none", "threshold", "logit_shift"}
    assert untrained == [0]
    rankings = {found.data.metrics["test/average_precision"] for found in tracked.values()}
    assert len(rankings) == 1
    assert len({found.data.metrics["test/recall"] for found in tracked.values()}) > 1


def test_a_repetition_trains_nothing_and_more_seeds_only_what_is_new(
    benchmark_run: Command, untrained: list[int], store_uri: str
) -> None:
    benchmark_run(strategies="none")
    assert "trainings to go: 0" in benchmark_run(strategies="none").output
    benchmark_run(strategies="none,threshold")  # a new decision on an old training
    assert untrained == [0]
    benchmark_run(strategies="none,threshold", seeds=2)
    assert untrained == [0, 1]
    assert len(runs(store_uri)) == 4


OUTDATED = "made by older code"


def test_runs_that_an_older_harness_made_are_announced_and_run_again(
    benchmark_run: Command, untrained: list[int], store_uri: str
) -> None:
    assert OUTDATED not in benchmark_run(seeds=2).output
    client = MlflowClient(store_uri)
    for run in (*runs(store_uri), *runs(store_uri, "invocation")):
        for tag in (tags.CONDITIONS, tags.TRAINING, tags.CELL):
            client.set_tag(run.info.run_id, tag, "before")
    output = " ".join(benchmark_run(strategies="none,threshold").output.split())
    assert "2 runs in this store were made by older code; they are left out and run again" in output
    assert "runs planned: 2, done before: 0" in output
    assert untrained == [0, 1, 0]
    assert OUTDATED not in benchmark_run(strategies="none,threshold").output  # all is done
    output = " ".join(benchmark_run(strategies="none", seeds=2).output.split())
    assert "1 run in this store was made by older code; it is left out and run again" in output


def test_runs_that_a_strategys_older_code_made_are_announced_and_run_again(
    benchmark_run: Command, untrained: list[int], store_uri: str
) -> None:
    benchmark_run(strategies="none,threshold")
    client = MlflowClient(store_uri)
    for run in runs(store_uri):
        if run.data.params["strategy"] == "threshold":
            earlier = run.data.tags | dict.fromkeys((tags.CODE, tags.CELL), "before")
            client.set_tag(run.info.run_id, tags.DETAILS, tags.fold(earlier)[tags.DETAILS])
    output = " ".join(benchmark_run(strategies="none,threshold").output.split())
    assert "1 run in this store was made by older code" in output
    assert "runs planned: 2, done before: 1" in output
    [table] = leaderboard.leaderboards(store_uri, ["insurance"])
    assert table.counts()["finished"] == 2 and table.older == 1


def test_runs_of_another_budget_are_not_older_code(
    benchmark_run: Command, untrained: list[int]
) -> None:
    benchmark_run(strategies="none")
    assert OUTDATED not in benchmark_run("--steps", "30", strategies="none").output


@pytest.mark.usefixtures("untrained")
def test_a_decision_made_later_equals_one_made_at_once(
    benchmark_run: Command, store_uri: str, other: str
) -> None:
    benchmark_run(strategies="none")
    benchmark_run(strategies="threshold")
    benchmark_run("--tracking", other, strategies="none,threshold")
    later, at_once = (
        next(r.data.metrics for r in runs(uri) if r.data.params["strategy"] == "threshold")
        for uri in (store_uri, other)
    )
    tested = [name for name in at_once if name.startswith("test")]
    assert {name: later[name] for name in tested} == {name: at_once[name] for name in tested}


@pytest.mark.drawn
def test_a_run_says_what_it_is_and_keeps_what_it_found(
    benchmark_run: Command, store_uri: str
) -> None:
    benchmark_run(strategies="class_weight(positive=10)+threshold")
    [found] = runs(store_uri)
    client = MlflowClient(store_uri)
    assert found.info.status == "FINISHED"
    assert found.info.run_name == "class_weight(positive=10)+threshold · seed 0"
    assert {"strategy", "seed", "task", "settings", "steps", "batch"} <= set(found.data.params)
    for name in (tags.CELL, tags.TRAINING, tags.CONDITIONS, tags.DEVICE, tags.VERSIONS, tags.NOTE):
        assert found.data.tags[name]
    assert found.data.tags[tags.SOURCE] == "synthetic"
    assert "SYNTHETIC DATA" in found.data.tags[tags.NOTE]
    assert found.data.tags[tags.DONE] == "yes"
    assert found.inputs.dataset_inputs[0].dataset.name == "insurance"
    for name in ("test/f1", "test/f1_at_half", "test/f1_tuned", "test/brier", "test_last_step/f1"):
        assert name in found.data.metrics
    assert "system/cpu_utilization_percentage" in found.data.metrics
    assert [m.step for m in client.get_metric_history(found.info.run_id, "val/log_loss")][-1] == 20
    files = {item.path for item in client.list_artifacts(found.info.run_id, "figures")}
    assert files == {"figures/precision_recall.png"}


@pytest.mark.usefixtures("untrained")
@pytest.mark.drawn
def test_the_invocation_carries_plan_and_leaderboard(
    benchmark_run: Command, store_uri: str
) -> None:
    benchmark_run()
    [found] = runs(store_uri, "invocation")
    assert json.loads(found.data.tags[f"{tags.PLAN}.0"])["seeds"] == [1, 1, 1]
    assert "| threshold |" in found.data.tags[tags.NOTE]
    client = MlflowClient(store_uri)
    assert {item.path for item in client.list_artifacts(found.info.run_id)} == {
        "experiment.toml",
        "report.html",
        "leaderboard.md",
        "leaderboard.csv",
        "runs.csv",
    }
    experiment = client.get_experiment(found.info.experiment_id)
    assert experiment.name == "insurance"
    assert "SYNTHETIC DATA" in experiment.tags[tags.NOTE]


@pytest.mark.usefixtures("untrained")
def test_the_run_that_mlflow_opened_is_the_invocations(
    benchmark_run: Command, store_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = MlflowClient(store_uri)
    opened = client.create_run("0").info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", opened)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store_uri)
    assert benchmark_run(strategies="none").exit_code == 0
    assert [found.info.run_id for found in runs(store_uri, "invocation")] == [opened]
    [cell] = runs(store_uri)
    assert cell.data.tags[tags.INVOCATION] == opened
    assert client.get_run(opened).info.status == "RUNNING"  # MLflow ends what it began


@pytest.mark.usefixtures("untrained")
def test_a_failing_cell_is_failed_with_its_reason_and_the_others_finish(
    benchmark_run: Command, store_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = fitting.fit

    def fit(*args: Any) -> fitting.Fit:
        if args[0].seed == 1:
            raise loop.DivergedError("the loss was nan at step 7")
        return original(*args)

    monkeypatch.setattr(fitting, "fit", fit)
    result = benchmark_run(strategies="none", seeds=2)
    assert result.exit_code == 1
    assert "the loss was nan at step 7" in result.output
    states = {found.data.params["seed"]: found.info.status for found in runs(store_uri)}
    assert states == {"0": "FINISHED", "1": "FAILED"}
    [table] = leaderboard.leaderboards(store_uri, ["insurance"])
    assert table.counts() == {"planned": 2, "finished": 1, "failed": 1, "missing": 0}
    assert "the loss was nan at step 7" in set(table.runs["reason"])
    monkeypatch.setattr(fitting, "fit", original)
    assert benchmark_run(strategies="none", seeds=2).exit_code == 0
    [table] = leaderboard.leaderboards(store_uri, ["insurance"])
    assert table.counts()["finished"] == 2


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize(("refusals", "status"), [(2, 0), (3, 1)])
def test_data_that_another_worker_logs_at_the_same_moment_is_logged_again(
    refusals: int,
    status: int,
    benchmark_run: Command,
    store_uri: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refusal = MlflowException("UNIQUE constraint failed: datasets.digest", error_code=BAD_REQUEST)
    left = [refusal] * refusals
    original = MlflowClient.log_inputs

    def log_inputs(*args: Any) -> None:
        if left:
            raise left.pop()
        original(*args)

    monkeypatch.setattr(MlflowClient, "log_inputs", log_inputs)
    assert benchmark_run(strategies="none").exit_code == status
    [cell] = runs(store_uri)
    assert cell.info.status == ("FAILED" if status else "FINISHED")
    assert ("UNIQUE" in cell.data.tags.get(tags.ERROR, "")) == bool(status)


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_runs_as_killed_and_the_next_invocation_goes_on(
    number: signal.Signals, benchmark_run: Command, store_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = fitting.fit
    monkeypatch.setattr(fitting, "fit", lambda *args: os.kill(os.getpid(), number))
    result = benchmark_run(strategies="none")
    assert result.exit_code == 130
    assert "the same command goes on" in result.output
    ended = [
        found.info.status for kind in ("cell", "invocation") for found in runs(store_uri, kind)
    ]
    assert ended == ["KILLED", "KILLED"]
    monkeypatch.setattr(fitting, "fit", original)
    assert benchmark_run(strategies="none").exit_code == 0


@pytest.mark.usefixtures("untrained")
def test_a_reason_is_shown_as_it_is(
    benchmark_run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fit(*args: Any) -> fitting.Fit:
        raise loop.DivergedError("at [/job:worker/device:GPU:0] [bold]")

    monkeypatch.setattr(fitting, "fit", fit)
    result = benchmark_run(strategies="none")
    assert result.exit_code == 1
    assert "at [/job:worker/device:GPU:0] [bold]" in result.output


def test_lost_predictions_are_trained_again(
    benchmark_run: Command, untrained: list[int], store_uri: str, tmp_path: Path
) -> None:
    benchmark_run(strategies="none")
    [lost] = tmp_path.rglob("predictions.npz")
    lost.unlink()
    assert benchmark_run(strategies="threshold").exit_code == 0
    assert untrained == [0, 0]


@pytest.mark.usefixtures("untrained")
def test_a_deleted_run_is_missing_and_said(benchmark_run: Command, store_uri: str) -> None:
    benchmark_run()
    client = MlflowClient(store_uri)
    gone = next(r for r in runs(store_uri) if r.data.params["strategy"] == "threshold")
    client.delete_run(gone.info.run_id)
    [table] = leaderboard.leaderboards(store_uri, ["insurance"])
    assert table.counts() == {"planned": 3, "finished": 2, "failed": 0, "missing": 1}
    [missing] = table.runs[table.runs["state"] == "missing"].to_dict("records")
    assert (missing["label"], missing["seed"]) == ("threshold", 0)


def test_a_run_that_does_not_carry_the_completion_tag_is_run_again(
    benchmark_run: Command, untrained: list[int], store_uri: str
) -> None:
    benchmark_run(strategies="none")
    [found] = runs(store_uri)
    MlflowClient(store_uri).delete_tag(found.info.run_id, tags.DONE)
    benchmark_run(strategies="none")
    assert untrained == [0, 0]


@pytest.mark.usefixtures("untrained")
@pytest.mark.drawn
def test_leaderboard_command_writes_every_format(
    benchmark_run: Command, store_uri: str, tmp_path: Path
) -> None:
    benchmark_run(seeds=2)
    options = ("--output", "--html", "--csv", "--runs")
    paths = [tmp_path / f"made{option}" for option in options]
    words = [word for pair in zip(options, map(str, paths), strict=True) for word in pair]
    result = CliRunner().invoke(main, ["leaderboard", "--tracking", store_uri, *words])
    assert result.exit_code == 0, result.output
    text, page = paths[0].read_text(), paths[1].read_text()
    assert "## insurance: SYNTHETIC DATA" in text
    assert "planned 6 = finished 6 + failed 0 + missing 0" in text
    assert "skewbench run --task insurance" in text
    assert "SYNTHETIC DATA" in page and page.count('<script type="application/json">') == 1
    strategies, each_run = (pd.read_csv(path) for path in paths[2:])
    assert set(strategies["label"]) == {"none", "threshold", "logit_shift"}
    assert strategies["test/brier mean"].notna().all()
    assert len(each_run) == 6 and each_run["test/f1"].notna().all()


@pytest.mark.slow
def test_two_workers_give_what_one_process_gives_to_the_last_digit(
    benchmark_run: Command, store_uri: str, other: str
) -> None:
    strategies = "none,oversample+threshold"
    benchmark_run(strategies=strategies)
    result = benchmark_run("--tracking", other, "--workers", "2", strategies=strategies)
    assert result.exit_code == 0, result.output
    tables = []
    for uri in (store_uri, other):
        [table] = leaderboard.leaderboards(uri, ["insurance"])
        numbers = [name for name in table.runs if name.startswith("test")]
        tables.append(table.runs.sort_values("label")[["label", *numbers]].reset_index(drop=True))
    pd.testing.assert_frame_equal(tables[0], tables[1], check_exact=True)
