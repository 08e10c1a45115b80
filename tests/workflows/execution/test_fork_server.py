"""Local workers are forked from a process that has imported what takes seconds."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import Client

from benchmark.workflows.execution import cluster, fork_server

pytestmark = pytest.mark.skipif(not fork_server.AVAILABLE, reason="Linux alone")
SET_LATER = "SKEWBENCH_TEST_SET_AFTER_THE_START"


@pytest.fixture(scope="module")
def worker() -> Iterator[Client]:
    fork_server.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SET_LATER, "yes")
        with cluster.engine(1) as client:
            assert client is not None
            yield client


@pytest.mark.parametrize("library", ["tensorflow", "keras", "mlflow"])
def test_a_worker_finds_slow_imports_done(worker: Client, library: str) -> None:
    assert worker.submit(lambda: library in sys.modules).result()


@pytest.mark.parametrize("name", list(fork_server.ENVIRONMENT))
def test_a_worker_started_with_its_environment(worker: Client, name: str) -> None:
    """Not only in `os.environ`: what was there when the process of all workers began."""

    def first() -> str:
        lines = Path(f"/proc/{os.getppid()}/environ").read_text().split("\0")
        return dict(line.split("=", 1) for line in lines if line)[name]

    assert worker.submit(first).result() == fork_server.ENVIRONMENT[name]


def test_a_worker_sees_what_was_set_later(worker: Client) -> None:
    assert worker.submit(lambda: os.environ[SET_LATER]).result() == "yes"


def test_this_process_keeps_its_own_environment() -> None:
    before = dict(os.environ)
    fork_server.start()
    assert dict(os.environ) == before
