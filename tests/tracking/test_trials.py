"""The runs of a search and of its trials."""

from __future__ import annotations

from dataclasses import replace

import pytest
from mlflow import MlflowClient

from benchmark.tracking import tags, trials
from benchmark.tracking.store import Store
from benchmark.tracking.trials import Trial
from tests.tracking.conftest import CONDITIONS, get_run

TRIAL = Trial(
    number=4,
    state="COMPLETE",
    strategy="class_weight(positive=9)",
    chosen={"positive": "9"},
    shared={"task": "birds"},
    metrics={"val/f1": 0.5, "val/f1_sd": 0.1},
    seeds=(0.4, 0.6),
    reason="",
    started=1_800_000_000_000,
    ended=1_800_000_060_000,
)


@pytest.fixture
def searching(opened: Store) -> Store:
    return trials.start_search(opened, CONDITIONS, "abc", "birds: class_weight by f1")


def test_a_search_says_what_it_is(searching: Store) -> None:
    run = get_run(searching, searching.invocation)
    assert run.info.run_name == "search: birds: class_weight by f1"
    assert (run.data.tags[tags.KIND], run.data.tags[tags.SEARCH]) == ("search", "abc")
    assert tags.OWNER in run.data.tags


@pytest.mark.parametrize(
    ("state", "status"), [("COMPLETE", "FINISHED"), ("PRUNED", "KILLED"), ("FAIL", "FAILED")]
)
def test_a_trial_is_a_run_with_its_state(state: str, status: str, searching: Store) -> None:
    reason = "" if state == "COMPLETE" else "for a reason"
    trials.log(searching, "abc", replace(TRIAL, state=state, reason=reason))
    [run_id] = trials.logged(searching, "abc").values()
    run = get_run(searching, run_id)
    assert run.info.status == status
    assert (run.info.start_time, run.info.end_time) == (TRIAL.started, TRIAL.ended)
    assert run.data.params == {"positive": "9", "task": "birds"}
    assert TRIAL.metrics.items() <= run.data.metrics.items()
    assert run.data.tags.get(tags.ERROR, "") == reason
    history = MlflowClient(searching.uri).get_metric_history(run_id, "seed")
    assert [(point.step, point.value) for point in history] == [(0, 0.4), (1, 0.6)]


def test_logged_trials_are_those_of_this_search_that_are_whole(searching: Store) -> None:
    for number in (0, 7):
        trials.log(searching, "abc", replace(TRIAL, number=number))
    trials.log(searching, "another", replace(TRIAL, number=3))
    found = trials.logged(searching, "abc")
    assert set(found) == {0, 7}
    MlflowClient(searching.uri).delete_tag(found[7], tags.DONE)  # killed in the midst of it
    assert set(trials.logged(searching, "abc")) == {0}


def test_a_name_that_is_too_long_is_cut(searching: Store) -> None:
    chosen = {f"weights.{number}": "12.5" for number in range(40)}
    trials.log(searching, "abc", replace(TRIAL, chosen=chosen))
    [run_id] = trials.logged(searching, "abc").values()
    assert len(get_run(searching, run_id).info.run_name) == trials.MAX_NAME_LENGTH


def test_an_answer_is_written_on_the_searchs_run(searching: Store) -> None:
    trials.answer(searching, "# Found" + "x" * 9000, {"search.md": "# Found"})
    run = get_run(searching, searching.invocation)
    assert run.data.tags[tags.NOTE].startswith("# Found")
    assert len(run.data.tags[tags.NOTE]) == tags.LIMIT
    [file] = MlflowClient(searching.uri).list_artifacts(searching.invocation)
    assert file.path == "search.md"
