"""Fault 16: a class is empty or has one sample in a split. Refused, or measured; never NaN."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlflow import MlflowClient

from benchmark.protocol.arrays import Ints
from benchmark.protocol.errors import UserError
from benchmark.protocol.grammar import read
from benchmark.protocol.splits import split_by_count, split_by_share, with_checked_splits
from benchmark.protocol.strategy import Resampling, Strategy
from benchmark.protocol.task import Budget, Data, Splits
from benchmark.training import fit, score
from benchmark.training.job import TrainingJob
from benchmark.training.stages import plan_stages
from tasks import catsdogs, insurance
from tasks._template import TASK, Settings
from tests import toys

SETTINGS = Settings()
DATA = TASK.synthetic(SETTINGS)
SPLITS = TASK.split(DATA, SETTINGS, 0)


def without(part: str, label: int, left: int = 0) -> Splits:
    """The template's splits, with `left` rows of the class in one of them."""
    rows = getattr(SPLITS, part)
    of_class = np.flatnonzero(SPLITS.y[rows] == label)
    return replace(SPLITS, **{part: np.delete(rows, of_class[left:])})


def as_task(splits: Splits) -> Any:
    return with_checked_splits(replace(TASK, split=lambda data, settings, seed: splits))


@pytest.mark.parametrize("part", ["train", "validation", "test"])
@pytest.mark.parametrize("label", [0, 1])
def test_16_a_split_without_a_class_is_refused_by_name(part: str, label: int) -> None:
    with pytest.raises(UserError) as error:
        as_task(without(part, label)).split(DATA, SETTINGS, 0)
    assert f"no row of class {DATA.classes[label]!r} is in the {part} split" in str(error.value)


@pytest.mark.parametrize("shares", [[1.0], [0.9, 0.2], [1.0, 0.0], [np.nan, 1.0]])
def test_16_a_population_without_a_share_of_each_class_is_refused(shares: list[float]) -> None:
    with pytest.raises(UserError, match=r"the population of the task's splits is .* 2 classes"):
        as_task(replace(SPLITS, population=np.array(shares))).split(DATA, SETTINGS, 0)
    as_task(replace(SPLITS, population=np.array([0.9, 0.1]))).split(DATA, SETTINGS, 0)


@pytest.mark.parametrize("part", ["train", "validation", "test"])
@pytest.mark.parametrize("strategy", ["none", "oversample+threshold", "undersample", "focal"])
def test_16_one_sample_of_a_class_is_enough_for_every_measure(part: str, strategy: str) -> None:
    splits = as_task(without(part, 1, left=1)).split(DATA, SETTINGS, 0)
    spec = read(strategy).strategy
    budget = Budget(steps=5, batch=16)
    fitted = fit.fit(TrainingJob(TASK, SETTINGS, splits, 2, spec, budget, 0), lambda steps: None)
    scores = score.score(spec, fitted)
    assert all(math.isfinite(value) for value in scores.metrics.values())
    assert len(scores.metrics) > 30


def test_16_smote_of_one_sample_is_refused_with_what_to_do() -> None:
    splits = without("train", 1, left=1)
    with pytest.raises(UserError, match=r"class 1, which has 1: lower k or use oversample"):
        plan_stages(splits, read("smote").strategy, 2, 10, 0)


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("left", ["nothing", "one class"])
def test_16_a_resampler_that_leaves_a_class_empty_is_refused(label: int, left: str) -> None:
    def resample(labels: Ints, *_: Any) -> Resampling:
        return Resampling(np.flatnonzero(labels == (label if left == "one class" else 9)))

    with pytest.raises(UserError, match=r"resampling left no row of class \d"):
        plan_stages(SPLITS, Strategy(resample=resample), 2, 10, 0)


def labelled(labels: list[int], groups: list[int] | None = None) -> Data:
    y = np.array(labels)
    numbers = np.arange(len(y)) if groups is None else np.array(groups)
    return Data(np.zeros((len(y), 1)), y, numbers, ("no", "yes"), "d", "real", "rows.csv")


@pytest.mark.parametrize(
    ("labels", "groups"),
    [
        ([0] * 50, None),
        ([0] * 50 + [1], None),
        ([0] * 50 + [1, 1], None),
        ([0] * 50 + [1] * 9, [*range(50), *[50] * 9]),  # nine times the same row
    ],
)
def test_16_data_with_too_little_of_a_class_is_refused_before_it_is_split(
    labels: list[int], groups: list[int] | None
) -> None:
    data = labelled(labels, groups)
    with pytest.raises(UserError, match=r"rows\.csv: class 'yes' has \d distinct rows"):
        split_by_share(data, (0.6, 0.2, 0.2), 0)
    with pytest.raises(UserError, match=r"rows\.csv: class 'yes' has \d distinct rows"):
        split_by_count(data, np.full((3, 2), 3), 0)


def test_16_a_photo_task_with_one_dog_a_split_works() -> None:
    settings = catsdogs.Settings(imbalance=5, train=5, validation=5, test=5, size=16)
    task = with_checked_splits(catsdogs.TASK)
    splits = task.split(task.synthetic(settings), settings, 0)
    parts = (splits.train, splits.validation, splits.test)
    assert [np.bincount(splits.y[part]).tolist() for part in parts] == [[5, 1]] * 3


@pytest.mark.parametrize("positives", [1, 2])
def test_16_a_table_with_too_few_positives_is_refused_before_training(
    tmp_path: Path, store_uri: str, positives: int
) -> None:
    from tasks.synthetic.insurance import customers

    frame = customers()
    few = frame[frame["Response"] == 1].head(positives)
    file = tmp_path / "train.csv"
    frame[frame["Response"] == 0].head(60).merge(few, how="outer").to_csv(file, index=False)
    settings = insurance.Settings()
    task = with_checked_splits(insurance.TASK)
    with pytest.raises(UserError, match=f"class 'interested' has {positives} distinct rows"):
        task.split(task.load(settings, file), settings, 0)


ONE_CLASS = '''
from dataclasses import replace
import numpy as np
from tasks._template import *
from tasks import _template

def split(data, settings, seed):
    """Keeps all positives from the test split."""
    splits = _template.split(data, settings, seed)
    return replace(splits, test=splits.test[data.labels[splits.test] == 0])

TASK = replace(_template.TASK, split=split)
'''


@pytest.fixture
def toy(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "toy"
    folder.mkdir()
    toys.write(folder)
    (folder / "toy.py").write_text(ONE_CLASS)
    with toys.registered(folder):
        yield folder


def test_16_one_class_in_test_is_said_before_any_run(toy: Path, store_uri: str) -> None:
    result = toys.benchmark(store_uri, toy / "data.npz")
    assert result.exit_code == 2
    assert "error: " in result.output
    assert "no row of class 'positive' is in the test split" in result.output
    names = [experiment.name for experiment in MlflowClient(store_uri).search_experiments()]
    assert "toy" not in names
