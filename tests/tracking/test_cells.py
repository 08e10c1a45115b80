"""The run of a cell: done only when everything was read back."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from benchmark.tracking import cells, tags
from benchmark.tracking.history import read_fit
from benchmark.tracking.store import Store
from tests.toys import FIT
from tests.tracking.conftest import get_run, make_training, result_of

TRAINING = make_training("none", "threshold", seed=3)
FIGURE = "figures/precision_recall.png"


def start(store: Store, attempt: int = 1) -> str:
    return cells.start(store, TRAINING, TRAINING.cells[1], attempt)


def test_a_started_run_says_what_it_is(store: Store) -> None:
    run = get_run(store, start(store, attempt=2))
    assert run.info.status == "RUNNING"
    assert run.info.run_name == "threshold · seed 3"
    expected = {"strategy": "threshold", "seed": "3", "data": "synthetic", "steps": "10"}
    assert expected.items() <= run.data.params.items() and run.data.params["size"] == "64"
    assert run.data.tags[tags.ATTEMPT] == "2"
    assert run.data.tags[tags.INVOCATION] == store.invocation
    assert "shares its training with none" in run.data.tags[tags.NOTE]
    assert run.inputs.dataset_inputs[0].dataset.digest == "c0ffee"


def test_a_run_whose_start_is_refused_is_failed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise ValueError("no parameters today")

    monkeypatch.setattr(MlflowClient, "log_inputs", refuse)
    with pytest.raises(ValueError, match="no parameters today"):
        start(store)
    query = f"tags.`{tags.KIND}` = 'cell'"
    [run] = MlflowClient(store.uri).search_runs([store.experiment], query)
    assert (run.info.status, run.data.tags[tags.ERROR]) == ("FAILED", "no parameters today")


def test_a_completed_run_holds_all_results(store: Store) -> None:
    run_id = start(store)
    result = result_of(run_id)
    cells.complete(store, result)
    run = get_run(store, run_id)
    assert run.info.status == "FINISHED" and run.data.tags[tags.DONE] == "yes"
    assert result.score.metrics.items() <= run.data.metrics.items()
    assert run.data.metrics["timing/training"] == FIT.seconds["training"]
    assert json.loads(run.data.tags[tags.FILES]) == ["predictions.npz", FIGURE]
    assert MlflowClient(store.uri).list_artifacts(run_id, "figures")[0].path == FIGURE
    fit = read_fit(store.uri, run.info.artifact_uri, run.data.tags[tags.PREDICTIONS])
    assert fit is not None and np.array_equal(fit.test.best, FIT.test.best)


def test_completing_again_writes_nothing_twice(store: Store) -> None:
    run_id = start(store)
    cells.complete(store, result_of(run_id))
    client = MlflowClient(store.uri)
    client.delete_tag(run_id, tags.DONE)
    client.update_run(run_id, "RUNNING")  # as if the last answers of the store had been lost
    cells.complete(store, result_of(run_id))
    for name in ("test/f1", "train/loss", "timing/training"):
        assert len(client.get_metric_history(run_id, name)) == 1


def test_metrics_beyond_one_batch_are_all_there(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cells, "BATCH_LIMIT", 13)
    run_id = start(store)
    result = result_of(run_id)
    cells.complete(store, result)
    assert len(get_run(store, run_id).data.metrics) >= len(result.score.metrics) > 7


@pytest.mark.parametrize("call", ["log_artifacts", "log_batch"])
def test_what_the_store_loses_silently_is_noticed(
    call: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = start(store)
    original = getattr(MlflowClient, call)

    def lose(*given: Any, **named: Any) -> None:
        if call == "log_batch" and "metrics" not in named:
            original(*given, **named)

    monkeypatch.setattr(MlflowClient, call, lose)
    with pytest.raises(RuntimeError, match="the store did not keep"):
        cells.complete(store, result_of(run_id))
    assert tags.DONE not in get_run(store, run_id).data.tags


def test_a_run_that_another_process_ended_is_not_finished(store: Store) -> None:
    run_id = start(store)
    MlflowClient(store.uri).set_terminated(run_id, "KILLED")
    with pytest.raises(RuntimeError, match="was ended as KILLED by another process"):
        cells.complete(store, result_of(run_id))
    run = get_run(store, run_id)
    assert run.info.status == "KILLED" and tags.DONE not in run.data.tags


def test_a_deleted_run_cannot_be_completed(store: Store) -> None:
    run_id = start(store)
    MlflowClient(store.uri).delete_run(run_id)
    with pytest.raises(MlflowException):
        cells.complete(store, result_of(run_id))
