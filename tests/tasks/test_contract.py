"""What every registered task must keep to. A new task is tested here without a change."""

import dataclasses
import io
import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.protocol import grammar, registry
from benchmark.protocol.errors import UserError
from benchmark.protocol.task import Data, Splits, Task

SMALL = {
    "catsdogs": "train=60 validation=40 test=40 size=32",
    "folder": "size=16",
    "whales": "size=24",
}  # where the default is slow
NAMES = [*registry.tasks(), "_template"]


@cache
def loaded(name: str) -> tuple[Task, Any, Data]:
    if name == "_template":
        from tasks._template import TASK

        settings = TASK.settings()
        return TASK, settings, TASK.synthetic(settings)
    settings = grammar.settings(name, SMALL.get(name, ""))
    return registry.task(name), settings, registry.task(name).synthetic(settings)


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def split_of(name: str, seed: int = 0) -> Splits:
    task, settings, data = loaded(name)
    return task.split(data, settings, seed)


def test_synthetic_is_synthetic_complete_and_the_same_every_time(name: str) -> None:
    task, settings, data = loaded(name)
    assert data.source == "synthetic"
    assert task.synthetic(settings).digest == data.digest
    assert len(data.rows) == len(data.labels) == len(data.groups)
    assert set(np.unique(data.labels)) == set(range(len(data.classes)))
    assert task.summary and task.kind in ("image", "table")


def test_splits_are_disjoint_and_hold_every_class(name: str) -> None:
    splits = split_of(name)
    parts = [splits.train, splits.validation, splits.test]
    rows = np.concatenate(parts)
    assert len(np.unique(rows)) == len(rows)
    assert rows.min() >= 0 and rows.max() < len(splits.x) == len(splits.y)
    _, _, data = loaded(name)
    assert set(splits.y[splits.train]) == set(range(len(data.classes)))
    enough = np.flatnonzero(np.bincount(data.labels) >= 3)  # the others may be in training alone
    for part in parts:
        assert set(splits.y[part]) >= set(enough.tolist())


def test_validation_and_test_have_the_same_prevalence(name: str) -> None:
    splits = split_of(name)
    validated, tested = (
        np.bincount(splits.y[part], minlength=splits.y.max() + 1) / len(part)
        for part in (splits.validation, splits.test)
    )
    assert np.abs(validated - tested).max() < 0.02


def test_duplicates_do_not_straddle_splits(name: str) -> None:
    _, _, data = loaded(name)
    splits = split_of(name)
    groups = [set(data.groups[part]) for part in (splits.train, splits.validation, splits.test)]
    assert not (groups[0] & groups[1] or groups[0] & groups[2] or groups[1] & groups[2])


def test_same_seed_same_split_other_seed_another(name: str) -> None:
    first, again, other = split_of(name), split_of(name), split_of(name, seed=1)
    np.testing.assert_array_equal(first.test, again.test)
    np.testing.assert_array_equal(first.x, again.x)
    assert set(first.train) != set(other.train)


def test_raw_rows_are_encoded_as_the_split_has_them(name: str) -> None:
    task, settings, data = loaded(name)
    splits = split_of(name, seed=1)
    learned = json.loads(json.dumps(splits.learned))
    for rows in (splits.test[:1], np.r_[splits.test[:3], splits.train[:2]], splits.validation[3:]):
        encoded = task.encode(settings, learned, raw(task, data, rows))
        assert encoded.dtype == splits.x.dtype
        np.testing.assert_array_equal(encoded, splits.x[rows])


def raw(task: Task, data: Data, rows: Any) -> Any:
    """Rows as they are before a task has read them."""
    return data.rows.iloc[rows] if task.kind == "table" else [png(data.rows[row]) for row in rows]


def png(pixels: Any) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_network_gives_a_logit_a_class_and_ends_in_a_dense_layer_with_bias(name: str) -> None:
    import keras

    task, settings, data = loaded(name)
    splits = split_of(name)
    weights = []
    for _ in range(2):
        keras.utils.set_random_seed(3)
        budget = task.budget(settings, "synthetic")
        network = task.network(settings, splits, len(data.classes), budget)
        weights.append(network.model.get_weights())
    assert network.model(splits.x[:5]).shape == (5, len(data.classes))
    last = network.model.layers[-1]
    assert isinstance(last, keras.layers.Dense) and last.use_bias
    assert last.activation is keras.activations.linear
    for one, two in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, two)


def test_budget_is_positive_for_real_and_synthetic_data(name: str) -> None:
    task, settings, _ = loaded(name)
    for source in ("real", "synthetic"):
        budget = task.budget(settings, source)  # type: ignore[arg-type]
        assert budget.steps > 0 and budget.batch > 0


def test_data_that_is_not_there_is_named(name: str, tmp_path: Path) -> None:
    task, settings, _ = loaded(name)
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(UserError, match=str(tmp_path)):
            task.load(settings, path)


def test_settings_are_a_frozen_dataclass_with_defaults(name: str) -> None:
    task, settings, _ = loaded(name)
    assert dataclasses.is_dataclass(task.settings)
    assert task.settings() == dataclasses.replace(task.settings())
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(settings, dataclasses.fields(settings)[0].name, 1)


def test_importing_all_tasks_loads_nothing_heavy() -> None:
    heavy = ("tensorflow", "keras", "mlflow", "pandas", "sklearn", "matplotlib")
    code = (
        "import sys; from benchmark.protocol import registry; registry.tasks(); "
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
