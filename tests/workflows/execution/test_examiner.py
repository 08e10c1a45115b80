"""Judging what workers say of themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from benchmark.tracking import probe
from benchmark.workflows.execution import examiner
from tests.workflows.execution.test_roster import FACTS

REQUIRED: Any = SimpleNamespace(store=None)


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examiner, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(examiner, "ARRIVAL_SECONDS", 0.5)


def answers() -> Iterator[bool]:
    """Of a network that comes back."""
    yield False
    yield True


def test_an_artifact_that_arrives_late_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    given = answers()
    monkeypatch.setattr(probe, "is_there", lambda *_: next(given))
    assert examiner._arrives(REQUIRED, replace(FACTS, artifact="a"))


def test_an_artifact_that_never_arrives_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    def is_there(*_: object) -> bool:
        raise ConnectionError

    monkeypatch.setattr(probe, "is_there", is_there)
    assert not examiner._arrives(REQUIRED, replace(FACTS, artifact="a"))
