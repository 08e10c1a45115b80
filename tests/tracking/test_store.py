"""Opening a store, and reading it."""

from __future__ import annotations

import pickle
import threading
from pathlib import Path

import pytest
from mlflow import MlflowClient

from benchmark.protocol.errors import UserError
from benchmark.tracking.store import (
    Store,
    connect,
    locked,
    open_store,
    pages,
    resolve,
)


def test_the_address_is_what_was_given_else_the_environments_else_a_file_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert resolve("") == f"sqlite:///{tmp_path}/mlflow.db"
    assert resolve("sqlite:///mine.db") == f"sqlite:///{tmp_path}/mine.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert resolve("") == "http://127.0.0.1:5000"
    assert resolve("sqlite:////else/where.db") == "sqlite:////else/where.db"


def test_a_folder_whose_name_sqlite_cannot_take_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "what?"
    folder.mkdir()
    monkeypatch.chdir(folder)
    with pytest.raises(UserError, match=r"no SQLite store can be in a folder with '\?'"):
        resolve("")


def test_an_experiment_is_made_once_with_its_artifacts_beside_the_store(
    store_uri: str, tmp_path: Path
) -> None:
    first, second = (open_store(store_uri, "birds") for _ in range(2))
    assert first.experiment == second.experiment
    experiment = MlflowClient(store_uri).get_experiment(first.experiment)
    assert experiment.name == "birds"
    assert experiment.artifact_location.startswith((tmp_path / "mlruns").as_uri())


def test_a_deleted_experiment_is_named(opened: Store) -> None:
    MlflowClient(opened.uri).delete_experiment(opened.experiment)
    with pytest.raises(UserError, match=r"experiment 'birds' in .* is deleted: restore it"):
        open_store(opened.uri, "birds")


def test_a_store_travels_to_a_worker_without_its_client(store: Store) -> None:
    assert store.client is store.client
    assert pickle.loads(pickle.dumps(store)) == store


def test_all_pages_of_an_answer_are_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmark.tracking.store.PAGE_SIZE", 2)
    for _ in range(5):
        store.client.create_run(store.experiment, tags={"of": "pages"})
    found = list(pages(store.client, [store.experiment], "tags.of = 'pages'"))
    assert len({run.info.run_id for run in found}) == 5


def test_one_at_a_time_holds_the_lock(store_uri: str) -> None:
    entered = threading.Event()

    def enter() -> None:
        with locked(store_uri):
            entered.set()

    other = threading.Thread(target=enter)
    with locked(store_uri):
        other.start()
        assert not entered.wait(0.2)
        with locked(f"{store_uri}.another"):
            pass
    assert entered.wait(10)
    other.join()


@pytest.mark.parametrize(
    "place, words",
    [
        ("sqlite:///{}/absent/mlflow.db", "there is no folder"),
        ("{}/mlruns", "is a folder of files"),
    ],
)
def test_a_place_that_cannot_hold_a_store_is_named(tmp_path: Path, place: str, words: str) -> None:
    with pytest.raises(UserError, match=words) as error:
        connect(place.format(tmp_path))
    assert "\n" not in str(error.value)
