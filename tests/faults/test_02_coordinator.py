"""Rows 2, 3 and 10: the coordinator is killed or stopped, or there are two."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import psutil
import pytest

from benchmark.tracking import tags
from tests.faults.harness import Bench, finish, group, started, wait_for, workers

pytestmark = pytest.mark.slow

GRID = ["--strategies", "none,threshold,slow(seconds=1)", "--seeds", "2", "--workers"]


@pytest.fixture(scope="session")
def clean(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, float]]:
    """What GRID gives if nothing happens, in one process."""
    folder = tmp_path_factory.mktemp("clean")
    bench = Bench(checkout, folder, f"sqlite:///{folder}/mlflow.db")
    status, output = bench.run(*GRID, "0")
    assert status == 0, output
    assert len(bench.results()) == 6
    return bench.results()


def test_02_a_killed_coordinator_leaves_no_process_and_the_next_one_goes_on(
    bench: Bench, clean: dict[str, dict[str, float]]
) -> None:
    with started(bench.start(*GRID, "2")) as first:
        wait_for(lambda: bench.marks("begun") and workers(first.pid))
        first.kill()
        wait_for(lambda: not group(first.pid), 15)
    assert bench.statuses()["RUNNING"] and bench.statuses("invocation")["RUNNING"]
    status, output = bench.run(*GRID, "2")
    assert status == 0, output
    assert "runs left by a benchmark that was killed" in output
    assert bench.results() == clean
    bench.require_sound()
    assert bench.statuses("invocation") == {"KILLED": 1, "FINISHED": 1}


def test_02_a_coordinator_killed_at_random_moments(
    bench: Bench, tmp_path: Path, full: bool
) -> None:
    # as much work as no luck gets done between the kills; more workers sleep sooner
    moments, seeds, nap = (20, 40, 15) if full else (2, 6, 10)
    strategies = f"none,threshold,oversample,slow(seconds={nap})"
    grid = ["--strategies", strategies, "--seeds", str(seeds)]
    two, four = [*grid, "--workers", "2"], [*grid, "--workers", "4"]
    chance = random.Random(2)
    kills = 0
    while kills < moments:
        with started(bench.start(*two)) as process:
            try:
                process.wait(chance.uniform(1, 2 * nap))
            except Exception:
                process.kill()
                kills += 1
                wait_for(lambda number=process.pid: not group(number), 15)
            else:
                break
    status, output = bench.run(*four, seconds=900)
    assert status == 0, output
    undisturbed = Bench(bench.checkout, bench.folder, f"sqlite:///{tmp_path}/clean.db")
    status, output = undisturbed.run(*four, seconds=900)
    assert status == 0, output
    assert kills == moments
    assert len(bench.results()) == 4 * seeds
    assert bench.results() == undisturbed.results()
    bench.require_sound()
    bench.require_no_metric_twice()
    print(f"kills {kills}, {bench.statuses()}, {bench.statuses('invocation')}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_03_a_signal_ends_all_within_ten_seconds(number: signal.Signals, bench: Bench) -> None:
    words = ["--strategies", "slow(seconds=60),none", "--seeds", "1", "--workers", "2"]
    with started(bench.start(*words)) as process:
        wait_for(lambda: bench.marks("begun"))
        begun = time.monotonic()
        if number == signal.SIGINT:
            os.killpg(process.pid, number)  # as a terminal does
        else:
            process.send_signal(number)
        status, output = finish(process)
        assert time.monotonic() - begun < 10
    assert status == 130, output
    assert "the same command goes on where this one ended" in output
    assert "Traceback" not in output
    bench.require_sound()
    assert bench.statuses("invocation") == {"KILLED": 1}
    assert not group(process.pid)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_03_under_mlflow_run(number: signal.Signals, bench: Bench) -> None:
    words = ["strategies=slow(seconds=60)", "task=toy", "seeds=1", "workers=1", "steps=20"]
    command = ["mlflow", "run", ".", "--env-manager=local"]
    command += [part for word in words for part in ("-P", word)]
    with started(bench.program(*command, MLFLOW_TRACKING_URI=bench.uri)) as process:
        wait_for(lambda: bench.marks("begun"))
        begun = time.monotonic()
        if number == signal.SIGINT:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        _, output = finish(process)
        wait_for(lambda: not group(process.pid), 10)
        assert time.monotonic() - begun < 10
    assert "the same command goes on where this one ended" in output
    bench.require_sound()
    assert bench.statuses() == {"KILLED": 1}
    # where it lives on, MLflow 3.17 takes a KILLED run for a RUNNING one and fails it
    ended = "FAILED" if number == signal.SIGINT else "KILLED"
    assert bench.statuses("invocation") == {ended: 1}


def test_10_a_second_coordinator_on_the_same_plan_is_refused(bench: Bench) -> None:
    words = ["--strategies", "slow(seconds=60)", "--seeds", "1", "--workers", "1"]
    with started(bench.start(*words)) as first:
        wait_for(lambda: bench.marks("begun"))
        status, output = bench.run(*words)
        assert status == 2, output
        assert f"process {first.pid}" in output.splitlines()[-1]
        assert "another benchmark with this task" in output.splitlines()[-1]
        [live] = bench.runs()
        assert live.info.status == "RUNNING"
        [invocation] = bench.runs("invocation")
        assert invocation.data.tags[tags.CONDITIONS] == live.data.tags[tags.CONDITIONS]
        assert psutil.pid_exists(first.pid)
