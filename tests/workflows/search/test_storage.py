"""Trials in Optuna's storage: as many as asked for, each once, whoever dies."""

import threading
import time
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState
from sqlalchemy.exc import IntegrityError

from benchmark.protocol.errors import UserError
from benchmark.workflows.search import storage


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/optuna.db"


def claimed(url: str, total: int, owner: str = "me") -> optuna.Trial | None:
    return storage.claim(storage.load(url, "it"), url, total, owner)


def test_two_that_ask_for_more_trials_plan_them_once(url: str) -> None:
    study = storage.create(url, "it", False)
    for total in (3, 3, 2, 5):
        storage.plan(study, url, total)
    assert len(storage.standing(study)) == 5
    storage.create(url, "it", False)  # again, as another process does
    assert len(storage.standing(storage.load(url, "it"))) == 5


# catch_warnings is not made for threads: one may undo what another has silenced
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_threads_that_claim_at_once_get_every_trial_once(url: str) -> None:
    storage.plan(storage.create(url, "it", False), url, 12)
    numbers: list[int] = []

    def work() -> None:
        while (trial := claimed(url, 10)) is not None:
            numbers.append(trial.number)
            trial.suggest_float("x", 0, 1)
            trial.study.tell(trial, 1.0)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(10))
    values = [trial.params["x"] for trial in storage.load(url, "it").trials[:10]]
    assert len(set(values)) == 10  # no two drew the same numbers


def test_a_trial_of_a_dead_process_is_tried_again_with_the_same_parameters(url: str) -> None:
    study = storage.create(url, "it", False)
    storage.plan(study, url, 2)
    lost, mine = claimed(url, 2, "dead"), claimed(url, 2, "alive")
    assert lost is not None and mine is not None
    chosen = lost.suggest_float("x", 0, 1)
    storage.retry_lost(study, url, {"alive"})
    storage.retry_lost(study, url, {"alive"})  # a second look changes nothing
    assert [trial.number for trial in storage.standing(study)] == [2, 1]
    again = claimed(url, 2, "alive")
    assert again is not None and again.number == 2
    assert again.suggest_float("x", 0, 1) == chosen
    for trial in (mine, again):
        trial.study.tell(trial, 1.0)
    storage.plan(study, url, 2)
    assert [trial.state for trial in storage.standing(study)] == [TrialState.COMPLETE] * 2
    late = lost.study.tell(lost, 1.0, skip_if_finished=True)
    assert late.state == TrialState.FAIL


@pytest.mark.slow
def test_a_trial_whose_heart_stops_is_tried_three_times(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKEWBENCH_HEARTBEAT", "0.4")
    study = storage.create(url, "it", False)
    storage.plan(study, url, 1)
    for attempt in range(1 + storage.RETRIES):
        trial = claimed(url, 1)
        assert trial is not None and trial.number == attempt
        with storage.heartbeat(trial.study, trial):
            time.sleep(0.1)
            storage.retry_lost(study, url)
            assert not trial.study.trials[attempt].state.is_finished()
        deadline = time.monotonic() + 60
        while not study.trials[attempt].state.is_finished() and time.monotonic() < deadline:
            time.sleep(0.2)
            storage.retry_lost(study, url)
    [failed] = storage.standing(study)
    assert failed.state == TrialState.FAIL


def test_a_worker_that_dies_before_its_first_heartbeat_is_found_out(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = storage.create(url, "it", False)
    storage.plan(study, url, 1)
    [waiting] = storage.standing(study)
    study._storage.set_trial_state_values(waiting._trial_id, state=TrialState.RUNNING)
    storage.retry_lost(study, url)
    assert [trial.number for trial in storage.standing(study)] == [0]
    monkeypatch.setenv("SKEWBENCH_HEARTBEAT", "0")
    storage.retry_lost(study, url)
    assert [trial.number for trial in storage.standing(study)] == [1]


def test_tables_that_another_host_creates_at_the_same_moment_are_used(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_tables = optuna.storages._rdb.models.BaseModel.metadata.create_all
    errors = iter([IntegrityError("CREATE TABLE studies", {}, Exception("duplicate key"))])

    def beaten_once(engine: Any) -> None:
        create_tables(engine)
        for error in errors:
            raise error

    monkeypatch.setattr(optuna.storages._rdb.models.BaseModel.metadata, "create_all", beaten_once)
    assert storage.create(url, "it", False).study_name == "it"


@pytest.mark.parametrize(
    "address",
    [
        "sqlite:////nowhere/at/all/it.db",
        "nonsense",
        "postgresql+psycopg://me:secret@127.0.0.1:1/it",
    ],
)
def test_a_storage_that_cannot_be_reached_is_one_line_without_its_password(address: str) -> None:
    with pytest.raises(UserError) as raised:
        storage.create(address, "it", False)
    said = str(raised.value)
    assert said.startswith("--storage") and "cannot be reached" in said
    assert "\n" not in said and "secret" not in said
