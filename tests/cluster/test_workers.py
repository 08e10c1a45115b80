"""Workers that fit, and workers that do not: each is named, and no run goes to one of these."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.cluster.conftest import READER, Cluster, write_points

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow

SIX = ["--strategies", "none,undersample,oversample,class_weight,focal,threshold", "--seeds", "3"]
FEW = ["--strategies", "none,threshold,class_weight", "--seeds", "2"]


def other_numpy(folder: Path) -> str:
    """A folder that makes Python believe that another NumPy is installed."""
    facts = folder / "numpy-2.3.5.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 2.3.5\n")
    return str(folder)


def edited(cluster: Cluster, host: str, folder: Path) -> dict[Path, Path]:
    """Mounts that give a host another class_weight, as if somebody had edited the file."""
    file = cluster.hosts[host].checkout / "strategies" / "weighting.py"
    folder.mkdir()
    changed = folder / "weighting.py"
    changed.write_text(
        file.read_text().replace("def class_weight", "EDITED = 1\n\n\ndef class_weight")
    )
    assert "EDITED" in changed.read_text()
    return {changed: file}


@pytest.mark.parametrize("task", ["insurance", "catsdogs"])
def test_the_same_table_as_on_one_machine(cluster: Cluster, task: str) -> None:
    real = ROOT.parent / "shared" / "data" / task
    words = ["--task", task, "--data", str(real) if real.is_dir() else "synthetic"]
    words += [*SIX, "--steps", "40"]
    cluster.start_scheduler()
    for name in ("one", "two"):
        cluster.start_worker(name, name, UNTRAINED="")
    began = time.monotonic()
    status, output = cluster.run(*words, UNTRAINED="")
    assert status == 0, output
    together = time.monotonic() - began
    bench = cluster.bench()
    bench.require_sound()
    assert len(bench.runs()) == len(bench.results()) == 6 * 3
    began = time.monotonic()
    assert bench.results() == cluster.alone(*words, UNTRAINED="")
    print(f"{output}\n{together:.0f} s; alone {time.monotonic() - began:.0f} s")
    status, output = cluster.run(*words, scheduler="tcp://10.255.255.1:1")  # nothing left to do
    assert status == 0 and "done before: 18" in output, output


def test_a_worker_that_does_not_fit_is_refused_by_name(cluster: Cluster, tmp_path: Path) -> None:
    cluster.start_scheduler()
    hosts, start = cluster.hosts, cluster.start_worker
    write_points(tmp_path / "points.npz", seed=1)
    here = cluster.data  # where the coordinator has them
    code, numpy = str(hosts["two"].checkout), other_numpy(tmp_path / "numpy")
    start("one", "good")
    start("two", "edited", mounts=edited(cluster, "two", tmp_path / "code"))
    start("two", "numpy", PYTHONPATH=f"{numpy}:{code}")
    start("two", "no-data", SKEWBENCH_DATA="")
    start("three", "other-data", mounts={tmp_path: here.parent}, SKEWBENCH_DATA="")
    reader = {"MLFLOW_TRACKING_USERNAME": "reader", "MLFLOW_TRACKING_PASSWORD": READER}
    start("three", "reader", **reader)
    start("three", "stranger", MLFLOW_TRACKING_PASSWORD="wrong")
    cluster.start_bare_worker("three", "no-code")
    start("three", "small", "--memory-limit", "500MB")
    expected = {
        "edited": "other code of strategies.weighting",
        "numpy": "numpy 2.3.5 instead of",
        "no-data": f"the data is not at {here}",
        "other-data": f"{here} has another content here",
        "reader": "artifacts cannot be written",
        "stranger": "cannot be reached",
        "no-code": "its code lacks benchmark",
        "small": "a memory limit of 0.5 GB",
    }
    process = cluster.start("--strategies", "slow(seconds=2),none,class_weight", "--seeds", "4")
    for name in expected:
        cluster.wait_until_said(f"refused worker {name}: ")
    status, output = cluster.finish(process)
    assert status == 0, output
    for name, reason in expected.items():
        [line] = [line for line in output.splitlines() if line.startswith(f"refused worker {name}")]
        assert reason in line
    assert "worker good (" in output
    bench = cluster.bench()
    assert len(bench.runs()) == len(bench.results()) == 12
    bench.require_sound()


def test_where_no_worker_fits_no_run_is_opened(cluster: Cluster) -> None:
    cluster.start_scheduler()
    cluster.start_worker("one", "no-data", SKEWBENCH_DATA="")
    status, output = cluster.run(*FEW)
    assert status == 2
    last = output.splitlines()[-1]
    assert last.startswith(
        f"error: no worker of {cluster.scheduler} can be used: no-data: the data"
    )
    assert not cluster.bench().runs() and not cluster.bench().runs("invocation")


def test_code_is_shipped_to_workers_that_have_none(cluster: Cluster) -> None:
    cluster.start_scheduler()
    cluster.start_bare_worker("one", "bare")
    status, output = cluster.run(*FEW, "--ship-code", "yes")
    assert status == 0, output
    assert len(cluster.bench().results()) == 6
    cluster.bench().require_sound()
