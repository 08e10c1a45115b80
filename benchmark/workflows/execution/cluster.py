"""Where trainings run: this process, Dask workers on this machine, or a cluster elsewhere."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmark.workflows.execution import fork_server
from benchmark.workflows.execution.connection import silence

if TYPE_CHECKING:
    from distributed import Client, LocalCluster


WORKER_MEMORY = 1.5e9  # bytes, with TensorFlow loaded and data of moderate size
GPU_WORKER_MEMORY = 6e9  # bytes of GPU memory
# Dask's allowed failures of a training: so many that our own count of attempts decides
ALLOWED_FAILURES = 1000
POLL_SECONDS = 2.0  # between two checks of the workers
MAX_PER_GPU = 4  # small networks leave most of a GPU idle; more processes only queue


def default_workers() -> int:
    """Return one per core, limited by memory; with GPUs, as many as fit on them."""
    import psutil
    from dask.system import CPU_COUNT

    fitting = max(1, min(CPU_COUNT, int(psutil.virtual_memory().total // WORKER_MEMORY)))
    gpus = _free_gpu_memory()
    return min(fitting, sum(map(_on_one_gpu, gpus))) if gpus else fitting


def _on_one_gpu(free: float) -> int:
    return max(1, min(MAX_PER_GPU, int(free // GPU_WORKER_MEMORY)))


def _free_gpu_memory() -> list[float]:
    """Return the free bytes of each GPU."""
    import pynvml

    try:
        pynvml.nvmlInit()
        handles = map(pynvml.nvmlDeviceGetHandleByIndex, range(pynvml.nvmlDeviceGetCount()))
        return [float(pynvml.nvmlDeviceGetMemoryInfo(handle).free) for handle in handles]
    except pynvml.NVMLError:  # no driver
        return []


@contextmanager
def engine(workers: int) -> Iterator[Client | None]:
    """Start a Dask cluster on this machine; yield its client, or None for this process.

    Args:
        workers: processes; 0 is this process.
    """
    if workers == 0:
        yield None
        return
    from distributed import Client

    fork_server.start()
    silence()
    local = _local_cluster()
    with local, Client(local) as client, _refilled(local, workers):
        try:
            client.wait_for_workers(workers)
            yield client
        except BaseException:
            _kill(local)  # or Dask would wait for the trainings to end
            raise


def _local_cluster() -> LocalCluster:
    """Start a cluster on 127.0.0.1 that has no workers yet."""
    import dask
    from distributed import LocalCluster

    dask.config.set(
        {
            # samples every thread 100 times a second, and TensorFlow's stacks are deep
            "distributed.worker.profile.enabled": False,
            # the store counts attempts at trainings that began; Dask counts waiting ones, too
            "distributed.scheduler.allowed-failures": ALLOWED_FAILURES,
            # a worker that restarts slowly, on a busy machine, is not given up
            "distributed.deploy.lost-worker-timeout": "1 hour",
            "distributed.nanny.pre-spawn-environ": fork_server.ENVIRONMENT,
            "distributed.worker.multiprocessing-method": (
                "forkserver" if fork_server.AVAILABLE else "spawn"
            ),
        }
    )
    return LocalCluster(
        n_workers=0,  # scaled up below: one that dies here would end the cluster
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",  # any free port, so that two benchmarks can run at once
        memory_limit=0,  # a worker killed for its size would only be restarted
        env=dict(os.environ),  # the process that workers are forked from may be older
    )


@contextmanager
def _refilled(local: LocalCluster, workers: int) -> Iterator[None]:
    """Start workers, and replace those that Dask gives up: killed while they started."""
    from distributed.core import Status

    stop, loop = threading.Event(), local.loop
    assert loop is not None

    def refill() -> None:
        given_up = [
            name
            for name, nanny in local.workers.items()
            if nanny.status in (Status.closed, Status.failed)
        ]
        for name in given_up:
            del local.workers[name]
        if given_up:
            local.scale(workers)

    def poll() -> None:
        while not stop.wait(POLL_SECONDS):
            loop.add_callback(refill)

    local.scale(workers)
    threading.Thread(target=poll, daemon=True).start()
    try:
        yield
    finally:
        stop.set()


def _kill(local: LocalCluster) -> None:
    for nanny in local.workers.values():
        if nanny.pid:
            os.kill(nanny.pid, signal.SIGKILL)
