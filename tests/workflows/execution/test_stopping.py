"""Trainings of a stopped benchmark end at their next step; others go on."""

from __future__ import annotations

import threading

import pytest

from benchmark.workflows.execution import stopping


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set when the process would have been ended."""
    event = threading.Event()
    monkeypatch.setattr(stopping, "GRACE", 0.3)
    monkeypatch.setattr(stopping, "_stopped", set())
    monkeypatch.setattr("os._exit", lambda _: event.set())
    return event


def test_a_training_ends_at_its_next_step(ended: threading.Event) -> None:
    with stopping.stoppable("mine"):
        stopping.check("mine")
        stopping.stop("mine")
        stopping.check("another")
        with pytest.raises(stopping.StoppedError):
            stopping.check("mine")
    assert not ended.wait(1)


def test_one_that_gets_to_no_step_is_ended_with_its_process(ended: threading.Event) -> None:
    with stopping.stoppable("mine"):
        stopping.stop("mine")
        assert ended.wait(5)


def test_whoever_comes_back_waits_for_its_own_training() -> None:
    go, done = threading.Event(), threading.Event()

    def train() -> None:
        with stopping.stoppable("mine"):
            go.set()
            done.wait(5)

    thread = threading.Thread(target=train)
    thread.start()
    go.wait(5)
    stopping.wait_for_own("another")
    threading.Timer(0.2, done.set).start()
    stopping.wait_for_own("mine")
    assert done.is_set()
    thread.join()
