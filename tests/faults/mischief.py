"""Strategies that misbehave. Copied into the `strategies/` of a test's own checkout.

They change no result: a cell that gets through has the numbers of `none`.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import numpy as np

from benchmark.protocol.arguments import Range
from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.strategy import Features, Priors, Resampling, Strategy

How = Literal["fail", "sys_exit", "os_exit", "kill", "hang", "hold", "memory"]


def trouble(
    how: How = "fail", seed: Annotated[int, Range(-1)] = 0, times: Annotated[int, Range(1)] = 99
) -> Strategy:
    """Ends a training in an odd way, as often as `times` says, at one seed (-1 is all)."""

    def resample(
        labels: Ints, features: Callable[[], Features], rng: np.random.Generator
    ) -> Resampling:
        if seed == -1 or same(rng, seed):
            marks = Path(os.environ["MISCHIEF"])
            mark = f"{how}-{rng.integers(1 << 30)}"  # the same at every attempt
            if len(list(marks.glob(f"{mark}-*"))) < times:
                (marks / f"{mark}-{time.time_ns()}").touch()
                ENDINGS[how]()
        return Resampling(np.arange(len(labels)))

    return Strategy(resample=resample)


def slow(seconds: Annotated[float, Range(0)] = 1.0) -> Strategy:
    """Takes its time to train."""

    def resample(
        labels: Ints, features: Callable[[], Features], rng: np.random.Generator
    ) -> Resampling:
        (Path(os.environ["MISCHIEF"]) / f"begun-{time.time_ns()}").touch()
        time.sleep(seconds)
        return Resampling(np.arange(len(labels)))

    return Strategy(resample=resample)


def late(how: How = "fail") -> Strategy:
    """Ends a cell in an odd way when its network is trained and it is decided."""

    def calibrate(logits: Floats, labels: Ints, priors: Priors) -> Callable[[Floats], Floats]:
        ENDINGS[how]()
        return lambda values: values

    return Strategy(calibrate=calibrate)


def same(rng: np.random.Generator, seed: int) -> bool:
    """Whether these are the random numbers of that seed, none of them drawn yet."""
    from benchmark.training.seeding import RESAMPLING

    asked = np.random.default_rng([seed, RESAMPLING])
    return bool(rng.bit_generator.state == asked.bit_generator.state)


def fail() -> None:
    raise ValueError("trouble was asked for")


def hang() -> None:
    time.sleep(3600)


def hold() -> None:
    """Hangs in C code that never lets another thread of the process run."""
    sum(range(1 << 60))


def memory() -> None:
    """Asks for more than there is."""
    np.ones(1 << 50, dtype=np.int8)


ENDINGS: dict[str, Callable[[], object]] = {
    "fail": fail,
    "sys_exit": lambda: sys.exit(0),
    "os_exit": lambda: os._exit(0),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "hang": hang,
    "hold": hold,
    "memory": memory,
}
