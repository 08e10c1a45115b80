"""Runs of a store as records: those of MLflow's client, from a database by three queries."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow import MlflowClient

from benchmark.protocol.errors import UserError
from benchmark.tracking import cells, records, tags
from benchmark.tracking.records import Record, read_runs
from benchmark.tracking.store import Store, connect
from tests.tracking.conftest import CONDITIONS, make_training


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no tracking store"):
        list(read_runs(f"sqlite:///{tmp_path}/nothing.db", "cell"))
    assert not list(tmp_path.iterdir())


def test_runs_of_a_kind_are_read_newest_first(store: Store) -> None:
    ids = []
    for seed in range(3):
        training = make_training("none", seed=seed)
        ids.append(cells.start(store, training, training.cells[0], 1))
    records = list(read_runs(store.uri, "cell"))
    assert {record.run for record in records} == set(ids)
    assert [record.started for record in records] == sorted(
        (record.started for record in records), reverse=True
    )
    assert records[0].conditions == "now" and records[0].facts["task"] == "birds"
    [invocation] = read_runs(store.uri, "invocation")
    assert invocation.run == store.invocation


def test_a_run_whose_identity_was_damaged_by_hand_is_left_out(store: Store) -> None:
    training = make_training("none")
    run_id = cells.start(store, training, training.cells[0], 1)
    MlflowClient(store.uri).delete_tag(run_id, tags.DETAILS)
    assert not list(read_runs(store.uri, "cell"))


def test_a_database_gives_what_the_client_gives(
    store: Store, finish: Callable[..., list[str]]
) -> None:
    deleted, odd, *_ = [
        run for seed in range(3) for run in finish(make_training("none", "threshold", seed=seed))
    ]
    client = MlflowClient(store.uri)
    client.delete_run(deleted)
    client.log_metric(odd, "test/odd", float("nan"))
    client.log_metric(odd, "test/odder", float("-inf"))
    removed = client.create_experiment("removed")
    client.create_run(removed, tags=client.get_run(odd).data.tags)
    client.delete_experiment(removed)
    for kind, count in {"cell": 5, "invocation": 1}.items():
        marks = {tags.KIND: kind}
        expected = records._from_client(connect(store.uri), marks)
        found = records._from_database(store.uri, marks)
        assert len(found) == count
        assert list(map(as_text, found)) == list(map(as_text, expected))
        assert list(map(as_text, read_runs(store.uri, kind))) == list(map(as_text, found))


def test_runs_under_other_conditions_can_be_left_out(
    store: Store, finish: Callable[..., list[str]]
) -> None:
    finish(make_training("none"))
    others = finish(make_training("none", conditions=replace(CONDITIONS, identity="before")))
    assert [record.run for record in read_runs(store.uri, "cell", "before")] == others
    marks = {tags.KIND: "cell", tags.CONDITIONS: "before"}
    found = records._from_client(connect(store.uri), marks)
    assert [record.run for record in found] == others


def as_text(record: Record) -> str:
    """A record with its tags and metrics in the order of their names; nan equals nan."""
    parts = [sorted(record.tags.items()), sorted(record.metrics.items())]
    return repr([record.run, record.artifacts, record.started, record.status, *parts])
