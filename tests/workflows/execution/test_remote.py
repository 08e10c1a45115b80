"""Which training a worker of a cluster elsewhere is given."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from benchmark.workflows.execution import remote
from benchmark.workflows.execution.remote import _Trainings


def trainings(*given: tuple[str, int]) -> list[Any]:
    return [SimpleNamespace(strategy=name, seed=seed) for name, seed in given]


def test_a_worker_goes_on_with_the_seed_that_it_has_loaded() -> None:
    a0, b0, a1, b1 = planned = trainings(("a", 0), ("b", 0), ("a", 1), ("b", 1))
    jobs = _Trainings(planned, None, None)  # type: ignore[arg-type]
    assert jobs.left() == 4
    assert jobs.take(None) is a0
    assert jobs.take(None) is a1  # another worker begins with another seed
    assert jobs.take(a1) is b1
    assert jobs.take(a1) is b0  # nothing is left of its seed
    assert jobs.left() is None


def test_a_training_that_was_lost_is_the_next_one() -> None:
    a0, a1 = planned = trainings(("a", 0), ("a", 1))
    jobs = _Trainings(planned, None, None)  # type: ignore[arg-type]
    assert jobs.take(None) is a0
    jobs.give_back(a0)
    assert jobs.take(a0) is a0
    assert jobs.take(None) is a1


def test_steps_are_reported_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    told: list[int] = []
    tell = remote.seldom(told.append)
    for steps in range(1, 101):
        tell(steps)
        now += remote.REPORT_SECONDS / 8
    assert told == list(range(1, 101, 8))
