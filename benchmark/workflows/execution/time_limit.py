"""A time limit for code that may hang."""

from __future__ import annotations

import faulthandler
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

GRACE = 30.0  # seconds for the clean-up of a process that has to end
STATUS = 70  # its exit status


@contextmanager
def limit(seconds: float | None, on_timeout: Callable[[], None]) -> Iterator[None]:
    """End this process if the block takes longer.

    A thread that hangs cannot be stopped otherwise. If it hangs in code that lets no other
    thread run, the process ends `GRACE` seconds later, without a call of `on_timeout`.

    Args:
        seconds: None is no limit.
        on_timeout: called before the process ends.
    """
    if seconds is None:
        yield
        return

    def end() -> None:
        try:
            on_timeout()
        finally:
            os._exit(STATUS)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    with Path(os.devnull).open("w") as null:
        faulthandler.dump_traceback_later(seconds + GRACE, exit=True, file=null)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            faulthandler.cancel_dump_traceback_later()
