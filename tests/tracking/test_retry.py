"""A store that fails now and then: what is asked again, and when it is given up."""

from __future__ import annotations

import errno
import os
import types
from collections.abc import Callable
from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import (
    BAD_REQUEST,
    INVALID_PARAMETER_VALUE,
    TEMPORARILY_UNAVAILABLE,
)

from benchmark.tracking import retry
from benchmark.tracking.retry import RetryingClient, StoreUnavailableError
from benchmark.tracking.tags import CREATION

UNAVAILABLE = MlflowException("database is locked", error_code=TEMPORARILY_UNAVAILABLE)
REFUSED = MlflowException("UNIQUE constraint failed", error_code=BAD_REQUEST)
WRONG = MlflowException("no such run", error_code=INVALID_PARAMETER_VALUE)


class Fake:
    """A client whose calls raise the errors that are left, one after the other."""

    def __init__(self, *errors: Exception, after: bool = False) -> None:
        self.errors, self.after = list(errors), after
        self.calls = 0
        self.created: list[dict[str, str]] = []
        self.silent = False

    def set_tag(self, *_: Any) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"

    def create_run(self, experiment: str, *, tags: dict[str, str]) -> Any:
        self.calls += 1
        if self.errors and not self.after:
            raise self.errors.pop(0)
        self.created.append(tags)
        if self.errors:  # the run is there, but nobody was told
            raise self.errors.pop(0)
        return types.SimpleNamespace(tags=tags)

    def search_runs(self, experiments: list[str], query: str) -> list[Any]:
        return [
            types.SimpleNamespace(tags=tags) for tags in self.created if tags[CREATION] in query
        ]

    def search_experiments(self, **_: Any) -> list[Any]:
        if self.silent:
            raise ConnectionError("nobody there")
        return []


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Pauses between tries, which are not made."""
    made: list[float] = []
    monkeypatch.setattr(retry.time, "sleep", made.append)
    return made


def test_a_store_that_falters_is_asked_again_after_growing_pauses(pauses: list[float]) -> None:
    fake = Fake(*[UNAVAILABLE] * 8)
    assert RetryingClient(fake).set_tag("run", "key", "value") == "answer"
    assert fake.calls == 9 and len(pauses) == 8
    assert pauses[0] < 0.3 and retry.MAX_PAUSE / 2 <= pauses[-1] <= retry.MAX_PAUSE


@pytest.mark.parametrize("after", [False, True], ids=["lost request", "lost response"])
def test_one_run_is_created_whatever_was_lost(after: bool) -> None:
    fake = Fake(*[ConnectionError("reset")] * 3, after=after)
    run = RetryingClient(fake).create_run("0", tags={"kind": "cell"})
    assert len(fake.created) == 1
    assert run.tags == fake.created[0] and run.tags["kind"] == "cell"


def test_two_creations_make_two_runs() -> None:
    fake = Fake()
    client = RetryingClient(fake)
    for _ in range(2):
        client.create_run("0", tags={})
    assert len({tags[CREATION] for tags in fake.created}) == 2


@pytest.mark.parametrize(("refusals", "succeeds"), [(2, True), (3, False)])
def test_a_refusal_is_believed_the_third_time(refusals: int, succeeds: bool) -> None:
    fake = Fake(*[REFUSED] * refusals)
    if succeeds:
        assert RetryingClient(fake).set_tag() == "answer"
    else:
        with pytest.raises(MlflowException, match="UNIQUE"):
            RetryingClient(fake).set_tag()
    assert fake.calls == 3


def test_an_error_of_ours_is_raised_at_once() -> None:
    fake = Fake(WRONG)
    with pytest.raises(MlflowException, match="no such run"):
        RetryingClient(fake).set_tag()
    assert fake.calls == 1


def test_a_store_that_stays_away_is_given_up_for_good() -> None:
    fake = Fake(*[ConnectionError("no route")] * 9)
    fake.silent = True
    client = RetryingClient(fake)
    client.patience = 0
    for _ in range(2):
        with pytest.raises(StoreUnavailableError, match=r"has not answered for .* \(no route\)"):
            client.set_tag()
    assert fake.calls == 1


def test_a_store_that_answers_all_but_one_call_is_not_lost() -> None:
    fake = Fake(UNAVAILABLE)
    client = RetryingClient(fake)
    client.patience = 0
    with pytest.raises(MlflowException, match="database is locked"):
        client.set_tag()
    assert client.set_tag() == "answer"


@pytest.mark.parametrize(
    "full",
    [
        lambda: OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        lambda: MlflowException("(sqlite3.OperationalError) database or disk is full"),
    ],
)
def test_a_full_disk_is_named_at_once(full: Callable[[], Exception]) -> None:
    fake = Fake(full())
    with pytest.raises(StoreUnavailableError, match="no space is left for the tracking store"):
        RetryingClient(fake).set_tag()
    assert fake.calls == 1


def test_the_patience_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKEWBENCH_PATIENCE", "7")
    assert RetryingClient(Fake()).patience == 7


def test_a_store_that_cannot_be_written_is_given_up_at_once(pauses: list[float]) -> None:
    text = "(sqlite3.OperationalError) attempt to write a readonly database"
    fake = Fake(*[MlflowException(text, error_code=TEMPORARILY_UNAVAILABLE)] * 3)
    with pytest.raises(StoreUnavailableError, match=r"cannot be written .*: get write permission"):
        RetryingClient(fake).set_tag("run", "key", "value")
    assert fake.calls == 1 and not pauses
