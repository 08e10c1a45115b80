"""The training loop and a whole cell, on small clouds of points."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmark.protocol import grammar, registry
from benchmark.protocol.strategy import RowLoss, Strategy, Tensor
from benchmark.protocol.task import Budget, Data, Network
from benchmark.training import batches as batching
from benchmark.training import compiled as compiling
from benchmark.training import device, loop
from benchmark.training import fit as fitting
from benchmark.training import score as scoring
from benchmark.training.job import TrainingJob
from tasks._template import TASK, Settings
from tests.slow import slow_but

BUDGET = Budget(steps=60, batch=64)


def silent(steps: int) -> None:
    pass


def fit(
    data: Data, strategy: str | Strategy, seed: int = 0, budget: Budget = BUDGET
) -> fitting.Fit:
    spec = grammar.read(strategy).strategy if isinstance(strategy, str) else strategy
    splits = TASK.split(data, Settings(), seed)
    return fitting.fit(TrainingJob(TASK, Settings(), splits, 2, spec, budget, seed), silent)


@pytest.fixture(scope="module")
def clouds() -> Data:
    return TASK.synthetic(Settings())


def auc(fitted: fitting.Fit) -> float:
    return scoring.score(Strategy(), fitted).metrics["test/roc_auc"]


def test_batches_go_through_all_rows_before_any_comes_again() -> None:
    batches = batching.Batches(np.array([5, 6, 7, 8]), np.array([1.0, 2, 3, 4]), size=2, seed=0)
    stream = batches.steps(2)
    for _ in range(3):
        rows, weights, _ = next(stream)
        assert rows.shape == weights.shape == (2, 2)
        assert sorted(rows.ravel()) == [5, 6, 7, 8]
        np.testing.assert_array_equal(weights, rows - 4)


def test_training_learns_and_keeps_the_best_evaluation(clouds: Data) -> None:
    fitted = fit(clouds, "none", budget=Budget(steps=300, batch=64))
    evaluations = dict(fitted.curves["val/average_precision"])
    assert auc(fitted) > 0.8
    assert evaluations[fitted.best_step] == max(evaluations.values())
    assert list(evaluations) == [30, 60, 90, 120, 150, 180, 210, 240, 270, 300]
    assert len(fitted.curves["train/loss"]) == 50


@pytest.mark.parametrize("steps", [1, 7, 53])
def test_any_number_of_steps_is_trained_exactly(clouds: Data, steps: int) -> None:
    fitted = fit(clouds, "none", budget=Budget(steps=steps, batch=16))
    assert fitted.curves["train/loss"][-1][0] == steps
    assert fitted.curves["val/log_loss"][-1][0] == steps


def test_same_seed_same_predictions_other_seed_others(clouds: Data) -> None:
    one, two, other = fit(clouds, "none"), fit(clouds, "none"), fit(clouds, "none", seed=1)
    np.testing.assert_array_equal(one.test.best, two.test.best)
    assert not np.array_equal(one.test.best, other.test.best)


def test_other_threads_that_draw_random_numbers_change_nothing(clouds: Data) -> None:
    stop = threading.Event()

    def draw() -> None:
        while not stop.is_set():
            random.random()

    thread = threading.Thread(target=draw)
    thread.start()
    try:
        disturbed = fit(clouds, "none")
    finally:
        stop.set()
        thread.join()
    np.testing.assert_array_equal(disturbed.test.best, fit(clouds, "none").test.best)


def test_strategies_start_from_the_same_weights(clouds: Data) -> None:
    starts: list[list[Any]] = []

    def remember(*args: Any) -> Network:
        network = TASK.network(*args)
        starts.append(network.model.get_weights())
        return network

    task = replace(TASK, network=remember)
    splits = task.split(clouds, Settings(), 0)
    for text in ("none", "oversample", "focal"):
        fitting.fit(
            TrainingJob(task, Settings(), splits, 2, grammar.read(text).strategy, BUDGET, 0), silent
        )
    for weights in starts[1:]:
        for mine, first in zip(weights, starts[0], strict=True):
            np.testing.assert_array_equal(mine, first)


def test_weights_do_not_change_the_learning_rate(clouds: Data) -> None:
    heavy = Strategy(weigh=lambda labels, classes: np.full(len(labels), 1000.0))
    np.testing.assert_array_equal(fit(clouds, heavy).test.best, fit(clouds, "none").test.best)


def test_a_loss_that_is_not_finite_names_the_step(clouds: Data) -> None:
    def broken(priors: Any) -> RowLoss:
        def loss(targets: Tensor, logits: Tensor) -> Tensor:
            from keras import ops

            return ops.log(-ops.abs(logits[:, 0]))

        return loss

    with pytest.raises(loop.DivergedError, match="nan at step 1"):
        fit(clouds, Strategy(loss=broken))


@pytest.mark.parametrize(
    "name",
    slow_but(
        ["none", "sampler"], [*registry.strategies(), "oversample(ratio=0.5)+focal+threshold"]
    ),
)
def test_canary_random_labels_are_not_learned(name: str, noise: Data) -> None:
    fitted = fit(noise, name)
    assert abs(auc(fitted) - 0.5) < 0.05


@pytest.fixture(scope="module")
def noise() -> Data:
    """Enough rows for chance to stay well inside 0.05: 800 positives in the test split."""
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(rng.normal(size=(20_000, 8)).astype(np.float32))
    labels = (rng.random(20_000) < 0.2).astype(np.int64)
    return Data(rows, labels, np.arange(20_000), ("no", "yes"), "noise", "synthetic", "noise")


def test_xla_runs_long_trainings_of_dense_networks_on_a_processor() -> None:
    import keras

    from benchmark.training.dropout import Dropout

    inputs = keras.Input((8, 8, 1))
    convolution = keras.Model(inputs, keras.layers.Conv2D(2, 3)(inputs))
    dense = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    dropping, slowly = (
        keras.Sequential([keras.Input((4,)), layer, keras.layers.Dense(2)])
        for layer in (Dropout(0.5), keras.layers.Dropout(0.5))
    )
    assert compiling.compiles(dense, compiling.XLA_FROM)
    assert compiling.compiles(dropping, compiling.XLA_FROM)
    assert not compiling.compiles(slowly, compiling.XLA_FROM)
    assert not compiling.compiles(dense, compiling.XLA_FROM - 1)
    assert not compiling.compiles(convolution, compiling.XLA_FROM)


def test_progress_reaches_the_last_step(clouds: Data) -> None:
    told: list[int] = []
    on_step: Callable[[int], None] = told.append
    splits = TASK.split(clouds, Settings(), 0)
    fitting.fit(TrainingJob(TASK, Settings(), splits, 2, Strategy(), BUDGET, 0), on_step)
    assert told == sorted(told) and told[-1] == BUDGET.steps


def test_rows_on_the_device_and_rows_gathered_by_the_host_give_the_same(
    clouds: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    gathered = fit(clouds, "oversample")
    monkeypatch.setattr(device, "room", lambda: 10**9)
    np.testing.assert_array_equal(fit(clouds, "oversample").test.best, gathered.test.best)


def test_a_call_gathers_no_more_than_fits(clouds: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.zeros((1000, 1000), np.float32)
    rows = batching.Rows.place(x, np.zeros(1000), room=0)
    assert rows.steps_per_call(batch=64) * 64 * 4000 <= batching.CALL_BYTES
    assert rows.steps_per_call(batch=10**9) == 1
    assert batching.Rows.place(x, np.zeros(1000), room=x.nbytes).steps_per_call(64) == 500
    whole = fit(clouds, "none")
    monkeypatch.setattr(batching, "CALL_BYTES", 64 * clouds.rows.shape[1] * 8)  # two steps a call
    np.testing.assert_array_equal(fit(clouds, "none").test.best, whole.test.best)


def test_a_clock_adds_up_by_name() -> None:
    clock = loop.Clock()
    for name in ("data", "training", "evaluation", "training", ""):
        clock.turn(name)
        time.sleep(0.002)
    clock.turn("")
    seconds = clock.read()
    assert set(seconds) == {"data", "training", "evaluation"}
    assert seconds["training"] > 0.0039 and 0.0019 < seconds["data"] < 1
