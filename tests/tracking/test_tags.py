"""Tags: their names are told apart, and a cell's run carries what a leaderboard needs."""

import json

import pytest
from mlflow import MlflowClient

from benchmark.tracking import cells, tags
from benchmark.tracking.store import Store
from tests.tracking.conftest import get_run, make_training, result_of

NAMES = [value for name, value in vars(tags).items() if name.isupper() and isinstance(value, str)]


def test_names_are_distinct() -> None:
    assert len(set(NAMES)) == len(NAMES) > 25


def test_a_cells_run_is_complete_from_its_creation(store: Store) -> None:
    training = make_training("none")
    run_id = cells.start(store, training, training.cells[0], 1)
    assert get_run(store, run_id).data.tags.keys() >= tags.OF_CELL


def test_an_invocations_run_is_complete_from_its_creation(store: Store) -> None:
    assert get_run(store, store.invocation).data.tags.keys() >= tags.OF_INVOCATION


def test_what_no_query_needs_is_one_tag(store: Store) -> None:
    training = make_training("none")
    run_id = cells.start(store, training, training.cells[0], 1)
    cells.complete(store, result_of(run_id))
    found = MlflowClient(store.uri).get_run(run_id).data.tags
    own = {name for name in found if name.startswith(tags.PREFIX)}
    assert own == {
        *(tags.KIND, tags.CONDITIONS, tags.TRAINING, tags.INVOCATION, tags.SOURCE),
        *(tags.CREATION, tags.DONE, tags.DETAILS),
    }
    details = json.loads(found[tags.DETAILS])
    assert (details["label"], details["seed"], details["facts"]["task"]) == ("none", "0", "birds")
    assert details["collapsed"] in ("yes", "no") and details["files"]


def test_folded_tags_come_back_as_they_were() -> None:
    facts = json.dumps({"task": "birds", "classes": ["Rotkehlchen", "Zaunkönig"]})
    values = {tags.KIND: "cell", tags.LABEL: "none", tags.SEED: "3", tags.FACTS: facts}
    folded = tags.fold(values)
    assert set(folded) == {tags.KIND, tags.DETAILS}
    tags.unfold(folded)
    assert {name: folded[name] for name in values} == values


def test_facts_that_are_too_long_for_the_store_stay_by_themselves() -> None:
    facts = json.dumps({"notes": ["x" * (tags.LIMIT - 100)]})
    folded = tags.fold({tags.LABEL: "none", tags.STRATEGY: "s" * 200, tags.FACTS: facts})
    assert folded[tags.FACTS] == facts and tags.STRATEGY not in folded
    assert all(len(value) <= tags.LIMIT for value in folded.values())


@pytest.mark.parametrize("damaged", ["{", "[1]", "7"])
def test_stores_of_earlier_versions_and_damaged_tags(damaged: str) -> None:
    earlier = {tags.KIND: "cell", tags.LABEL: "none"}
    tags.unfold(earlier)
    assert earlier == {tags.KIND: "cell", tags.LABEL: "none"}
    tags.unfold(earlier | {tags.DETAILS: damaged})
