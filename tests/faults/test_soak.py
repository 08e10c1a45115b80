"""Hundreds of cells while workers are killed at random."""

from __future__ import annotations

import random
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.faults.harness import Bench, finish, started, workers

GRID = ["--strategies", "none,oversample,focal,class_weight,undersample", "--seeds"]


@pytest.mark.slow
def test_01_soak_of_many_cells_on_4_workers_that_are_killed_every_few_seconds(
    bench: Bench, tmp_path: Path, full: bool
) -> None:
    seeds, wanted = (60, 40) if full else (10, 6)
    grid = [*GRID, str(seeds)]
    chance = random.Random(1)
    kills = commands = 0
    status = -1
    while status != 0:
        commands += 1
        assert commands < 20
        with started(bench.start(*grid, "--workers", "4")) as process:
            while process.poll() is None and kills < wanted:
                killed = kill_one(process, chance)
                kills += killed
                time.sleep(chance.uniform(1, 5) if killed else 0.2)
            status, output = finish(process, 900)
    print(f"kills {kills}, commands {commands}, runs {dict(bench.statuses())}")
    undisturbed = Bench(bench.checkout, bench.folder, f"sqlite:///{tmp_path}/clean.db")
    status, output = undisturbed.run(*grid, "--workers", "2", seconds=900)
    assert status == 0, output
    assert kills == wanted
    assert len(bench.results()) == 5 * seeds
    assert bench.results() == undisturbed.results()
    bench.require_sound()
    bench.require_no_metric_twice()


def kill_one(process: subprocess.Popen[str], chance: random.Random) -> int:
    """Kills any one of the workers; returns how many there were to kill."""
    try:
        living = workers(process.pid)
        if living:
            chance.choice(living).kill()
        return bool(living)
    except psutil.NoSuchProcess:
        return 0
