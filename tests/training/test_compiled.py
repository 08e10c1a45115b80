"""Compiled networks that are used again must be as good as new ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmark.protocol import grammar
from benchmark.protocol.arrays import Floats
from benchmark.protocol.strategy import RowLoss, cross_entropy
from benchmark.protocol.task import Budget, Network, Splits, Task
from benchmark.training import compiled as compiling
from benchmark.training import fit as fitting
from benchmark.training.network import TrainingJob
from tasks._template import TASK, Settings

BUDGET = Budget(steps=20, batch=32)
PRIORS = np.array([0.9, 0.1])
OTHER_PRIORS = np.array([0.5, 0.5])


@pytest.fixture(scope="module")
def splits() -> Splits:
    return TASK.split(TASK.synthetic(Settings()), Settings(), 0)


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "_cache", {})


def with_dropout(settings: Any, splits: Splits, classes: int, budget: Budget) -> Network:
    import keras
    from keras import layers

    model = keras.Sequential(
        [
            keras.Input(splits.x.shape[1:]),
            layers.Dense(8, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(classes),
        ]
    )
    return Network(model, keras.optimizers.Adam(1e-2))


def logits(task: Task, splits: Splits, strategy: str, seed: int = 0) -> Floats:
    spec = grammar.read(strategy).strategy
    fit = fitting.fit(
        TrainingJob(task, Settings(), splits, 2, spec, BUDGET, seed), lambda steps: None
    )
    return fit.test.last


@pytest.mark.parametrize("task", [TASK, replace(TASK, network=with_dropout)])
def test_a_cached_network_gives_what_a_new_one_gives(task: Task, splits: Splits) -> None:
    logits(task, splits, "none", seed=1)
    logits(task, splits, "oversample", seed=2)
    assert len(compiling._cache) == 1
    again = logits(task, splits, "class_weight", seed=3)
    compiling._cache.clear()
    np.testing.assert_array_equal(again, logits(task, splits, "class_weight", seed=3))


def test_another_loss_is_compiled_anew(splits: Splits) -> None:
    plain = logits(TASK, splits, "none")
    focal = logits(TASK, splits, "focal(gamma=1)")
    sharper = logits(TASK, splits, "focal(gamma=4)")
    assert len(compiling._cache) == 3
    assert not np.array_equal(plain, focal)
    assert not np.array_equal(focal, sharper)


def test_only_the_last_few_compiled_networks_are_cached(
    splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiling, "MOST_CACHED", 2)
    for gamma in range(4):
        logits(TASK, splits, f"focal(gamma={gamma})")
    assert len(compiling._cache) == 2


def test_what_cannot_be_described_is_never_taken_for_something_else(splits: Splits) -> None:
    import keras

    class Secretive(keras.layers.Layer):  # type: ignore[misc]
        def get_config(self) -> dict[str, Any]:
            raise NotImplementedError

        def call(self, x: Any) -> Any:
            return x

    def network(settings: Any, splits: Splits, classes: int, budget: Budget) -> Network:
        layers = [Secretive(), keras.layers.Dense(classes)]
        model = keras.Sequential([keras.Input(splits.x.shape[1:]), *layers])
        return Network(model, keras.optimizers.SGD(1e-2))

    task = replace(TASK, network=network)
    logits(task, splits, "none")
    logits(task, splits, "none")
    assert len(compiling._cache) == 2


def test_losses_mean_the_same_by_their_code_and_by_the_values_that_they_read() -> None:
    def loss(text: str, priors: Floats) -> RowLoss:
        return grammar.read(text).strategy.loss(priors)

    def same(one: RowLoss, other: RowLoss) -> bool:
        return compiling.meaning(one) == compiling.meaning(other)

    assert same(cross_entropy(PRIORS), cross_entropy(OTHER_PRIORS))  # reads no priors
    assert same(loss("focal", PRIORS), loss("focal", PRIORS))
    assert not same(loss("focal", PRIORS), loss("focal(gamma=1)", PRIORS))
    assert same(loss("logit_adjust", PRIORS), loss("logit_adjust", PRIORS.copy()))
    assert not same(loss("logit_adjust", PRIORS), loss("logit_adjust", OTHER_PRIORS))


def test_methods_of_two_objects_do_not_mean_the_same() -> None:
    class Loss:
        def of_rows(self, targets: Any, logits: Any) -> Any:
            return logits

    one, other = Loss(), Loss()
    assert compiling.meaning(one.of_rows) == compiling.meaning(one.of_rows)
    assert compiling.meaning(one.of_rows) != compiling.meaning(other.of_rows)
    assert compiling.meaning([1]) != compiling.meaning([1])  # not hashable: itself alone
