"""Signals end a benchmark wherever they meet it."""

import os
import signal
import time
from typing import Any

import pytest
from rich.console import Console

from benchmark.tracking import invocation
from benchmark.workflows.execution.signals import ending_all_runs


class Stopped:
    """Is told to stop while its destructor runs, where Python drops exceptions."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.01)


def test_a_signal_in_a_destructor_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[Any] = []
    monkeypatch.setattr(invocation, "abort", lambda *given: ended.append(given[1:]))
    handler = signal.getsignal(signal.SIGTERM)
    store: Any = None
    with pytest.raises(SystemExit) as error, ending_all_runs(store, Console(quiet=True)):
        stopped = Stopped()
        del stopped
        time.sleep(5)
        raise AssertionError("the signal was lost")
    assert error.value.code == 130 and ended == [("KILLED", "stopped by hand")]
    assert signal.getsignal(signal.SIGTERM) is handler
