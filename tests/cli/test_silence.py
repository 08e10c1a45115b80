"""In a terminal something is said within a second, and never nothing for long."""

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
FIRST, LONGEST = 1.0, 3.0  # seconds, on a machine that is not busy
WORDS = ["run", "--task", "catsdogs", "--data", "synthetic", "--seeds", "1", "--steps", "20"]


def test_first_output_and_silences(tmp_path: Path) -> None:
    """Seconds are compared with those of a bare Python on this machine, which may be busy."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "import click, numpy"], check=True)
    slowness = max(1.0, (time.monotonic() - began) / 0.2)
    parent, child = pty.openpty()
    words = [*WORDS, "--strategies", "none,threshold", "--tracking", f"sqlite:///{tmp_path}/m.db"]
    began = last = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmark", *words],
        cwd=ROOT,
        stdout=child,
        stderr=child,
        stdin=child,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "80"},
    )
    os.close(child)
    waits = []
    while True:
        ready, _, _ = select.select([parent], [], [], 0.1)
        try:
            text = os.read(parent, 65536) if ready else b" "
        except OSError:  # the other end is closed
            break
        if ready and text:
            now = time.monotonic()
            waits.append(now - last)
            last = now
    assert process.wait() == 0
    assert waits[0] <= FIRST * slowness, f"first output after {waits[0]:.1f} s"
    assert max(waits[1:]) <= LONGEST * slowness, f"silent for {max(waits[1:]):.1f} s"
