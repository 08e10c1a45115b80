"""One training and its cells: what is logged, shared, tried again and given up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from mlflow import MlflowClient

from benchmark.protocol import grammar, grid, registry
from benchmark.protocol.grid import Training
from benchmark.tracking import cells, history
from benchmark.tracking.invocation import start_invocation
from benchmark.tracking.retry import StoreUnavailableError
from benchmark.tracking.store import Store, open_store
from benchmark.training.loop import DivergedError
from benchmark.workflows.execution import tracked_training, worker
from benchmark.workflows.execution.dispatch import run_trainings
from benchmark.workflows.execution.tracked_training import reason_of, run_training

SPECS = grammar.read_list("none, threshold")


@pytest.fixture
def trainings(toy: Path) -> list[Training]:
    """Two seeds of a training that `none` and `threshold` share."""
    task = registry.task("toy")
    settings, path = task.settings(), str(toy / "data.npz")
    data = worker.load("toy", settings, path)
    budget = task.budget(settings, data.source)
    conditions = grid.make_conditions("toy", settings, path, data, budget)
    return list(grid.plan_trainings(conditions, SPECS, [0, 1]))


@pytest.fixture
def store(store_uri: str, trainings: list[Training]) -> Store:
    plan = grid.make_plan(trainings[0].conditions, SPECS, 2)
    return start_invocation(open_store(store_uri, "toy"), plan)


def report(*_: object) -> None:
    """Nobody listens."""


def statuses(store: Store) -> list[str]:
    client = MlflowClient(store.uri)
    runs = client.search_runs([store.experiment], "tags.`skewbench.kind` = 'cell'")
    return sorted(run.info.status for run in runs)


def test_cells_share_a_training_and_are_not_run_again(
    trainings: list[Training], store: Store, untrained: list[int]
) -> None:
    told: list[tuple[str, str, int]] = []
    outcomes = run_training(trainings[0], store, lambda *event: told.append(event))
    assert [(one.cell.label, one.status) for one in outcomes] == [
        ("none", "finished"),
        ("threshold", "finished"),
    ]
    assert all("test/f1" in one.metrics and one.seconds == 1.0 for one in outcomes)
    name = "none, threshold · seed 0"
    assert told == [(trainings[0].identity, name, trainings[0].conditions.budget.steps)]
    assert run_training(trainings[0], store, report) == []
    assert untrained == [0] and statuses(store) == ["FINISHED", "FINISHED"]


def test_a_new_decision_reuses_the_saved_fit(
    trainings: list[Training], store: Store, untrained: list[int]
) -> None:
    training = trainings[0]
    first, second = (replace(training, cells=(cell,)) for cell in training.cells)
    run_training(first, store, report)
    [outcome] = run_training(second, store, report)
    assert (outcome.status, outcome.seconds) == ("finished", 0.0)
    assert untrained == [0]


def test_a_training_that_fails_fails_its_cells_with_the_reason(
    trainings: list[Training], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverge(*_: object) -> None:
        raise DivergedError("the loss was nan at step 7")

    monkeypatch.setattr(tracked_training, "train", diverge)
    outcomes = run_training(trainings[0], store, report)
    assert {(one.status, one.reason) for one in outcomes} == {
        ("failed", "the loss was nan at step 7")
    }
    assert statuses(store) == ["FAILED", "FAILED"]


def test_a_training_is_given_up_after_its_last_attempt(
    trainings: list[Training], store: Store, untrained: list[int]
) -> None:
    for attempt in range(1, history.ATTEMPTS + 1):
        assert history.training_history(store, trainings[0]).attempts == attempt - 1
        for cell in trainings[0].cells:
            cells.start(store, trainings[0], cell, attempt)  # and its worker dies
    outcomes = run_training(trainings[0], store, report)
    assert {one.status for one in outcomes} == {"failed"}
    assert "its worker died" in outcomes[0].reason and "(attempt 3 of 3)" in outcomes[0].reason
    assert untrained == [] and "RUNNING" not in statuses(store)


def test_the_device_is_free_while_the_first_attempt_is_logged(
    trainings: list[Training], store: Store, untrained: list[int]
) -> None:
    freed: list[int] = []
    run_training(trainings[0], store, report, on_trained=lambda: freed.append(1))
    assert freed == [1]
    cells.start(store, trainings[1], trainings[1].cells[0], 1)  # and its worker dies
    run_training(trainings[1], store, report, on_trained=lambda: freed.append(2))
    assert freed == [1]  # it may kill its worker again, which is to do nothing else


def test_one_training_at_most_is_logged_while_others_go_on(
    trainings: list[Training], store: Store, untrained: list[int]
) -> None:
    freed: list[int] = []

    def train_the_next() -> None:
        run_training(trainings[1], store, report, on_trained=lambda: freed.append(1))

    run_training(trainings[0], store, report, on_trained=train_the_next)
    assert freed == []  # short trainings would pile up
    assert statuses(store) == ["FINISHED"] * 4
    [later] = grid.plan_trainings(trainings[0].conditions, SPECS, [2])
    run_training(later, store, report, on_trained=lambda: freed.append(2))
    assert freed == [2]


def test_a_result_that_the_store_does_not_take_is_handed_back(
    trainings: list[Training], store: Store, untrained: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: object) -> None:
        raise StoreUnavailableError("the store is away")

    monkeypatch.setattr(cells, "complete", lost)
    for outcome in run_training(trainings[0], store, report):
        assert (outcome.status, outcome.reason) == ("unlogged", "the store is away")
        assert outcome.result is not None and "test/f1" in outcome.result.score.metrics


def test_in_this_process_trainings_run_one_after_the_other(
    trainings: list[Training], store: Store, untrained: list[int]
) -> None:
    outcomes = run_trainings(None, trainings, store, report)
    assert [one.training for one in next(outcomes)] == [trainings[0].identity] * 2
    assert untrained == [0]
    assert len(list(outcomes)) == 1 and untrained == [0, 1]


def test_data_that_changes_meanwhile_is_refused(
    trainings: list[Training], store: Store, untrained: list[int]
) -> None:
    conditions = replace(trainings[0].conditions, content="of another file")
    outcomes = run_training(replace(trainings[0], conditions=conditions), store, report)
    assert {one.status for one in outcomes} == {"failed"}
    assert "changed while the benchmark ran" in outcomes[0].reason
    assert untrained == []


def test_a_reason_is_one_line_that_says_where_a_bug_is() -> None:
    assert reason_of(DivergedError("nan")) == "nan"
    try:
        raise KeyError("a\nb" * 500)
    except KeyError as error:
        reason = reason_of(error)
    assert reason.startswith("KeyError: ") and "\n" not in reason
    assert "(test_tracked_training.py:" in reason and len(reason) < 400
