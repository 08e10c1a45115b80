"""What happens to runs when this process is stopped."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from benchmark.tracking import invocation
from benchmark.tracking.store import Store

POLL_SECONDS = 0.5  # between two checks of the parent process
AGAIN_SECONDS = 0.1  # until a signal that came to nothing is sent again


def end_with_mlflow() -> None:
    """End this process when ``mlflow run``, which started it, is killed.

    MLflow would leave its child running.
    """
    if "MLFLOW_RUN_ID" not in os.environ:
        return
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(POLL_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def ending_all_runs(store: Store, console: Console) -> Iterator[None]:
    """Leave no run of the invocation RUNNING, whatever ends the block.

    SIGTERM, which ``mlflow run`` and schedulers send, is handled as Ctrl-C. After the first
    signal others are ignored: ending is short. One that comes while Python runs a destructor or
    the callback of a weak reference, where exceptions are dropped, is sent again.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    report_dropped = sys.unraisablehook

    def stop(*_: object) -> None:
        for number in before:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    def on_dropped(dropped: sys.UnraisableHookArgs) -> None:
        if not issubclass(dropped.exc_type, KeyboardInterrupt):
            report_dropped(dropped)
            return
        for number in before:
            signal.signal(number, stop)
        threading.Timer(AGAIN_SECONDS, os.kill, (os.getpid(), signal.SIGINT)).start()

    for number in before:
        signal.signal(number, stop)
    sys.unraisablehook = on_dropped
    try:
        yield
    except KeyboardInterrupt:
        invocation.abort(store, "KILLED", "stopped by hand")
        console.print("stopped: the same command goes on where this one ended")
        raise SystemExit(130) from None
    except BaseException:
        invocation.abort(store, "FAILED", "the benchmark broke off")
        raise
    finally:
        sys.unraisablehook = report_dropped
        for number, handler in before.items():
            signal.signal(number, handler)
