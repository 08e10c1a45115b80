"""Boosted trees of a training, fitted and asked, beside the library's own calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from benchmark.protocol.arrays import Floats
from benchmark.protocol.strategy import NONE
from benchmark.protocol.task import Budget, Splits
from benchmark.training.fit import fit
from benchmark.training.job import TrainingJob
from tasks.csv import TASK, Settings
from tasks.tables.boosting import PATIENCE, RATE
from tests.speed import plain

Often = Callable[..., Any]
GROUP = "LightGBM: 50,000 rows of 30 columns, at most 60 trees, one thread"
TREES = 60


def splits() -> Splits:
    x, y = plain.table()
    parts = np.split(np.random.default_rng(0).permutation(len(y)), [35_000, 42_500])
    return Splits(x, y, *map(np.sort, parts))


def by_hand(at: Splits) -> list[Floats]:
    """What a person would write."""
    import lightgbm

    train = lightgbm.Dataset(at.x[at.train], at.y[at.train])
    validation = lightgbm.Dataset(at.x[at.validation], at.y[at.validation], reference=train)
    settings = {"objective": "binary", "metric": "average_precision", "learning_rate": RATE}
    settings |= {"num_threads": 1, "seed": 0, "verbosity": -1}
    settings |= {"deterministic": True, "force_col_wise": True}
    stop = lightgbm.early_stopping(PATIENCE, verbose=False)
    booster = lightgbm.train(settings, train, TREES, valid_sets=[validation], callbacks=[stop])
    return [
        np.asarray(booster.predict(at.x[part], raw_score=True, num_threads=1))
        for part in (at.validation, at.test)
    ]


def job() -> TrainingJob:
    pytest.importorskip("lightgbm", reason="not installed: uv sync --extra boosting")
    settings = Settings(model="lightgbm")
    return TrainingJob(TASK, settings, splits(), 2, NONE, Budget(TREES, 0), 0)


def test_both_predict_the_same() -> None:
    own = fit(job(), lambda steps: None)
    _, expected = by_hand(splits())
    margins = own.test.best[:, 1] - own.test.best[:, 0]
    np.testing.assert_allclose(margins, expected, atol=1e-5)


def test_trees_of_a_training(often: Often, benchmark: Any) -> None:
    benchmark.group = GROUP
    mine = job()
    often(lambda: fit(mine, lambda steps: None))


def test_trees_by_hand(often: Often, benchmark: Any) -> None:
    benchmark.group = GROUP
    at = job().splits
    often(lambda: by_hand(at))
