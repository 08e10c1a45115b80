"""What is lost while a cluster works: nothing is lost of the results, and nothing is done twice."""

from __future__ import annotations

import signal
import time

import pytest

from tests.cluster.conftest import Cluster
from tests.faults.harness import end_group, wait_for

pytestmark = pytest.mark.slow

GRID = ["--strategies", "slow(seconds=4),threshold,class_weight", "--seeds", "2"]
CUT = 35  # seconds: Dask gives a silent connection up after 30


def require_complete(cluster: Cluster, grid: list[str] = GRID) -> None:
    """Every run of a grid of six is done once, and has the numbers of a run on one machine."""
    bench = cluster.bench()
    bench.require_sound()
    results = bench.results()  # none twice
    assert len(results) == 6
    assert results == cluster.alone(*grid)


def test_a_cluster_without_workers_says_so_and_goes_on_with_late_ones(cluster: Cluster) -> None:
    cluster.start_scheduler()
    process = cluster.start(*GRID)
    nobody = f"no worker at {cluster.scheduler}: waiting for one"
    cluster.wait_until_said(nobody)
    assert not cluster.bench().runs("invocation")
    first = cluster.start_worker("one", "first", "--no-nanny")
    cluster.wait_until_begun()
    end_group(first)
    cluster.wait_until_said("worker first left")
    wait_for(lambda: cluster.said().count(nobody) == 2, 15)
    cluster.start_worker("two", "second")
    status, output = cluster.finish(process)
    assert status == 0, output
    require_complete(cluster)
    ended = [run.info.status for run in cluster.bench().runs()]
    assert ended.count("KILLED") == 1 and ended.count("FINISHED") == 6


def test_a_worker_whose_walltime_ends_is_followed_by_another(cluster: Cluster) -> None:
    cluster.start_scheduler()
    grid = ["--strategies", "slow(seconds=25),threshold", "--seeds", "3"]
    process = cluster.start(*grid)
    cluster.start_worker("one", "short", "--lifetime", "60s")
    cluster.wait_until_begun()
    cluster.wait_until_said("worker short left")
    cluster.start_worker("two", "second")
    status, output = cluster.finish(process)
    assert status == 0, output
    require_complete(cluster, grid)


def test_a_dead_scheduler_ends_in_one_line_and_the_same_command_goes_on(cluster: Cluster) -> None:
    scheduler = cluster.start_scheduler()
    cluster.start_worker("one", "one")
    process = cluster.start(*GRID)
    cluster.wait_until_begun()
    end_group(scheduler)
    cluster.wait_until_said(f"the scheduler at {cluster.scheduler} does not answer")
    status, output = cluster.finish(process)
    assert status == 2 and "Traceback" not in output, output
    assert output.splitlines()[-1].startswith(
        f"error: the scheduler at {cluster.scheduler} has not"
    )
    assert cluster.bench().statuses("invocation") == {"FAILED": 1}
    cluster.hosts["one"].end()
    cluster.start_scheduler()
    cluster.start_worker("two", "two")
    status, output = cluster.run(*GRID)
    assert status == 0, output
    require_complete(cluster)


def test_a_killed_coordinator_is_followed_by_the_next(cluster: Cluster) -> None:
    cluster.start_scheduler()
    cluster.start_worker("one", "one")
    # long enough to be under way when the next one starts
    grid = ["--strategies", "slow(seconds=25),threshold,class_weight", "--seeds", "2"]
    first = cluster.start(*grid)
    cluster.wait_until_begun()
    end_group(first)
    second = cluster.start(*grid, log="second.log")
    status, output = cluster.finish(second, "second.log")
    assert status == 0, output
    assert "runs left by a benchmark that was killed" in output
    require_complete(cluster, grid)


def test_ctrl_c_leaves_no_training_on_the_cluster(cluster: Cluster) -> None:
    cluster.start_scheduler()
    cluster.start_worker("one", "one")
    process = cluster.start("--strategies", "slow(seconds=300),none", "--seeds", "1")
    cluster.wait_until_begun()
    process.send_signal(signal.SIGINT)
    begun = time.monotonic()
    status, output = cluster.finish(process)
    assert status == 130 and "Traceback" not in output, output
    assert time.monotonic() - begun < 20
    assert cluster.bench().statuses("invocation") == {"KILLED": 1}
    cluster.bench().require_sound()
    # its process could not be stopped at a step: it was ended, and its nanny starts another
    wait_for(lambda: "restart" in cluster.worker_log("one").lower(), 30)
    status, output = cluster.run("--strategies", "none", "--seeds", "1")
    assert status == 0, output


@pytest.mark.parametrize("cut", ["desk", "one"])
def test_a_cable_that_is_cut_loses_nothing(cluster: Cluster, cut: str) -> None:
    cluster.start_scheduler()
    cluster.start_worker("one", "one")
    process = cluster.start(*GRID)
    cluster.wait_until_begun()
    cluster.hosts[cut].cut()
    time.sleep(CUT)
    cluster.hosts[cut].join()
    status, output = cluster.finish(process)
    assert status == 0, output
    if cut == "desk":
        assert "does not answer" in output and "answers again" in output
    require_complete(cluster)


def test_two_coordinators_share_the_workers_or_one_is_refused(cluster: Cluster) -> None:
    cluster.start_scheduler()
    cluster.start_worker("one", "one")
    cluster.start_worker("two", "two")
    first = cluster.start(*GRID)
    cluster.wait_until_begun()
    status, output = cluster.run(*GRID)
    assert status == 2
    assert "another benchmark with this task" in output.splitlines()[-1]
    status, output = cluster.run(
        "--strategies", "none", "--seeds", "2", "--settings", "prevalence=0.2"
    )
    assert status == 0, output
    status, output = cluster.finish(first)
    assert status == 0, output
    assert len(cluster.bench().results()) == 6 + 2
    cluster.bench().require_sound()
