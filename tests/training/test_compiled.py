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
from benchmark.training import initial, loss_constants, parameters
from benchmark.training.job import TrainingJob
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
    monkeypatch.setattr(initial, "_kept", {})


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


def programs() -> int:
    return sum(len(cached.programs) for cached in compiling._cache.values())


def test_a_loss_is_compiled_once_for_all_values_of_its_constants(splits: Splits) -> None:
    plain = logits(TASK, splits, "none")
    focal = logits(TASK, splits, "focal(gamma=1)")
    sharper = logits(TASK, splits, "focal(gamma=4)")
    assert len(compiling._cache) == 1 and programs() == 2
    assert not np.array_equal(plain, focal)
    assert not np.array_equal(focal, sharper)
    compiling._cache.clear()
    np.testing.assert_array_equal(sharper, logits(TASK, splits, "focal(gamma=4)"))


def test_class_shares_are_constants_too(splits: Splits) -> None:
    logits(TASK, splits, "logit_adjust")
    logits(TASK, splits, "undersample+logit_adjust")
    assert programs() == 1


@pytest.mark.parametrize(
    "text", ["focal(gamma=1.5,alpha=0.3)", "logit_adjust", "ldam", "label_smoothing"]
)
def test_constants_as_inputs_give_what_constants_compiled_in_give(
    text: str, splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = logits(TASK, splits, text)
    compiling._cache.clear()
    monkeypatch.setattr(compiling, "takes_tensors", lambda loss, classes: False)
    np.testing.assert_allclose(given, logits(TASK, splits, text), rtol=0, atol=1e-5)


def test_a_loss_that_branches_on_a_constant_is_compiled_with_it(splits: Splits) -> None:
    def loss_of(power: float) -> RowLoss:
        def loss(targets: Any, scores: Any) -> Any:
            return {1.0: scores, 2.0: scores**2}[power][:, 0]

        return loss

    assert not loss_constants.takes_tensors(loss_of(2.0), 2)
    assert loss_constants.takes_tensors(cross_entropy(PRIORS), 2)


def test_a_function_that_calls_itself_keeps_calling_its_new_self() -> None:
    def loss_of(base: float) -> RowLoss:
        def loss(depth: Any, step: Any) -> Any:
            return base if depth == 0 else base + loss(depth - 1, step)

        return loss

    assert loss_of(1.0)(2, 0) == 3.0
    assert loss_constants.with_constants(loss_of(1.0), [5.0])(2, 0) == 15.0


@pytest.mark.parametrize("task", [TASK, replace(TASK, network=with_dropout)])
def test_packed_weights_train_as_separate_ones_do(
    task: Task, splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = logits(task, splits, "focal")
    compiling._cache.clear()
    initial._kept.clear()
    monkeypatch.setattr(parameters, "ELEMENTWISE", ())
    np.testing.assert_allclose(packed, logits(task, splits, "focal"), rtol=0, atol=1e-5)


def test_xla_trains_as_tensorflow_does(splits: Splits, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = logits(TASK, splits, "focal")
    monkeypatch.setattr(compiling, "XLA_FROM", 1)
    np.testing.assert_allclose(plain, logits(TASK, splits, "focal"), rtol=0, atol=1e-5)
    assert [cached.by_xla for cached in compiling._cache.values()] == [False, True]


def test_an_optimizer_that_looks_at_all_weights_gets_them_one_by_one(splits: Splits) -> None:
    import keras

    clipped = keras.optimizers.Adam(clipnorm=1.0)
    model = with_dropout(None, splits, 2, BUDGET).model
    assert isinstance(parameters.parameters(model, clipped), parameters.Separate)
    plain = keras.optimizers.Adam()
    assert isinstance(parameters.parameters(model, plain), parameters.Packed)


@pytest.mark.slow
def test_strategies_of_one_seed_share_the_network_that_was_built(
    splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = []

    def counted(*given: Any) -> Network:
        built.append(given)
        return with_dropout(*given)

    task = replace(TASK, network=counted)
    fresh = {}
    for text in ("prior_bias", "crt", "none", "ldam"):
        initial._kept.clear()
        compiling._cache.clear()
        fresh[text] = logits(task, splits, text)
    built.clear()
    initial._kept.clear()
    for text in ("none", "oversample", "focal", "prior_bias"):
        given = logits(task, splits, text)
        np.testing.assert_array_equal(given, fresh.get(text, given))
    assert len(built) == 1
    for text in ("crt", "ldam", "none"):  # networks of their own, which are as they would be alone
        np.testing.assert_array_equal(logits(task, splits, text), fresh[text])
    logits(task, TASK.split(TASK.synthetic(Settings()), Settings(), 0), "none")
    assert len(built) == 1 + 2 + 1 + 1  # crt builds two; other splits, another network


def test_only_the_last_few_compiled_networks_are_cached(
    splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiling, "MOST_CACHED", 2)
    for width in range(4):
        task = replace(TASK, network=lambda *given, width=width: with_dropout(*given))
        logits(task, splits, "none")
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
    logits(task, TASK.split(TASK.synthetic(Settings()), Settings(), 0), "none")
    assert len(compiling._cache) == 2


def test_losses_mean_the_same_by_their_code_and_by_the_values_that_they_read() -> None:
    def loss(text: str, priors: Floats) -> RowLoss:
        return grammar.read(text).strategy.loss(priors)

    def same(one: RowLoss, other: RowLoss) -> bool:
        return loss_constants.meaning(one) == loss_constants.meaning(other)

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
    assert loss_constants.meaning(one.of_rows) == loss_constants.meaning(one.of_rows)
    assert loss_constants.meaning(one.of_rows) != loss_constants.meaning(other.of_rows)
    assert loss_constants.meaning([1]) != loss_constants.meaning([1])  # not hashable: itself alone
