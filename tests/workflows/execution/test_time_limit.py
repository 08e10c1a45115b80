"""A block that takes too long ends its process; one that does not goes on."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmark.workflows.execution.time_limit import STATUS, limit

ROOT = Path(__file__).parents[3]


def run(code: str) -> subprocess.CompletedProcess[str]:
    lines = ["import time", "from benchmark.workflows.execution import time_limit", code]
    return subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_block_that_hangs_ends_its_process_after_a_last_word() -> None:
    done = run(
        "with time_limit.limit(0.2, lambda: print('too late', flush=True)):\n"
        "    time.sleep(50)\n"
        "print('never')"
    )
    assert (done.returncode, done.stdout) == (STATUS, "too late\n")


def test_it_ends_even_if_its_last_word_fails() -> None:
    done = run("with time_limit.limit(0.2, lambda: 1 / 0):\n    time.sleep(50)")
    assert done.returncode == STATUS


def test_it_ends_even_if_its_last_word_hangs() -> None:
    done = run(
        "time_limit.GRACE = 0.3\n"
        "with time_limit.limit(0.2, lambda: time.sleep(50)):\n"
        "    time.sleep(50)"
    )
    assert done.returncode == 1  # by faulthandler


@pytest.mark.parametrize("seconds", [None, 0.1])
def test_a_block_in_time_is_left_alone(seconds: float | None) -> None:
    with limit(seconds, lambda: pytest.fail("it was in time")):
        pass
    time.sleep(0.2)  # the limit holds no longer


def test_an_error_in_the_block_passes_through() -> None:
    with pytest.raises(ValueError), limit(0.1, lambda: pytest.fail("it was in time")):
        raise ValueError
    time.sleep(0.2)
