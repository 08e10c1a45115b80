"""Rows 1 and 4: a worker dies or hangs, a cell ends in an odd way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.results import leaderboard
from benchmark.tracking import tags
from benchmark.tracking.history import WORKER_DIED
from benchmark.workflows.execution.time_limit import STATUS
from tests.faults.conftest import ROOT
from tests.faults.harness import Bench, finish, started, wait_for, workers


def ends(bench: Bench, strategy: str) -> list[tuple[str, str]]:
    """Status and reason of each attempt at a strategy, at seed 0."""
    found = [
        run
        for run in bench.runs()
        if run.data.params.get("strategy") == strategy and run.data.tags[tags.SEED] == "0"
    ]
    return [
        (run.info.status, run.data.tags.get(tags.ERROR, ""))
        for run in sorted(found, key=lambda run: run.data.tags[tags.ATTEMPT])
    ]


def thrice(reason: str, others: str = "KILLED") -> list[tuple[str, str]]:
    """Three attempts that came to nothing."""
    return [(others if n < 3 else "FAILED", f"{reason} (attempt {n} of 3)") for n in (1, 2, 3)]


@pytest.mark.slow
def test_01_04_odd_ends_of_workers_and_cells_stop_no_other_and_are_never_finished(
    bench: Bench,
) -> None:
    odd = ["trouble(kill)", "trouble(sys_exit)", "trouble", "late(sys_exit)"]
    strategies = ",".join([*odd, "none"])
    status, output = bench.run("--strategies", strategies, "--seeds", "2", "--workers", "2")
    assert status == 1, output
    assert "5 runs failed" in output
    bench.require_sound()
    assert bench.statuses()["FINISHED"] == 10 - 5
    assert bench.marks("kill") == 3
    assert ends(bench, "trouble(kill)") == thrice(WORKER_DIED)
    [table] = leaderboard.leaderboards(bench.uri, ["toy"])
    assert table.counts() == {"planned": 10, "finished": 5, "failed": 5, "missing": 0}
    reasons = " ".join(table.runs["reason"])
    for said in (WORKER_DIED, "SystemExit: 0", "ValueError: trouble was asked for"):
        assert said in reasons


@pytest.mark.slow
def test_01_a_training_that_always_hangs_is_given_up(bench: Bench) -> None:
    strategies = "trouble(hang),none,trouble(os_exit,seed=1,times=2)"
    words = ["--strategies", strategies, "--seeds", "2", "--workers", "2", "--timeout", "10"]
    status, output = bench.run(*words, seconds=300)
    assert status == 1, output
    assert "1 runs failed" in output
    bench.require_sound()
    assert (bench.marks("hang"), bench.marks("os_exit")) == (3, 2)
    late = "timeout: its training took longer than 10 s"
    assert ends(bench, "trouble(hang)") == thrice(late, others="FAILED")


@pytest.mark.slow
def test_01_code_that_lets_no_thread_run_is_ended_all_the_same(bench: Bench) -> None:
    words = ["--strategies", "trouble(hold),none", "--seeds", "1", "--workers", "2"]
    status, output = bench.run(*words, "--timeout", "5", seconds=300)
    assert status == 1, output
    bench.require_sound()
    assert bench.marks("hold") == 3
    assert ends(bench, "trouble(hold)") == thrice(WORKER_DIED)


LIMITED = """
import time
from benchmark.workflows.execution.time_limit import limit
with limit(60, lambda: print("never said")):
    pass
with limit(0.2, lambda: print("last words", flush=True)):
    time.sleep(60)
"""


def test_01_a_limit_ends_the_process_after_its_last_words() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", LIMITED], cwd=ROOT, capture_output=True, text=True
    )
    assert (ended.returncode, ended.stdout) == (STATUS, "last words\n")


def test_01_a_time_limit_needs_a_worker(bench: Bench) -> None:
    status, output = bench.run("--workers", "0", "--timeout", "5")
    assert status == 2
    assert "error: --timeout ends the worker that takes too long" in output
    assert not Path(bench.uri.removeprefix("sqlite:///")).with_name("mlruns").exists()


@pytest.mark.slow
def test_01_memory_that_is_not_there_is_a_reason(bench: Bench) -> None:
    words = ["--strategies", "trouble(memory),none", "--seeds", "1", "--workers", "1"]
    status, _ = bench.run(*words)
    assert status == 1
    [(ended, reason)] = ends(bench, "trouble(memory)")
    assert ended == "FAILED"
    assert "Unable to allocate" in reason


@pytest.mark.slow
def test_01_a_worker_killed_while_it_starts_is_replaced(bench: Bench) -> None:
    with started(bench.start("--strategies", "none", "--seeds", "2", "--workers", "1")) as process:
        for _ in range(3):
            wait_for(lambda: workers(process.pid))[0].kill()
            wait_for(lambda: not workers(process.pid))
        status, output = finish(process)
    assert status == 0, output
    assert len(bench.results()) == 2
