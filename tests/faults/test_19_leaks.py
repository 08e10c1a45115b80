"""Fault 19: duplicates across splits, resampling before the split, a threshold from test.

Tasks, data and strategies that try. None succeeds.
"""

from __future__ import annotations

import inspect
import io
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmark.protocol import grammar, registry
from benchmark.protocol.arrays import Ints
from benchmark.protocol.chain import chain
from benchmark.protocol.errors import UserError
from benchmark.protocol.splits import with_checked_splits
from benchmark.protocol.strategy import NONE, Resampling, Strategy
from benchmark.protocol.task import Budget, Data, Splits
from benchmark.training import fit, score
from benchmark.training.job import TrainingJob
from tasks import insurance
from tasks._template import TASK, Settings
from tasks.images import dataset
from tasks.synthetic.insurance import customers
from tests import toys

SETTINGS = Settings()
DATA = TASK.synthetic(SETTINGS)
SPLITS = TASK.split(DATA, SETTINGS, 0)
BUDGET = Budget(steps=20, batch=16)


# --- tasks that try ---------------------------------------------------------------------


def split_by(change: Callable[[Data, Splits], Splits], data: Data = DATA) -> Splits:
    task = replace(TASK, split=lambda d, settings, seed: change(d, TASK.split(d, settings, seed)))
    return with_checked_splits(task).split(data, SETTINGS, 0)


def joined(splits: Splits, part: str, rows: Ints) -> Splits:
    return replace(splits, **{part: np.concatenate([getattr(splits, part), rows])})


@pytest.mark.parametrize(("there", "here"), [("train", "test"), ("test", "validation")])
def test_19_a_row_in_two_splits_is_refused(there: str, here: str) -> None:
    with pytest.raises(UserError, match="in two places of the task's splits"):
        split_by(lambda data, splits: joined(splits, here, getattr(splits, there)[:1]))


def test_19_a_duplicate_in_another_split_is_refused() -> None:
    groups = DATA.groups.copy()
    groups[SPLITS.test[0]] = groups[SPLITS.train[0]]
    with pytest.raises(UserError, match="exact duplicate"):
        split_by(lambda data, splits: SPLITS, replace(DATA, groups=groups))


def test_19_a_task_that_resamples_before_it_splits_is_refused() -> None:
    def oversampled_first(data: Data, splits: Splits) -> Splits:
        positives = np.flatnonzero(data.labels == 1)
        rows = np.random.default_rng(0).permutation([*range(len(data.labels)), *positives])
        train, validation, test = np.split(rows, [2000, 3000])
        return replace(splits, train=train, validation=validation, test=test)

    with pytest.raises(UserError, match="leave resampling to the strategies"):
        split_by(oversampled_first)


def test_19_a_task_that_oversamples_its_training_split_is_refused() -> None:
    with pytest.raises(UserError, match="leave resampling to the strategies"):
        split_by(lambda data, splits: joined(splits, "train", splits.train[:100]))


def test_19_a_task_that_makes_rows_of_its_own_is_refused() -> None:
    def smoted(data: Data, splits: Splits) -> Splits:
        return replace(splits, x=np.concatenate([splits.x, splits.x]), y=np.tile(splits.y, 2))

    with pytest.raises(UserError, match="other rows than its data"):
        split_by(smoted)


