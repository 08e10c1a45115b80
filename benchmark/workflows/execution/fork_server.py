"""The process that local workers are forked from: it imports TensorFlow and MLflow once for all.

It starts with the command, so that it imports while the command reads data and opens the store.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import forkserver

KEPT_MEMORY = 2**30  # bytes that a worker keeps for its next step once they are free
LARGE_BLOCK = 2**25  # bytes; the allocator of Linux allows no more
# what a process must find in its environment when it starts
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    # Dask would have memory given back at once, and each step would fetch it again
    "MALLOC_TRIM_THRESHOLD_": str(KEPT_MEMORY),
    "MALLOC_MMAP_THRESHOLD_": str(LARGE_BLOCK),
}
# elsewhere a process is not safe to fork, or cannot be
AVAILABLE = sys.platform == "linux"


def start() -> None:
    """Start the process, unless it runs; return at once."""
    if not AVAILABLE:
        return
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmark.workflows.execution.preloaded"])
    with _environment(ENVIRONMENT):
        forkserver.ensure_running()


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
