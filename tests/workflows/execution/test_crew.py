"""Jobs of a crew, on a Dask cluster within this process: late workers, losses, a dead scheduler."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest
from distributed import LocalCluster, get_worker

from benchmark.protocol.errors import UserError
from benchmark.tracking.store import Store
from benchmark.workflows.execution import connection, crew, examiner, stopping
from benchmark.workflows.execution.crew import Crew
from tests.workflows.execution.test_roster import FACTS

STORE = Store("http://nowhere", "1", {}, "invocation")


@dataclass(frozen=True)
class Required:
    """What `look` needs to know."""

    store: Store


refused: set[str] = set()  # names of workers
gate = threading.Event()  # jobs named "wait" wait for it


def look(required: Any) -> Any:
    """A preflight that knows the names of those it refuses."""
    name = str(get_worker().name)
    objections = ("other code of everything",) if name in refused else ()
    return replace(FACTS, name=name, objections=objections)


def work(job: str, gpu: int, number: str) -> str:
    if job == "fail":
        raise ValueError("a bug")
    if job == "wait":
        gate.wait(30)
    if job == "train":
        return train()
    return f"{job} by {get_worker().name}"


def train() -> str:
    """A training without an end, but with steps."""
    try:
        with stopping.stoppable(STORE.invocation):
            while True:
                stopping.check(STORE.invocation)
                time.sleep(0.05)
    except stopping.StoppedError:
        return "stopped"


class Words:
    """Jobs that are words."""

    def __init__(self, *words: str) -> None:
        self.words = list(words)

    def left(self) -> int | None:
        return len(self.words) or None

    def take(self, loaded: str | None) -> str:
        return self.words.pop(0)

    def give_back(self, job: str) -> None:
        self.words.append(job)

    def call(self, job: str) -> Callable[[int, str], str]:
        return partial(work, job)


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalCluster]:
    """A cluster without workers."""
    monkeypatch.setattr(examiner, "examine", look)
    monkeypatch.setattr(connection, "POLL_SECONDS", 0.1)
    monkeypatch.setattr(crew, "POLL_SECONDS", 0.1)
    monkeypatch.setattr(crew, "NOBODY_SECONDS", 0.5)
    refused.clear()
    gate.clear()
    options: dict[str, Any] = {"processes": False, "protocol": "tcp", "host": "127.0.0.1"}
    with LocalCluster(n_workers=0, threads_per_worker=1, dashboard_address=None, **options) as made:
        yield made
        gate.set()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def made(local: LocalCluster, said: list[str]) -> Iterator[Crew]:
    """A crew of it, which says what happens into `said`."""
    required: Any = Required(STORE)
    opened = Crew(local.scheduler_address, required, said.append)
    yield opened
    opened.close()


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def wait_until_a_job_has_begun(local: LocalCluster) -> None:
    wait_for(lambda: any(worker.processing for worker in local.scheduler.workers.values()))


@contextmanager
def meanwhile(happen: Callable[[], None]) -> Iterator[None]:
    """Let something happen while the block runs; its errors are those of the block."""
    with ThreadPoolExecutor(1) as pool:
        happened = pool.submit(happen)
        yield
        happened.result()


def test_jobs_are_done_once_by_all_that_pass(
    local: LocalCluster, made: Crew, said: list[str]
) -> None:
    refused.add("1")
    local.scale(3)
    made.assemble(9)
    results = dict(made.work(Words(*"abcdefgh", "fail"), STORE))
    assert isinstance(results.pop("fail"), ValueError)
    assert set(results) == set("abcdefgh")
    assert {name.split(" by ")[1] for name in results.values()} <= {"0", "2"}
    assert "refused worker 1: other code of everything" in said


def test_where_none_passes_it_ends_in_one_line(local: LocalCluster, made: Crew) -> None:
    refused.update("01")
    local.scale(2)
    with pytest.raises(UserError, match=r"no worker of tcp.* can be used: . ?.*other code"):
        made.assemble(1)


def test_without_workers_it_says_so_and_waits_for_late_ones(
    local: LocalCluster, made: Crew, said: list[str]
) -> None:
    threading.Timer(2, local.scale, [1]).start()
    made.assemble(1)
    assert said[0] == f"no worker at {local.scheduler_address}: waiting for one (Ctrl-C ends)"
    assert said[1].startswith("worker 0 (CPU")
    assert len(said) == 2  # said once in that time


def test_a_job_that_is_lost_with_its_worker_is_done_by_a_late_one(
    local: LocalCluster, made: Crew, said: list[str]
) -> None:
    local.scale(1)
    made.assemble(2)

    def lose_worker() -> None:
        wait_until_a_job_has_begun(local)
        [address] = local.scheduler.workers
        how = {"stimulus_id": "x", "close": False, "expected": True}
        local.sync(local.scheduler.remove_worker, address, **how)
        local.scale(2)
        gate.set()

    with meanwhile(lose_worker):
        results = dict(made.work(Words("wait", "a"), STORE))
    assert set(results) == {"wait", "a"}
    assert "worker 0 left" in said


def test_a_cluster_that_adapts_starts_workers_for_the_jobs(local: LocalCluster, made: Crew) -> None:
    local.adapt(minimum=0, maximum=2, interval="100 ms", target_duration="1 s")
    made.assemble(50)
    results = dict(made.work(Words(*map(str, range(50))), STORE))
    assert len(results) == 50


@pytest.mark.slow
def test_a_scheduler_that_is_gone_ends_it_in_one_line(
    local: LocalCluster, made: Crew, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LOST_SECONDS", 1.0)
    monkeypatch.setattr(connection, "CONNECT_SECONDS", 0.5)
    local.scale(1)
    made.assemble(1)
    jobs = made.work(Words("a", "wait"), STORE)
    assert next(jobs)[0] == "a"
    threading.Thread(target=local.close).start()
    with pytest.raises(UserError, match=r"the scheduler at .* has not answered for 1 s: when it"):
        list(jobs)
    assert any("does not answer: waiting for it" in line for line in said)
    gate.set()


def test_whoever_breaks_off_leaves_no_training(
    local: LocalCluster, made: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopping, "_stopped", set())
    local.scale(2)
    made.assemble(2)
    jobs = made.work(Words("train", "a"), STORE)
    assert next(jobs)[0] == "a"
    assert stopping._running[STORE.invocation] == 1
    jobs.close()  # type: ignore[attr-defined]
    assert stopping._running[STORE.invocation] == 0


def test_a_connection_that_comes_back_loses_no_job(
    local: LocalCluster, made: Crew, said: list[str]
) -> None:
    local.scale(1)
    made.assemble(2)

    def lose_connection() -> None:
        wait_until_a_job_has_begun(local)
        made._connection.client.close()
        wait_for(lambda: "the scheduler answers again" in said)
        gate.set()

    with meanwhile(lose_connection):
        results = dict(made.work(Words("wait", "a"), STORE))
    assert set(results) == {"wait", "a"}
    assert any("does not answer" in line for line in said)
