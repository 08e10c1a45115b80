"""A time limit for what may hang."""

from __future__ import annotations

import faulthandler
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

GRACE = 30.0  # seconds for the last words of a process that has to end
STATUS = 70  # that it ends with


@contextmanager
def limit(seconds: float | None, last_words: Callable[[], None]) -> Iterator[None]:
    """Ends this process if the block takes longer; None is no limit.

    A thread that hangs cannot be stopped otherwise. Should it hang in code that lets no
    other thread run, the process ends a little later, and without its last words.
    """
    if seconds is None:
        yield
        return

    def end() -> None:
        try:
            last_words()
        finally:
            os._exit(STATUS)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    with Path(os.devnull).open("w") as nowhere:
        faulthandler.dump_traceback_later(seconds + GRACE, exit=True, file=nowhere)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            faulthandler.cancel_dump_traceback_later()
