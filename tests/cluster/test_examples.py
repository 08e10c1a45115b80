"""The ready files of examples/cluster: what they start, read as the programs themselves would."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from click import Command
from distributed.cli.dask_scheduler import main as scheduler
from distributed.cli.dask_worker import main as worker
from packaging.requirements import Requirement

from benchmark.cli.main import main as ours
from benchmark.workflows.execution.fork_server import KEPT_MEMORY, LARGE_BLOCK

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "cluster"
COMPOSE = yaml.safe_load((FOLDER / "compose.yaml").read_text())
KUBERNETES = list(yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text()))
DASK: dict[str, Command] = {"scheduler": scheduler, "worker": worker}


def check_dask(words: list[str]) -> None:
    """Read a command of Dask as it would, without running it."""
    assert words[0] == "dask"
    DASK[words[1]].make_context(words[1], words[2:])


def containers() -> list[dict[str, Any]]:
    [cluster] = [part for part in KUBERNETES if part["kind"] == "DaskCluster"]
    roles = (cluster["spec"]["worker"]["spec"], cluster["spec"]["scheduler"]["spec"])
    return [container for spec in roles for container in spec["containers"]]


def test_commands_of_dask_are_understood() -> None:
    for name in ("scheduler", "worker"):
        check_dask(shlex.split(COMPOSE["services"][name]["command"]))
    for container in containers():
        check_dask([str(word) for word in container["args"]])


def test_commands_of_ours_in_their_heads_are_understood() -> None:
    found = 0
    for file in FOLDER.iterdir():
        text = re.sub(r"\\\n#?\s*", "", file.read_text())
        for command in re.findall(r"python -m benchmark (.+)|slurm\.py (run .+)", text):
            words = shlex.split(command[0] or command[1])
            ours.commands[words[0]].make_context(words[0], words[1:])
            found += 1
    assert found == 3


def test_no_password_is_in_a_file_and_workers_get_it_by_their_environment() -> None:
    member = COMPOSE["services"]["worker"]["environment"]
    assert member["MLFLOW_TRACKING_PASSWORD"] == "${TRACKING_PASSWORD:?}"
    [work] = [container for container in containers() if container["name"] == "worker"]
    assert work["envFrom"] == [{"secretRef": {"name": "skewbench-tracking"}}]
    assert not [entry for entry in work["env"] if "PASSWORD" in entry["name"]]


def test_the_scheduler_is_reachable_by_none_from_outside() -> None:
    assert "ports" not in COMPOSE["services"]["scheduler"]
    for service in COMPOSE["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    [policy] = [part for part in KUBERNETES if part["kind"] == "NetworkPolicy"]
    assert policy["spec"]["podSelector"]["matchLabels"] == {"dask.org/cluster-name": "skewbench"}
    assert policy["spec"]["ingress"][0]["from"]


def test_workers_keep_as_much_memory_as_those_of_one_machine() -> None:
    kept = f"MALLOC_TRIM_THRESHOLD_={KEPT_MEMORY} MALLOC_MMAP_THRESHOLD_={LARGE_BLOCK}"
    for file in (FOLDER / "Dockerfile", FOLDER / "slurm.py", ROOT / "docs" / "cluster.md"):
        assert kept in file.read_text()


def test_versions_are_those_of_the_project() -> None:
    pinned = dict(
        line.split("==") for line in (ROOT / "requirements.txt").read_text().splitlines()
        if "==" in line and ";" not in line
    )  # fmt: skip
    dockerfile = (FOLDER / "Dockerfile").read_text()
    [mlflow] = [Requirement(text) for text in re.findall(r'"(mlflow\[[^"]+)"', dockerfile)]
    assert str(mlflow.specifier) == f"=={pinned['mlflow']}"


@pytest.mark.parametrize("service", ["tracking"])
def test_the_accounts_of_the_tracking_server_are_those_of_the_page(service: str) -> None:
    shell = COMPOSE["services"][service]["command"][-1]
    page = (ROOT / "docs" / "cluster.md").read_text()
    for line in ("default_permission = EDIT", "authenticate_request_basic_auth"):
        assert line in shell and line in page
