"""The processor or GPU that trains: setup, precision, memory and name."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from benchmark.protocol.task import Kind

BFLOAT16_FROM = (8, 0)  # compute capability: Ampere
SHARE_OF_DATA = 0.2  # of the free GPU memory; several processes may share it


@cache
def load() -> None:
    """Import TensorFlow and Keras, which takes seconds, and initialise nothing."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # TensorFlow uses oneDNN on some processors alone; it is faster on others, too
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    with _quiet_stderr():
        import keras  # noqa: F401
        import tensorflow  # noqa: F401


@cache
def prepare(process: int = 0) -> None:
    """Fix threads and GPU; must come before any other use of TensorFlow.

    One thread per process, whatever the number of processes: sums are added in the same order,
    and results are equal to the last bit. GPUs are assigned to `process` 0, 1, ... in turn;
    processes that share a GPU take memory as they need it.
    """
    load()
    import keras
    import tensorflow as tf

    with _quiet_stderr():
        gpus = tf.config.list_physical_devices("GPU")
    # whatever the user's keras.json says
    keras.config.set_floatx("float32")
    keras.config.set_image_data_format("channels_last")
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    if gpus:
        assigned = gpus[process % len(gpus)]
        tf.config.set_visible_devices(assigned, "GPU")
        tf.config.experimental.set_memory_growth(assigned, True)
    else:  # it rewrites graphs for 0.1 s per training; steps are no faster for it on a processor
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


def name(kind: Kind) -> str:
    """Name the device that trains tasks of that kind: GPU and precision, or processor."""
    details = _gpu()
    if details is None:
        return f"CPU: {processor()}, 1 thread"
    return f"GPU: {details.get('device_name', 'unknown')}, {_policy(kind)}"


@contextmanager
def precision(kind: Kind) -> Iterator[None]:
    """Build networks in the block with bfloat16 where it is safe and faster.

    That is for images, on a GPU with units for it. Its exponents are those of float32, so losses
    need no scaling; weights stay float32.
    """
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(_policy(kind))
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def room() -> int:
    """Return the bytes of GPU memory that one data set may take; 0 without a GPU."""
    if _gpu() is None:
        return 0
    import pynvml

    pynvml.nvmlInit()
    free = pynvml.nvmlDeviceGetMemoryInfo(pynvml.nvmlDeviceGetHandleByIndex(0)).free
    return int(free * SHARE_OF_DATA)


def _policy(kind: Kind) -> str:
    capability = (_gpu() or {}).get("compute_capability", (0, 0))
    return "mixed_bfloat16" if kind == "image" and capability >= BFLOAT16_FROM else "float32"


def _gpu() -> dict[str, Any] | None:
    """Return details of the first GPU that this process sees, None without one."""
    import tensorflow as tf

    gpus = tf.config.get_visible_devices("GPU")
    return tf.config.experimental.get_device_details(gpus[0]) if gpus else None


def processor() -> str:
    """Return the name of this machine's processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):  # not Linux
        return platform.processor() or platform.machine()


@contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Hide what TensorFlow prints while it loads, which no log level silences."""
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as hidden:
        os.dup2(hidden.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
