"""Who is alive: by process on this machine, by heartbeat elsewhere."""

from __future__ import annotations

import json
import os
import time
from typing import Any

import pytest
from mlflow import MlflowClient

from benchmark.tracking import cells, invocation, lease, tags
from benchmark.tracking.store import Store
from tests.tracking.conftest import get_run, make_plan, make_training, tag

ELSEWHERE = {"machine": "elsewhere", "pid": 1, "began": 1.0}


def parent() -> dict[str, Any]:
    """A living process of this machine that is not this one."""
    return {"pid": os.getppid(), "began": lease._began(os.getppid())}


def another(store: Store, silent: float = 0.0, **owner: Any) -> Store:
    """An invocation of another process with a cell, both RUNNING."""
    other = invocation.start_invocation(store, make_plan("none"))
    facts = json.loads(tag(other, other.invocation, tags.OWNER)) | owner
    client = MlflowClient(store.uri)
    client.set_tag(other.invocation, tags.OWNER, json.dumps(facts))
    client.set_tag(other.invocation, tags.ALIVE, f"{time.time() - silent:.0f}")
    training = make_training("none")
    cells.start(other, training, training.cells[0], 1)
    return other


CASES = {
    "this process, earlier": ({}, 0.0, False),
    "a living process": (parent(), 0.0, True),
    "the number of a dead process": ({"pid": os.getppid(), "began": 12345.0}, 0.0, False),
    "no such process": ({"pid": 2**22 + 1, "began": 12345.0}, 0.0, False),
    "elsewhere, heard of": (ELSEWHERE, lease.SILENCE / 2, True),
    "elsewhere, silent": (ELSEWHERE, 2 * lease.SILENCE, False),
}


@pytest.mark.parametrize(("owner", "silent", "alive"), CASES.values(), ids=list(CASES))
def test_who_is_alive(owner: dict[str, Any], silent: float, alive: bool, store: Store) -> None:
    other = another(store, silent, **owner)
    assert lease.living(store) == {store.invocation} | ({other.invocation} if alive else set())
    if alive:
        with pytest.raises(lease.NotAloneError, match="another benchmark with this task"):
            lease.require_alone(store, ["now"])
    else:
        lease.require_alone(store, ["now"])
    lease.require_alone(store, ["other conditions"])


def test_a_run_without_an_owner_is_dead(store: Store) -> None:
    other = another(store)
    MlflowClient(store.uri).delete_tag(other.invocation, tags.OWNER)
    assert lease.living(store) == {store.invocation}


def test_what_the_dead_left_is_ended_and_the_living_are_left_alone(store: Store) -> None:
    dead, alive = another(store, 2 * lease.SILENCE, **ELSEWHERE), another(store, **parent())
    assert lease.end_dead_runs(store) == 1
    assert get_run(store, dead.invocation).info.status == "KILLED"
    for run_id in (alive.invocation, store.invocation):
        assert get_run(store, run_id).info.status == "RUNNING"
    query = f"tags.`{tags.KIND}` = 'cell'"
    runs = MlflowClient(store.uri).search_runs([store.experiment], query)
    statuses = {run.data.tags[tags.INVOCATION]: run.info.status for run in runs}
    assert statuses == {dead.invocation: "KILLED", alive.invocation: "RUNNING"}
    assert lease.end_dead_runs(store) == 0


def test_a_heartbeat_renews_the_sign_of_life(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "HEARTBEAT", 0.05)
    MlflowClient(store.uri).set_tag(store.invocation, tags.ALIVE, "0")
    with lease.heartbeat(store):
        end = time.monotonic() + 20
        while tag(store, store.invocation, tags.ALIVE) == "0" and time.monotonic() < end:
            time.sleep(0.05)
    assert float(tag(store, store.invocation, tags.ALIVE)) == pytest.approx(time.time(), abs=60)


def test_a_heartbeat_survives_a_store_that_is_away(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    beats: list[int] = []

    def away(*_: Any) -> None:
        beats.append(1)
        raise ValueError("away")

    monkeypatch.setattr(lease, "HEARTBEAT", 0.01)
    monkeypatch.setattr(MlflowClient, "set_tag", away)
    with lease.heartbeat(store):
        end = time.monotonic() + 20
        while len(beats) < 3 and time.monotonic() < end:
            time.sleep(0.01)
    assert len(beats) >= 3
