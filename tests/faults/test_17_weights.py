"""Fault 17: weights that are NaN, negative, zero, or of an unknown class. Refused."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlflow import MlflowClient

from benchmark.protocol import grammar
from benchmark.protocol.arrays import Ints
from benchmark.protocol.errors import UserError
from benchmark.protocol.strategy import Resampling, Strategy
from benchmark.protocol.task import Splits
from benchmark.tracking import tags
from benchmark.training.stages import plan_stages
from tests import toys


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("class_weight(positive=nan)", "positive must be a number, not 'nan'"),
        ("class_weight(positive=inf)", "positive must be a number, not 'inf'"),
        ("class_weight(positive=1e999)", "positive must be a number, not 'inf'"),
        ("class_weight(positive=-1)", "positive must be above 0, not -1"),
        ("class_weight(positive=0)", "positive must be above 0, not 0"),
        ("class_weight(positive=-0.0)", "positive must be above 0, not 0"),
        ("class_weight(gamma=nan)", "gamma must be a number, not 'nan'"),
        ("class_weight(gamma=-1)", "gamma must be between 0 and 4, not -1"),
        ("class_weight(dog=25)", "has no argument 'dog'"),
        ("class_weight(negative=2)", "has no argument 'negative'"),
        ("class_weight(positive={1: 25})", "positive must be a number, not '{1: 25}'"),
        ("effective_number(beta=1)", "beta must be between 0 and 0.9999999, not 1"),
        ("effective_number(beta=nan)", "beta must be a number, not 'nan'"),
        ("focal(alpha=2)", "alpha must be between 0 and 1, not 2"),
    ],
)
def test_17_a_weight_that_makes_no_sense_is_refused_as_it_is_read(written: str, words: str) -> None:
    with pytest.raises(UserError) as error:
        grammar.read(written)
    assert words in str(error.value)


SPLITS = Splits(
    np.arange(10.0)[:, None],
    np.array([0, 0, 0, 1, 1] * 2),
    np.arange(6),
    np.arange(6, 8),
    np.arange(8, 10),
)


def weighing(positive: Any, negative: Any = 1.0) -> Strategy:
    return Strategy(weigh=lambda labels, classes: np.where(labels == 1, positive, negative))


@pytest.mark.parametrize(
    ("positive", "negative", "words"),
    [
        (math.nan, 1.0, "class 1 weighs nan"),
        (math.inf, 1.0, "class 1 weighs inf"),
        (-1.0, 3.0, "class 1 weighs -1.0"),
        (0.0, 1.0, "class 1 weighs 0.0"),
        (0.0, 0.0, "class 0 weighs 0.0"),
        (1.0, -1e-9, "class 0 weighs -1e-09"),
        (1e308, 1e308, "class 0 weighs 1e\\+308"),  # their sum is infinite
        (1e60, 1.0, "class 0 weighs 1.0"),  # nothing of them is left in float32
    ],
)
def test_17_what_a_strategy_weighs_is_held_to_it(
    positive: float, negative: float, words: str
) -> None:
    with pytest.raises(UserError, match=f"{words}: weights must be positive"):
        plan_stages(SPLITS, weighing(positive, negative), 2, 10, 0)


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_17_as_many_weights_as_rows(count: int) -> None:
    strategy = Strategy(weigh=lambda labels, classes: np.ones(count))
    with pytest.raises(UserError, match=f"\\({count},\\) weights were given to 6 training rows"):
        plan_stages(SPLITS, strategy, 2, 10, 0)


def test_17_made_rows_of_an_unknown_class_are_refused() -> None:
    def resample(labels: Ints, *_: Any) -> Resampling:
        return Resampling(np.arange(len(labels) + 1), np.zeros((1, 1)), np.array([2]))

    with pytest.raises(UserError, match=r"left rows of class 2: each of 2 classes, and no other"):
        plan_stages(SPLITS, Strategy(resample=resample), 2, 10, 0)


@pytest.mark.parametrize("positive", [1e-30, 0.001, 1.0, 1e6, 1e30])
def test_17_far_apart_but_usable_weights_are_kept(positive: float) -> None:
    planned = plan_stages(SPLITS, weighing(positive), 2, 10, 0)
    labels, weights = planned.y[planned.stages[0].rows], planned.stages[0].weights
    assert weights.mean() == pytest.approx(1)
    ratio = weights[labels == 1][0] / weights[labels == 0][0]
    assert ratio == pytest.approx(positive, rel=1e-9)


ZERO = '''
import numpy as np
from benchmark.protocol.strategy import Strategy

def silent() -> Strategy:
    """Weighs the negative class with nothing."""
    return Strategy(weigh=lambda labels, classes: np.where(labels == 1, 1.0, 0.0))
'''


@pytest.fixture
def toy(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "toy"
    folder.mkdir()
    with toys.registered(toys.write(folder, silent=ZERO)):
        yield folder


def test_17_a_run_with_such_weights_is_failed_with_the_reason(toy: Path, store_uri: str) -> None:
    result = toys.benchmark(store_uri, toy / "data.npz", strategies="silent")
    assert result.exit_code == 1, result.output
    client = MlflowClient(store_uri)
    experiment = client.get_experiment_by_name("toy").experiment_id
    [found] = client.search_runs([experiment], f"tags.`{tags.KIND}` = 'cell'")
    assert found.info.status == "FAILED"
    assert "class 0 weighs 0.0: weights must be positive" in found.data.tags[tags.ERROR]
