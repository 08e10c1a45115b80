"""System metrics of a training, sampled with MLflow's own monitors.

MLflow's thread logs to one run at its own pace; here several runs may share a
training, and a training may be shorter than that pace.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

POLL_SECONDS = 2.0


class Sample(NamedTuple):
    """A value of one system metric."""

    key: str
    value: float
    timestamp: int  # milliseconds
    step: int


@contextmanager
def samples() -> Iterator[list[Sample]]:
    """Collect processor, memory and GPU metrics in a list until the block ends."""
    from mlflow.system_metrics.metrics.cpu_monitor import CPUMonitor
    from mlflow.system_metrics.metrics.gpu_monitor import GPUMonitor

    monitors: list[Any] = [CPUMonitor()]  # type: ignore[no-untyped-call]
    with suppress(ImportError, RuntimeError):  # no NVIDIA driver
        monitors.append(GPUMonitor())  # type: ignore[no-untyped-call]
    taken: list[Sample] = []
    stop = threading.Event()

    def sample() -> None:
        now, step = int(time.time() * 1000), len(taken)
        for monitor in monitors:
            monitor.collect_metrics()
            for name, value in monitor.aggregate_metrics().items():
                taken.append(Sample(f"system/{name}", value, now, step))
            monitor.clear_metrics()

    def poll() -> None:
        while not stop.wait(POLL_SECONDS):
            sample()

    thread = threading.Thread(target=poll, daemon=True)
    thread.start()
    try:
        yield taken
    finally:
        stop.set()
        thread.join()
        sample()  # a short training has at least this one
