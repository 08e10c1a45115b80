"""What a worker must have, told from what it has, without a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmark.protocol import fingerprint, grammar, grid, registry
from benchmark.protocol.errors import UserError
from benchmark.tracking import probe
from benchmark.tracking.store import Store, open_store
from benchmark.workflows.execution import preflight, worker
from tests import toys


@pytest.fixture
def worker_process(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What Dask says of the worker that this process would be."""
    process = SimpleNamespace(
        name="one",
        memory_manager=SimpleNamespace(memory_limit=8e9),
        state=SimpleNamespace(nthreads=2, total_resources={"GPU": 1}),
    )
    monkeypatch.setattr("distributed.get_worker", lambda: process)
    return process


@pytest.fixture
def required(toy: Path, store_uri: str) -> preflight.Requirements:
    """What a benchmark of the toy task needs."""
    task = registry.task("toy")
    settings, path = task.settings(), str(toy / "data.npz")
    data = task.load(settings, Path(path))
    budget = task.budget(settings, "real")
    conditions = grid.make_conditions("toy", settings, path, data, budget)
    specs = grammar.read_list("none,class_weight+threshold")
    return preflight.requirements(conditions, specs, open_store(store_uri, "toy"))


def objections(required: preflight.Requirements) -> tuple[str, ...]:
    return preflight.examine(required).objections


def test_a_worker_like_the_coordinator_passes(
    required: preflight.Requirements, worker_process: Any
) -> None:
    facts = preflight.examine(required)
    assert facts.objections == ()
    assert (facts.name, facts.threads, facts.memory) == ("one", 2, 8e9)
    assert facts.resources == {"GPU": 1}
    assert str(facts).startswith("one (CPU: ") and str(facts).endswith("2 threads, 8.0 GB)")
    assert probe.is_there(required.store, facts.artifact)
    probe.remove(required.store, facts.artifact)
    assert not probe.is_there(required.store, facts.artifact)


def test_the_code_of_harness_task_strategies_and_of_what_runs_on_workers_is_compared(
    required: preflight.Requirements,
) -> None:
    expected = {"benchmark.training.fit", "benchmark.protocol.splits", "tasks.toy"}
    expected |= {"strategies.weighting", "strategies.thresholds", "benchmark.tracking.cells"}
    expected |= {"benchmark.workflows.execution.tracked_training"}
    assert expected <= required.code.keys()
    assert "strategies.losses" not in required.code  # of no strategy that is asked for


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"tasks.toy": "1"}, "other code of tasks.toy"),
        ({"tasks.absent": "1"}, "no code of tasks.absent"),
        (
            {f"benchmark.training.{n}": "1" for n in ("fit", "loop", "score", "stages")},
            "other code of benchmark.training.fit, benchmark.training.loop, "
            "benchmark.training.score and 1 more",
        ),
    ],
)
def test_other_code_is_named(
    changed: Mapping[str, str],
    expected: str,
    required: preflight.Requirements,
    worker_process: Any,
) -> None:
    code = {**required.code, **changed}
    assert objections(replace(required, code=code)) == (expected,)


def test_comments_are_no_other_code(toy: Path, required: preflight.Requirements) -> None:
    before = fingerprint.codes(["tasks.toy"])["tasks.toy"]
    file = toy / "toy.py"
    file.write_text(file.read_text() + "\n# a remark\n")
    toys.forget(toy)
    assert fingerprint.code("tasks.toy") == before
    file.write_text(file.read_text() + "\nREMARK = 1\n")
    toys.forget(toy)
    assert fingerprint.code("tasks.toy") != before


def test_other_versions_are_named(required: preflight.Requirements, worker_process: Any) -> None:
    versions = {**required.versions, "numpy": "1.0", "python": "2.7", "not-there": "1"}
    numpy = np.__version__
    said = objections(replace(required, versions=versions))
    assert f"numpy {numpy} instead of 1.0" in said
    assert "not-there (not installed) instead of 1" in said
    assert any(one.startswith("python 3.") for one in said)


def test_a_limit_that_dask_would_kill_the_training_for_is_named(
    required: preflight.Requirements, worker_process: Any
) -> None:
    worker_process.memory_manager.memory_limit = 0.5e9
    [said] = objections(required)
    assert said.startswith("a memory limit of 0.5 GB")


def test_data_is_found_by_its_content_in_the_workers_own_folders(
    required: preflight.Requirements,
    toy: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    worker_process: Any,
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    moved = (toy / "data.npz").rename(own / "data.npz")
    worker.load.cache_clear()
    [said] = objections(required)
    assert said.startswith(f"the data is not at {toy / 'data.npz'}")
    monkeypatch.setenv("SKEWBENCH_DATA", str(own))
    assert objections(required) == ()
    assert worker.find_data(required.conditions).origin == str(moved)
    with np.load(moved) as arrays:
        np.savez(toy / "data.npz", x=arrays["x"] + 1, y=arrays["y"])
    worker.find_data.cache_clear()
    assert objections(required) == ()  # other data at the first place does not matter
    moved.unlink()
    worker.find_data.cache_clear()
    worker.load.cache_clear()
    [said] = objections(required)
    assert said.startswith(f"{toy / 'data.npz'} has another content here (")


def test_a_store_that_cannot_be_written_is_named(
    required: preflight.Requirements, monkeypatch: pytest.MonkeyPatch, worker_process: Any
) -> None:
    def refuse(store: Store) -> str:
        raise OSError("403 FORBIDDEN of http://me:secret@host/")

    monkeypatch.setattr(probe, "write", refuse)
    [said] = objections(required)
    assert said.startswith("artifacts cannot be written: OSError('403 FORBIDDEN")
    assert "secret" not in said


def test_whatever_else_must_be_reached_is_tried(
    required: preflight.Requirements, worker_process: Any
) -> None:
    def reach() -> None:
        raise UserError("--storage postgresql://host cannot be reached")

    assert objections(replace(required, reach=(reach,))) == (
        "--storage postgresql://host cannot be reached",
    )
