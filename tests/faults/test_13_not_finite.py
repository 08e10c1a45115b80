"""Fault 13: NaN or infinite loss, logits or metric. The cell fails with the step; never ranked."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlflow import MlflowClient

from benchmark.metrics import classification
from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.strategy import NONE, Strategy
from benchmark.protocol.task import Budget, Splits
from benchmark.results import leaderboard
from benchmark.tracking import tags
from benchmark.training import batches as batching
from benchmark.training import fit as fitting
from benchmark.training import loop, network
from benchmark.training import score as scoring
from benchmark.training.job import TrainingJob
from tasks._template import TASK, Settings
from tests import toys

SETTINGS = Settings()
BUDGET = Budget(steps=1000, batch=16)  # 20 steps a call


@pytest.fixture(scope="module")
def splits() -> Splits:
    return TASK.split(TASK.synthetic(SETTINGS), SETTINGS, 0)


def poisoned(splits: Splits, row: int, value: float) -> Splits:
    x = splits.x.copy()
    x[row] = value
    return replace(splits, x=x)


def fit(splits: Splits, budget: Budget = BUDGET) -> fitting.Fit:
    return fitting.fit(TrainingJob(TASK, SETTINGS, splits, 2, NONE, budget, 0), lambda steps: None)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("step", [1, 20, 21, 37, 140])
def test_13_the_exact_step_is_named_inside_a_call_of_many(
    splits: Splits, step: int, value: float
) -> None:
    ones = np.ones(len(splits.train))
    rows, _, _ = next(batching.Batches(splits.train, ones, BUDGET.batch, 0).steps(step))
    bad = rows[-1, 3]  # of an epoch of 150 steps: no earlier batch holds it
    with pytest.raises(loop.DivergedError, match=f"the loss: .* at step {step}$"):
        fit(poisoned(splits, bad, value))


@pytest.mark.parametrize("part", ["validation", "test"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_13_an_input_that_is_not_finite_is_named(splits: Splits, part: str, value: float) -> None:
    spoiled = poisoned(splits, getattr(splits, part)[0], value)
    with pytest.raises(loop.DivergedError, match=f"input of the network on {part}: .* at step 0"):
        fit(spoiled, Budget(steps=10, batch=16))


@pytest.mark.parametrize(("part", "step"), [("validation", 1), ("test", 10)])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_13_an_output_that_is_not_finite_is_named(
    splits: Splits, part: str, step: int, value: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoiled(*given: Any) -> Callable[[Ints], Floats]:
        predict = loop.predictor(*given)
        return lambda rows: np.where(
            np.isin(rows, getattr(splits, part)[0])[:, None], value, predict(rows)
        )

    monkeypatch.setattr(network, "predictor", spoiled)
    with pytest.raises(loop.DivergedError, match=f"network on {part}: .* at step") as error:
        fit(splits, Budget(steps=10, batch=16))
    assert part == "test" or str(error.value).endswith("at step 1")


def test_13_a_mean_of_huge_losses_is_finite(splits: Splits) -> None:
    huge = Strategy(loss=lambda priors: lambda targets, logits: 0 * logits[:, 0] + 3e38)
    fitted = fitting.fit(
        TrainingJob(TASK, SETTINGS, splits, 2, huge, Budget(steps=100, batch=1), 0),
        lambda steps: None,
    )
    assert fitted.curves["train/loss"][0] == (2, pytest.approx(3e38))


FIT = replace(toys.FIT, best_step=7)


def calibrated(change: Callable[[Floats], Floats]) -> Strategy:
    return Strategy(calibrate=lambda logits, labels, priors: change)


@pytest.mark.parametrize(
    ("strategy", "words"),
    [
        (calibrated(lambda logits: logits * math.nan), "calibrated logit on validation: nan"),
        (calibrated(lambda logits: logits + math.inf), "calibrated logit on validation: inf"),
        (Strategy(threshold=lambda *given: np.array([0, math.nan])), "the threshold: nan"),
        (Strategy(threshold=lambda *given: np.array([0, -math.inf])), "the threshold: -inf"),
    ],
)
def test_13_a_decision_part_that_is_not_finite_is_named(strategy: Strategy, words: str) -> None:
    with pytest.raises(loop.DivergedError, match=f"{words} at step 7$"):
        scoring.score(strategy, FIT)


def test_13_only_the_test_logits_overflow() -> None:
    fitted = replace(FIT, test=replace(FIT.test, best=FIT.test.best * 1e300))
    with (
        np.errstate(over="ignore"),
        pytest.raises(loop.DivergedError, match=r"calibrated logit on test: -?inf at step 7$"),
    ):
        scoring.score(calibrated(lambda logits: logits * 1e10), fitted)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_13_a_measure_that_is_not_finite_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    monkeypatch.setattr(classification, "ranking_metrics", lambda *given: {"roc_auc": value})
    with pytest.raises(loop.DivergedError, match=f"roc_auc on test: {value} at step 7$"):
        scoring.score(NONE, FIT)


BROKEN = '''
import numpy as np
from keras import ops
from benchmark.protocol.strategy import Strategy

def broken_loss() -> Strategy:
    """Minimises the logarithm of nothing."""
    return Strategy(loss=lambda priors: lambda targets, logits: ops.log(-ops.abs(logits[:, 0])))

def broken_decision() -> Strategy:
    """Shifts by infinity."""
    return Strategy(calibrate=lambda *given: lambda logits: logits + np.inf)
'''


@pytest.fixture
def toy(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "toy"
    folder.mkdir()
    with toys.registered(toys.write(folder, broken=BROKEN)):
        yield folder


def test_13_a_cell_that_diverged_is_failed_with_the_step_and_never_ranked(
    toy: Path, store_uri: str
) -> None:
    names = ["none", "broken_loss", "broken_decision"]
    result = toys.benchmark(store_uri, toy / "data.npz", strategies=",".join(names))
    assert result.exit_code == 1, result.output
    client = MlflowClient(store_uri)
    [experiment] = [one for one in client.search_experiments() if one.name == "toy"]
    found = {
        one.data.params["strategy"]: one
        for one in client.search_runs([experiment.experiment_id], f"tags.`{tags.KIND}` = 'cell'")
    }
    reasons = {
        "broken_loss": "the loss: nan at step 1",
        "broken_decision": "a calibrated logit on validation: inf at step",
    }
    for name, reason in reasons.items():
        assert found[name].info.status == "FAILED"
        assert reason in found[name].data.tags[tags.ERROR]
        assert tags.DONE not in found[name].data.tags
        assert not [key for key in found[name].data.metrics if key.startswith("test")]
        assert reason in result.output
    [table] = leaderboard.leaderboards(store_uri, ["toy"])
    assert table.counts() == {"planned": 3, "finished": 1, "failed": 2, "missing": 0}
    ranked = table.runs.set_index("label")["test/f1"]
    assert np.isfinite(ranked["none"])
    assert ranked[["broken_loss", "broken_decision"]].isna().all()
    best = table.summary().index[0]
    assert best == "none"
