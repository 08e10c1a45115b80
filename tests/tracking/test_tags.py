"""Tags: their names are told apart, and a cell's run carries what a leaderboard needs."""

from benchmark.tracking import cells, tags
from benchmark.tracking.store import Store
from tests.tracking.conftest import get_run, make_training

NAMES = [value for name, value in vars(tags).items() if name.isupper() and isinstance(value, str)]


def test_names_are_distinct() -> None:
    assert len(set(NAMES)) == len(NAMES) > 25


def test_a_cells_run_is_complete_from_its_creation(store: Store) -> None:
    training = make_training("none")
    run_id = cells.start(store, training, training.cells[0], 1)
    assert get_run(store, run_id).data.tags.keys() >= tags.OF_CELL


def test_an_invocations_run_is_complete_from_its_creation(store: Store) -> None:
    assert get_run(store, store.invocation).data.tags.keys() >= tags.OF_INVOCATION