def test_19_every_task_that_the_harness_gets_is_held_to_the_rules(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = registry.tasks()["insurance"]
    cheating = replace(TASK, split=lambda *given: replace(SPLITS, test=SPLITS.train))
    monkeypatch.setattr(module, "TASK", cheating)
    with pytest.raises(UserError, match="in two places"):
        registry.task("insurance").split(DATA, SETTINGS, 0)


# --- data that tries --------------------------------------------------------------------


def test_19_rows_that_were_oversampled_on_disk_stay_on_one_side(tmp_path: Path) -> None:
    frame = customers().head(2000)
    positives = frame[frame["Response"] == 1]
    import pandas as pd

    swollen = pd.concat([frame, *[positives] * 7]).assign(id=lambda rows: np.arange(len(rows)))
    swollen.sample(frac=1, random_state=0).to_csv(tmp_path / "train.csv", index=False)
    settings, task = insurance.Settings(), with_checked_splits(insurance.TASK)
    data = task.load(settings, tmp_path)
    splits = task.split(data, settings, 0)
    rows = [
        {tuple(row) for row in data.rows.iloc[part].to_numpy().tolist()}
        for part in (splits.train, splits.validation, splits.test)
    ]
    assert not (rows[0] & rows[1] or rows[0] & rows[2] or rows[1] & rows[2])


def jpeg(shade: int) -> bytes:
    pixels = np.random.default_rng(shade).integers(0, 255, (24, 24, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


def test_19_copies_of_a_photo_with_other_bytes_are_one_group(tmp_path: Path) -> None:
    for number in range(6):
        for name, shade in (("cats", number), ("dogs", 100 + number)):
            content = jpeg(shade)
            comment = b"\xff\xfe\x00\x06copy"  # a segment that changes no pixel
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / f"{number}.jpg").write_bytes(content)
            (tmp_path / name / f"{number}b.jpg").write_bytes(content[:2] + comment + content[2:])
    data = dataset.load(tmp_path, ("cat", "dog"), 16)
    assert len(data.labels) == 24
    assert len(set(data.groups.tolist())) == 12
    for group in set(data.groups.tolist()):
        first, second = data.rows[data.groups == group]
        np.testing.assert_array_equal(first, second)


# --- strategies that try ----------------------------------------------------------------


def fitted(splits: Splits, strategy: Strategy) -> fit.Fit:
    return fit.fit(TrainingJob(TASK, SETTINGS, splits, 2, strategy, BUDGET, 0), lambda steps: None)


def reachable(value: Any, seen: dict[int, Any] | None = None) -> Iterator[np.ndarray]:
    """Every array that can be had from a value, by whatever way but the interpreter's frames."""
    seen = {} if seen is None else seen
    if id(value) in seen:
        return
    seen[id(value)] = value  # kept, so that no other object gets its id
    ways: list[Any] = []
    if isinstance(value, np.ndarray):
        yield value
        ways = [value.base]
    elif isinstance(value, dict):
        ways = [*value, *value.values()]
    elif isinstance(value, (list, tuple, set, frozenset)):
        ways = list(value)
    elif isinstance(value, partial):
        ways = [value.func, value.args, value.keywords]
    elif is_dataclass(value) and not isinstance(value, type):
        ways = [getattr(value, field.name) for field in fields(value)]
    elif inspect.isfunction(value):
        ways = [cell.cell_contents for cell in value.__closure__ or ()]
        ways += [value.__defaults__, value.__kwdefaults__, value.__dict__]
    for way in ways:
        yield from reachable(way, seen)


def test_19_nothing_that_a_slot_is_handed_leads_to_a_test_label() -> None:
    handed: list[Any] = []

    def resample(labels: Any, features: Any, rng: Any) -> Resampling:
        handed.extend([labels, features, features()])
        return NONE.resample(labels, features, rng)

    def spy(slot: str) -> Callable[..., Any]:
        def look(*given: Any) -> Any:
            handed.extend(given)
            return getattr(NONE, slot)(*given)

        return look

    slots = ("weigh", "mix", "loss", "bias", "normalise", "calibrate", "threshold")
    spies = Strategy(resample=resample, **{slot: spy(slot) for slot in slots})
    marked = SPLITS.y.copy()  # labels of test that no other array holds by chance
    fit = fitted(replace(SPLITS, y=marked), chain(spies, Strategy(resample=resample)))
    score.score(spies, fit)
    truth, rows = fit.test.labels, len(marked)
    arrays = list(reachable(handed))
    assert len(arrays) >= 8
    for array in arrays:
        kind = array.dtype.kind
        assert array.shape != (rows,) or kind == "f", "all labels"
        assert not (array.shape == truth.shape and np.array_equal(array, truth)), "test labels"
        if array.ndim == 2 and array.shape[1] == 2 and array.dtype == np.float64:
            assert not np.array_equal(array, fit.test.best), "test logits"


def flipped(splits: Splits) -> Splits:
    y = splits.y.copy()
    y[splits.test] = 1 - y[splits.test]
    return replace(splits, y=y)


@pytest.mark.parametrize(
    "text",
    [
        "none",
        "oversample+focal+threshold",
        "class_weight+logit_shift+threshold(beta=2)",
        "smote+prior_correction",
    ],
)
def test_19_other_test_labels_change_no_training_no_calibration_and_no_threshold(text: str) -> None:
    strategy = grammar.read(text).strategy
    one, other = fitted(SPLITS, strategy), fitted(flipped(SPLITS), strategy)
    for part in ("validation", "test"):
        for weights in ("best", "last"):
            np.testing.assert_array_equal(
                getattr(getattr(one, part), weights), getattr(getattr(other, part), weights)
            )
    assert (one.best_step, one.curves) == (other.best_step, other.curves)
    mine, theirs = score.score(strategy, one), score.score(strategy, other)
    np.testing.assert_array_equal(mine.decisions, theirs.decisions)
    np.testing.assert_array_equal(mine.logits, theirs.logits)
    for name in ("threshold", "threshold_tuned"):
        for prefix in ("test", "test_last_step"):
            assert mine.metrics[f"{prefix}/{name}"] == theirs.metrics[f"{prefix}/{name}"]
    assert mine.metrics["test/roc_auc"] != theirs.metrics["test/roc_auc"]  # read after all


def test_19_other_test_rows_change_no_training_and_no_threshold() -> None:
    x = SPLITS.x.copy()
    x[SPLITS.test] = 7.0
    strategy = grammar.read("smote+threshold").strategy
    one, other = fitted(SPLITS, strategy), fitted(replace(SPLITS, x=x), strategy)
    np.testing.assert_array_equal(one.validation.last, other.validation.last)
    assert one.best_step == other.best_step
    thresholds = [score.score(strategy, fit).metrics["test/threshold"] for fit in (one, other)]
    assert thresholds[0] == thresholds[1]


def vandal(slot: str) -> Strategy:
    """Writes into every array that it is handed."""

    def write(*given: Any) -> Any:
        for array in given:
            if isinstance(array, np.ndarray):
                array[...] = 0
        return getattr(NONE, slot)(*given)

    return Strategy(**{slot: write})


@pytest.mark.parametrize("slot", ["loss", "bias", "normalise", "calibrate", "threshold"])
def test_19_what_strategies_share_cannot_be_written(slot: str) -> None:
    with pytest.raises(ValueError, match="read-only"):
        score.score(vandal(slot), fitted(SPLITS, vandal(slot)))


@pytest.mark.parametrize("slot", ["resample", "weigh"])
def test_19_what_a_strategy_may_write_is_its_own_copy(slot: str) -> None:
    before = SPLITS.y.copy()
    fitted(SPLITS, vandal(slot))
    np.testing.assert_array_equal(SPLITS.y, before)


def test_19_a_decision_that_was_made_in_place_does_not_reach_the_next_strategy() -> None:
    def in_place(logits: Any, *_: Any) -> Any:
        logits += 5
        return lambda logits: logits

    before = toys.FIT.validation.best.copy()
    with pytest.raises(ValueError, match="read-only"):
        score.score(Strategy(calibrate=in_place), toys.FIT)
    np.testing.assert_array_equal(toys.FIT.validation.best, before)
