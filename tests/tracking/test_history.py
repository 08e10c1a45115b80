"""What a store holds of cells: done, lost, tried before, or made by older code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient

from benchmark.protocol.grid import Conditions
from benchmark.tracking import cells, history, tags
from benchmark.tracking.store import Store
from tests.toys import FIT
from tests.tracking.conftest import CONDITIONS, get_run, make_plan, make_training, tag

Finish = Callable[..., list[str]]


def artifact(store: Store, run_id: str) -> Path:
    [path] = Path(store.uri.removeprefix("sqlite:///")).parent.rglob(f"{run_id}/**/predictions.npz")
    return path


def test_finished_cells_are_read_as_they_were_completed(store: Store, finish: Finish) -> None:
    training = make_training("none", "threshold", seed=2)
    finish(training)
    cells.start(store, make_training("oversample"), make_training("oversample").cells[0], 1)
    found = {cell.strategy: cell for cell in history.finished_cells(store, CONDITIONS)}
    assert set(found) == {"none", "threshold"}
    assert {cell.cell for cell in found.values()} == {cell.identity for cell in training.cells}
    one = found["none"]
    assert (one.seed, one.code, one.training_part) == (2, "v1", "none")
    assert one.seconds == FIT.seconds and one.lost == ()


def test_a_cell_that_lost_an_artifact_is_failed(store: Store, finish: Finish) -> None:
    kept, damaged = finish(make_training("none", "threshold"))
    artifact(store, damaged).unlink()
    found = history.finished_cells(store, CONDITIONS)
    assert {cell.run_id: cell.lost for cell in found} == {
        kept: (),
        damaged: ("predictions.npz",),
    }
    [failed] = history.fail_damaged(store, found)
    assert failed.run_id == damaged
    assert get_run(store, damaged).info.status == "FAILED"
    assert tag(store, damaged, tags.ERROR) == "the store has lost its predictions.npz"
    assert [cell.run_id for cell in history.finished_cells(store, CONDITIONS)] == [kept]


def test_attempts_of_this_invocation_are_counted(store: Store) -> None:
    training = make_training("none")
    [cell] = training.cells
    cells.start(replace(store, invocation="another"), training, cell, 3)
    assert history.training_history(store, training).attempts == 0
    for attempt in range(1, history.ATTEMPTS + 1):
        run_id = cells.start(store, training, cell, attempt)
        past = history.training_history(store, training)
        assert past.attempts == attempt and past.done == frozenset()
        assert f"(attempt {attempt} of 3)" in past.reason and "its worker died" in past.reason
        last = attempt == history.ATTEMPTS
        assert get_run(store, run_id).info.status == ("FAILED" if last else "KILLED")


def test_the_reason_of_an_attempt_that_failed_is_kept(store: Store) -> None:
    training = make_training("none")
    run_id = cells.start(store, training, training.cells[0], 1)
    history.fail(store, run_id, "out of luck at http://me:secret@host/")
    past = history.training_history(store, training)
    assert past.attempts == 1 and "out of luck" in past.reason and "secret" not in past.reason


def test_done_cells_of_any_invocation_are_done(store: Store, finish: Finish) -> None:
    training = make_training("none", "threshold")
    finish(replace(training, cells=training.cells[:1]), invocation="another")
    assert history.training_history(store, training).done == {training.cells[0].identity}


def test_an_earlier_fit_is_reused_unless_its_file_was_changed(store: Store, finish: Finish) -> None:
    training = make_training("none")
    assert history.earlier_fit(store, training) is None
    [run_id] = finish(training)
    fit = history.earlier_fit(store, training)
    assert fit is not None and np.array_equal(fit.validation.best, FIT.validation.best)
    assert fit.seconds == FIT.seconds
    path = artifact(store, run_id)
    path.write_bytes(path.read_bytes() + b"more")
    assert history.earlier_fit(store, training) is None
    path.unlink()
    assert history.earlier_fit(store, training) is None


def test_a_run_left_running_is_finished_if_it_is_done(store: Store, finish: Finish) -> None:
    [done] = finish(make_training("none"))
    client = MlflowClient(store.uri)
    client.update_run(done, "RUNNING")
    history.end_abandoned(store, client.get_run(done), "KILLED", "its benchmark was killed")
    assert get_run(store, done).info.status == "FINISHED"
    assert not tag(store, done, tags.ERROR)


def outdated(store: Store, strategies: list[str], seeds: int = 1) -> list[tuple[str, int]]:
    finished = history.finished_cells(store, CONDITIONS)
    return sorted(history.outdated_cells(store, make_plan(*strategies, seeds=seeds), finished))


def test_runs_of_an_older_harness_are_outdated(store: Store, finish: Finish) -> None:
    older = replace(CONDITIONS, identity="before", data="/moved/since")
    for seed in (0, 1):
        finish(make_training("none", "threshold", seed=seed, conditions=older))
    assert outdated(store, ["none", "threshold"]) == [("none", 0), ("threshold", 0)]
    assert outdated(store, ["none"], seeds=5) == [("none", 0), ("none", 1)]
    assert outdated(store, ["oversample"]) == []


def test_runs_of_a_strategys_older_code_are_outdated(store: Store, finish: Finish) -> None:
    finish(make_training("none", "threshold", code="v0"))
    finish(make_training("threshold", code="v1"))
    assert outdated(store, ["none", "threshold"]) == [("none", 0), ("threshold", 0)]


@pytest.mark.parametrize(
    "other",
    [
        replace(CONDITIONS, identity="other", content="f00d"),
        replace(CONDITIONS, identity="other", budget=replace(CONDITIONS.budget, steps=9)),
        replace(CONDITIONS, identity="other", portion="confirmation"),
        replace(CONDITIONS, identity="other", source="real"),
    ],
    ids=["data", "budget", "portion", "source"],
)
def test_runs_of_other_data_or_budget_are_not(
    other: Conditions, store: Store, finish: Finish
) -> None:
    finish(make_training("none", conditions=other))
    assert outdated(store, ["none"]) == []


def test_a_failed_run_of_older_code_does_not_count(store: Store) -> None:
    training = make_training("none", conditions=replace(CONDITIONS, identity="before"))
    history.fail(store, cells.start(store, training, training.cells[0], 1), "no")
    assert outdated(store, ["none"]) == []
