"""Models of scikit-learn on a table: no worse than the library called directly on its numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from benchmark.protocol.task import Estimator
from tasks import csv
from tasks.csv import TASK, Settings

TABLES = Path(__file__).parents[3] / "shared" / "data" / "tables"
PLAIN: dict[str, Any] = {
    "hgb": lambda: HistGradientBoostingClassifier(random_state=0),
    "logistic": lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
}


def precisions(file: Path, model: Any, seeds: int) -> tuple[float, float]:
    """Mean average precision on test of the task's model and of the plain library."""
    settings = Settings(model=model, target=pd.read_csv(file, nrows=1).columns[-1])
    data = TASK.load(settings, file)
    found = []
    for seed in range(seeds):
        splits = TASK.split(data, settings, seed)
        network = csv.network(settings, splits, 2, csv.budget(settings, "real"))
        assert isinstance(network, Estimator)
        rows = data.rows.to_numpy(np.float64)
        pairs = ((network.estimator, splits.x), (PLAIN[model](), rows))
        with threadpool_limits(1):
            found.append(
                [
                    average_precision_score(
                        splits.y[splits.test],
                        it.fit(x[splits.train], splits.y[splits.train]).decision_function(
                            x[splits.test]
                        ),
                    )
                    for it, x in pairs
                ]
            )
    ours, plain = np.mean(found, axis=0)
    return float(ours), float(plain)


SIGNALS: dict[str, Any] = {  # of two numbers with long tails
    "sums": lambda one, other: 1.5 * (one + other) - 12,
    "ratios": lambda one, other: 2 * np.log(one / other) - 5,
}


@pytest.mark.parametrize(("name", "ahead"), [("sums", -0.01), ("ratios", 0.02)])
def test_logistic_regression_follows_numbers_and_their_ranks(
    tmp_path: Path, name: str, ahead: float
) -> None:
    rng = np.random.default_rng(0)
    one, other = rng.lognormal(0, 1.2, (2, 4000))
    yes = rng.random(4000) < 1 / (1 + np.exp(-SIGNALS[name](one, other)))
    frame = pd.DataFrame({"one": one, "other": other, "y": yes.astype(int)})
    frame.to_csv(tmp_path / "table.csv", index=False)
    ours, plain = precisions(tmp_path / "table.csv", "logistic", 3)
    assert ours > plain + ahead


@pytest.mark.skipif(not TABLES.is_dir(), reason=f"no tables in {TABLES}")
@pytest.mark.slow
@pytest.mark.parametrize("model", ["hgb", "logistic"])
@pytest.mark.parametrize("name", ["wine_quality", "pc3", "kc1", "wilt"])
def test_it_is_level_with_the_plain_library_on_real_tables(name: str, model: str) -> None:
    ours, plain = precisions(TABLES / f"{name}.csv", model, 5)
    assert ours > plain - 0.015
