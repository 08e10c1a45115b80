"""The processor or GPU that trains: its preparation and its name."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path


@cache
def prepare() -> None:
    """Fixes the threads and lets GPU memory grow; comes before all other use of TensorFlow.

    One thread a process, whatever the number of processes: sums are then added in
    the same order, and results are equal to the last bit.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"
    with _quiet_import():
        import keras
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
    # whatever the person's own keras.json says
    keras.config.set_floatx("float32")
    keras.config.set_image_data_format("channels_last")
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)


def name() -> str:
    """What training runs on: the GPU's name, else the processor's."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        return f"GPU: {details.get('device_name', 'unknown')}"
    return f"CPU: {_processor()}, 1 thread"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):  # not Linux
        return platform.processor() or platform.machine()


@contextmanager
def _quiet_import() -> Iterator[None]:
    """Hides what TensorFlow prints while it loads, which no log level silences."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as hidden:
        os.dup2(hidden.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
