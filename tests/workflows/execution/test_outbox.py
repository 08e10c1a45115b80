"""Results that a store did not take: saved whole, sent once, dropped if damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmark.protocol.strategy import NONE
from benchmark.tracking import cells
from benchmark.tracking.cells import CellResult
from benchmark.tracking.retry import StoreUnavailableError
from benchmark.tracking.store import Store
from benchmark.tracking.system_metrics import Sample
from benchmark.training.score import score
from benchmark.workflows.execution import outbox
from tests.toys import FIT

STORE = Store("sqlite:////nowhere/mlflow.db", "1", {})
SAMPLES = [Sample("system/cpu", 7.5, 1_800_000_000_000, 0)]


def result(run_id: str) -> CellResult:
    return CellResult(run_id, 1_800_000_000_000, FIT, score(NONE, FIT), SAMPLES)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKEWBENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[CellResult]:
    """What is logged."""
    taken: list[CellResult] = []
    monkeypatch.setattr(cells, "complete", lambda store, result: taken.append(result))
    return taken


def test_what_is_saved_is_sent_once_and_as_it_was(sent: list[CellResult]) -> None:
    for name in ("b", "a"):
        assert outbox.save(STORE.uri, result(name))
    messages = list(outbox.send(STORE))
    assert messages == ["logged a saved result (a)", "logged a saved result (b)"]
    assert [one.run_id for one in sent] == ["a", "b"]
    expected = result("a")
    assert (sent[0].ended, sent[0].samples) == (expected.ended, SAMPLES)
    assert sent[0].score.metrics == expected.score.metrics
    assert sent[0].fit.curves == FIT.curves
    for name in ("logits", "decisions", "labels"):
        assert np.array_equal(getattr(sent[0].score, name), getattr(expected.score, name))
    assert not list(outbox.send(STORE)) and not list(outbox.folder(STORE.uri).iterdir())


def test_every_store_has_its_own(sent: list[CellResult]) -> None:
    outbox.save("sqlite:////else/mlflow.db", result("a"))
    assert not list(outbox.send(STORE)) and not sent


def test_a_damaged_file_is_dropped_and_the_others_are_sent(sent: list[CellResult]) -> None:
    for name in ("a", "b"):
        outbox.save(STORE.uri, result(name))
    path = outbox.folder(STORE.uri) / "a.npz"
    path.write_bytes(path.read_bytes()[:-50])
    first, second = outbox.send(STORE)
    assert first.startswith("dropped a saved result, which is run again: the file is damaged")
    assert second == "logged a saved result (b)" and [one.run_id for one in sent] == ["b"]
    assert not list(outbox.folder(STORE.uri).iterdir())


def test_what_a_store_still_does_not_take_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*_: object) -> None:
        raise StoreUnavailableError("away")

    monkeypatch.setattr(cells, "complete", lost)
    outbox.save(STORE.uri, result("a"))
    with pytest.raises(StoreUnavailableError):
        list(outbox.send(STORE))
    assert [path.name for path in outbox.folder(STORE.uri).iterdir()] == ["a.npz"]


def test_a_result_is_saved_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, target: Path) -> None:
        raise OSError("no space")

    monkeypatch.setattr(Path, "replace", full)
    assert not outbox.save(STORE.uri, result("a"))
    assert not list(outbox.folder(STORE.uri).iterdir())
    monkeypatch.undo()
    (tmp_path / "file").touch()
    monkeypatch.setenv("SKEWBENCH_CACHE", str(tmp_path / "file"))
    assert not outbox.save(STORE.uri, result("a"))
