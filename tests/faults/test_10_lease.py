"""Row 10, and what rows 2 and 8 leave behind: who may end whose runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from benchmark.tracking import cells, lease, tags
from benchmark.tracking.retry import StoreUnavailableError
from benchmark.training import fit as fitting
from benchmark.workflows.execution import outbox
from tests.faults.conftest import Here


def another(here: Here, **owner: Any) -> str:
    """Turns the invocation that was run into one of another process, RUNNING with its cell."""
    client = MlflowClient(here.bench.uri)
    [invocation], [cell] = here.bench.runs("invocation"), here.bench.runs()
    facts = json.loads(invocation.data.tags[tags.OWNER]) | owner
    client.set_tag(invocation.info.run_id, tags.OWNER, json.dumps(facts))
    client.delete_tag(cell.info.run_id, tags.DONE)
    for found in (invocation, cell):
        client.update_run(found.info.run_id, "RUNNING")
    return str(invocation.info.run_id)


@pytest.mark.slow
def test_10_a_living_process_of_this_machine_is_left_alone(here: Here) -> None:
    assert here.run("none").exit_code == 0
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        another(here, pid=other.pid, began=lease._began(other.pid))
        refused = here.run("none")
        assert refused.exit_code == 2
        assert f"process {other.pid}" in refused.output
        assert here.bench.statuses() == here.bench.statuses("invocation") == {"RUNNING": 1}
        other.kill()
    assert here.run("none").exit_code == 0
    here.bench.require_sound()
    assert here.bench.statuses() == {"KILLED": 1, "FINISHED": 1}


def test_10_a_process_that_has_the_number_of_a_dead_one_is_not_it(here: Here) -> None:
    assert here.run("none").exit_code == 0
    another(here, pid=os.getppid(), began=12345.0)
    assert here.run("none").exit_code == 0
    here.bench.require_sound()


@pytest.mark.parametrize(("silent", "status"), [(30, 2), (2 * lease.SILENCE, 0)])
def test_10_a_machine_elsewhere_lives_as_long_as_it_gives_signs_of_life(
    silent: float, status: int, here: Here
) -> None:
    assert here.run("none").exit_code == 0
    invocation = another(here, machine="elsewhere")
    alive = f"{time.time() - silent:.0f}"
    MlflowClient(here.bench.uri).set_tag(invocation, tags.ALIVE, alive)
    result = here.run("none")
    assert result.exit_code == status, result.output
    assert ("machine elsewhere" in result.output) == bool(status)


def test_10_of_two_that_begin_at_the_same_moment_none_goes_on_unseen(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert here.run("none").exit_code == 0
    original, asked = lease.require_alone, []

    def late(store: Any, conditions: set[str]) -> None:
        asked.append(store.invocation)
        if len(asked) == 1:  # the other begins only after it was looked for
            return
        another_machine = json.dumps({"machine": "elsewhere", "pid": 1, "began": 1.0})
        MlflowClient(here.bench.uri).create_run(
            store.experiment,
            tags={
                tags.KIND: "invocation",
                tags.CONDITIONS: next(iter(conditions)),
                tags.OWNER: another_machine,
                tags.ALIVE: str(time.time()),
            },
        )
        original(store, conditions)

    monkeypatch.setattr(lease, "require_alone", late)
    result = here.run("none,oversample")
    assert result.exit_code == 2
    assert "another benchmark" in result.output
    assert here.bench.statuses("invocation") == {"FINISHED": 1, "RUNNING": 1}  # none of its own
    assert len(here.bench.runs()) == 1


def test_02_a_run_that_was_ended_meanwhile_is_never_finished(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = fitting.fit

    def fit(*args: Any) -> fitting.Fit:
        [mine] = here.bench.runs()
        MlflowClient(here.bench.uri).set_terminated(mine.info.run_id, "KILLED")
        return original(*args)

    monkeypatch.setattr(fitting, "fit", fit)
    result = here.run("none")
    assert result.exit_code == 1
    assert "was ended as KILLED by another process" in result.output
    assert not here.bench.results()
    here.bench.require_sound()


def lose_when_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*args: Any) -> None:
        raise StoreUnavailableError("the tracking store is on holiday")

    monkeypatch.setattr(cells, "complete", lost)


def test_08_a_kept_result_that_is_damaged_is_dropped_and_run_again(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        lose_when_complete(patch)
        assert here.run("none").exit_code == 2
    [path] = outbox.folder(here.address).iterdir()
    path.write_bytes(path.read_bytes()[:-100])
    result = here.run("none")
    assert result.exit_code == 0, result.output
    assert "dropped a saved result" in result.output
    assert "the file is damaged" in result.output
    assert here.trained == [0, 0]
    assert not list(outbox.folder(here.address).iterdir())
    here.bench.require_sound()


def test_08_a_kept_result_is_the_result_and_no_pickle(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored: list[cells.CellResult] = []
    original = cells.complete
    monkeypatch.setattr(cells, "complete", lambda store, r: stored.append(r) or original(store, r))
    assert here.run("none").exit_code == 0
    [result] = stored
    content = outbox._to_bytes(result)
    back = outbox._from_bytes(content)
    assert outbox._to_bytes(back) == content
    assert back.score.metrics == result.score.metrics
    assert (back.run_id, back.ended) == (result.run_id, result.ended)
    assert back.samples == result.samples


def test_08_where_nothing_can_be_kept_that_is_said(
    here: Here, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(outbox, "folder", lambda uri: tmp_path / "file" / "within")
    lose_when_complete(monkeypatch)
    result = here.run("none")
    assert result.exit_code == 2
    last = result.output.splitlines()[-1]
    assert last.startswith("error: the tracking store is on holiday. 1 runs are not in it")
    assert "the results of 0 of them are kept" in last
