"""Benchmarks in processes of their own, and what a store holds after them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from mlflow import MlflowClient
from mlflow.entities import Run

from benchmark.tracking import tags
from tests import stores

FORK_SERVER = "multiprocessing.forkserver"  # in the command of it and of its children
PATIENT = 120  # seconds that a test waits for what takes a few


@dataclass(frozen=True)
class Bench:
    """A checkout with a toy task and strategies that misbehave, and a store."""

    checkout: Path
    folder: Path
    uri: str
    environment: Mapping[str, str] = field(default_factory=dict)

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        """Starts `run` on the toy task, in a process group of its own."""
        command = [sys.executable, "-m", "benchmark", "run", "--task", "toy", "--steps", "20"]
        return self.program(*command, *words, "--tracking", self.uri, **environment)

    def program(self, *command: str, **environment: str) -> subprocess.Popen[str]:
        """Starts any command in the checkout."""
        return subprocess.Popen(
            command,
            cwd=self.checkout,
            env={
                **os.environ,
                "MISCHIEF": str(self.folder),
                "SKEWBENCH_CACHE": str(self.folder / "cache"),
                **self.environment,
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *words: str, seconds: float = PATIENT, **environment: str) -> tuple[int, str]:
        """Exit status and output of a whole `run`."""
        return finish(self.start(*words, **environment), seconds)

    def runs(self, kind: str = "cell") -> list[Run]:
        """All runs of a kind that the store holds."""
        client = MlflowClient(self.uri)
        numbers = [experiment.experiment_id for experiment in client.search_experiments()]
        found: list[Run] = []
        token = None
        while True:
            page = client.search_runs(numbers, f"tags.`{tags.KIND}` = '{kind}'", page_token=token)
            found += stores.unfolded(page)
            token = page.token
            if not token:
                return found

    def results(self) -> dict[str, dict[str, float]]:
        """Cell -> its measures on test. A cell that is done twice is an error."""
        done = [run for run in self.runs() if run.data.tags.get(tags.DONE) == "yes"]
        [*twice] = (c for c, n in Counter(r.data.tags[tags.CELL] for r in done).items() if n > 1)
        assert not twice
        return {
            run.data.tags[tags.CELL]: {
                name: value for name, value in run.data.metrics.items() if name.startswith("test")
            }
            for run in done
        }

    def statuses(self, kind: str = "cell") -> Counter[str]:
        """How many runs have which status."""
        return Counter(run.info.status for run in self.runs(kind))

    def marks(self, name: str) -> int:
        """How often a strategy that misbehaves has got to that."""
        return len(list(self.folder.glob(f"{name}-*")))

    def require_sound(self) -> None:
        """No run is FINISHED that is not done, done that is not FINISHED, or left RUNNING."""
        for run in self.runs():
            assert (run.info.status == "FINISHED") == (run.data.tags.get(tags.DONE) == "yes")
            assert run.info.status != "RUNNING"
            if run.info.status != "FINISHED":
                assert run.data.tags[tags.ERROR]
        assert "RUNNING" not in self.statuses("invocation")

    def require_no_metric_twice(self) -> None:
        """Every measure of a done run has one value, every point of a curve one."""
        client = MlflowClient(self.uri)
        for run in self.runs():
            for name in run.data.metrics:
                if not name.startswith("system"):
                    steps = [m.step for m in client.get_metric_history(run.info.run_id, name)]
                    assert len(steps) == len(set(steps)), name


def finish(process: subprocess.Popen[str], seconds: float = PATIENT) -> tuple[int, str]:
    """Exit status and output of a process."""
    try:
        output, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        end_group(process)
        output, _ = process.communicate()
        raise AssertionError(f"still running after {seconds} s:\n{output}") from None
    return process.returncode, output


def end_group(process: subprocess.Popen[str]) -> None:
    """Kills a process with all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def wait_for(condition: Callable[[], Any], seconds: float = PATIENT) -> Any:
    """Waits until the condition holds; returns what it said."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if said := condition():
            return said
        time.sleep(0.1)
    raise AssertionError(f"waited {seconds} s in vain")


def workers(coordinator: int) -> list[psutil.Process]:
    """Worker processes of a coordinator."""
    try:
        children = psutil.Process(coordinator).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return [child for child in children if _is_worker(child)]


def _is_worker(process: psutil.Process) -> bool:
    try:
        words, parent = " ".join(process.cmdline()), process.parent()
        if FORK_SERVER in words:  # the server itself is a child of the coordinator
            return parent is not None and FORK_SERVER in " ".join(parent.cmdline())
        return "spawn_main" in words or words.startswith("dask worker")  # where setproctitle is
    except psutil.Error:
        return False


def group(number: int) -> list[psutil.Process]:
    """Living processes of a process group or session: those of a `Bench.start`."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == number and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, ProcessLookupError):
            continue
    return found


@contextmanager
def started(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """Sees to it that nothing of a process is left behind."""
    try:
        yield process
    finally:
        end_group(process)
        process.communicate()
