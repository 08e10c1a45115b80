"""Workers that claim jobs themselves are kept busy until no job is left with anybody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from distributed import KilledWorker

from benchmark.workflows.execution.pool import keep_busy


class FakeFuture:
    """A call that happens when the workers are next looked at."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self.call, self.outcome, self.error = call, None, None
        self.started = False

    def run(self) -> None:
        self.started = True
        try:
            self.outcome = self.call()
        except Exception as error:
            self.error: Exception | None = error

    def done(self) -> bool:
        return self.started

    def exception(self) -> Exception | None:
        return self.error

    def result(self) -> Any:
        return self.outcome


class FakeClient:
    """A cluster of two workers with a thread each, whose jobs end at every pause."""

    def __init__(self) -> None:
        self.futures: list[FakeFuture] = []
        self.submitted = 0
        self.most = 0

    def nthreads(self) -> dict[str, int]:
        return {"one": 1, "two": 1}

    def submit(self, function: Any, claim: Any, pure: bool) -> FakeFuture:
        assert not pure  # or Dask would take equal calls for one
        future = FakeFuture(lambda: claim("worker"))
        self.futures.append(future)
        self.submitted += 1
        self.most = max(self.most, sum(not one.started for one in self.futures))
        return future

    def pause(self) -> None:
        for future in self.futures:
            if not future.started:
                future.run()


@pytest.fixture
def client() -> Any:
    return FakeClient()


def waiting_in(jobs: list[int]) -> Callable[[], int | None]:
    return lambda: len(jobs) or None


def test_every_job_is_done_once_by_as_many_as_there_are_threads(client: Any) -> None:
    jobs = list(range(7))
    results = list(keep_busy(client, lambda _: jobs.pop(), waiting_in(jobs), client.pause))
    assert sorted(results) == list(range(7))
    assert client.most == 2 and client.submitted == 7


def test_a_worker_that_finds_nothing_left_yields_nothing(client: Any) -> None:
    jobs = [1]

    def claim(_: object) -> int | None:
        jobs.clear()  # another process was faster
        return None

    assert list(keep_busy(client, claim, waiting_in(jobs), client.pause)) == []


def test_the_job_of_a_worker_that_died_is_claimed_again(client: Any) -> None:
    jobs, deaths = [1, 2], [KilledWorker("job", None, "")]

    def claim(_: object) -> int:
        if deaths:
            raise deaths.pop()
        return jobs.pop()

    assert sorted(keep_busy(client, claim, waiting_in(jobs), client.pause)) == [1, 2]


def test_any_other_error_is_raised(client: Any) -> None:
    def claim(_: object) -> int:
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        list(keep_busy(client, claim, lambda: 1, client.pause))


def test_jobs_of_other_processes_are_waited_for(client: Any) -> None:
    left = [0, 0, 0, None]  # nothing to claim, but not all is done
    results = keep_busy(client, lambda _: 1, lambda: left[0], lambda: left.pop(0))
    assert list(results) == [] and left == [None]
    assert client.submitted == 0
