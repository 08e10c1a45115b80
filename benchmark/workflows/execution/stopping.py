"""Stops trainings on a worker whose benchmark was stopped: code that runs on the worker."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from benchmark.workflows.execution.time_limit import STATUS

GRACE = 3.0  # seconds that a training has to get to its next step
POLL_SECONDS = 0.1  # between two looks at what runs

_running: Counter[str] = Counter()  # invocation -> its trainings in this process
_stopped: set[str] = set()  # invocations


class StoppedError(BaseException):
    """The benchmark was stopped. No `Exception`: what fails a run must not catch it."""


@contextmanager
def stoppable(invocation: str) -> Iterator[None]:
    """Count the block as a training of an invocation."""
    _running[invocation] += 1
    try:
        yield
    finally:
        _running[invocation] -= 1


def check(invocation: str) -> None:
    """Raise StoppedError if the invocation was stopped."""
    if invocation in _stopped:
        raise StoppedError


def stop(invocation: str) -> None:
    """Stop the trainings of an invocation in this process, without waiting for them.

    One that does not get to its next step in time is stopped with the process.
    """
    _stopped.add(invocation)

    def end() -> None:
        wait_for_own(invocation, GRACE)
        if _running[invocation]:
            os._exit(STATUS)

    threading.Thread(target=end, daemon=True).start()


def wait_for_own(invocation: str, seconds: float = float("inf")) -> None:
    """Wait until no training of an invocation is left in this process."""
    end = time.monotonic() + seconds
    while _running[invocation] and time.monotonic() < end:
        time.sleep(POLL_SECONDS)
