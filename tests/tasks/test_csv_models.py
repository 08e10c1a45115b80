"""Models of scikit-learn on a table: no worse than the library called directly on its numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from benchmark.protocol import grammar, registry
from benchmark.protocol.strategy import NONE
from benchmark.protocol.task import Estimator
from benchmark.training.fit import fit
from benchmark.training.job import TrainingJob
from tasks import csv
from tasks.csv import TASK, Settings
from tests.speed.compare_trees import PLAIN as SAME_SETTINGS

INSURANCE = Path(__file__).parents[3] / "shared" / "data" / "insurance" / "train.csv"
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


@pytest.mark.filterwarnings("ignore:Failed to import numba")  # of the direct call
@pytest.mark.parametrize("model", SAME_SETTINGS)
def test_trees_are_those_of_the_library_called_directly(tmp_path: Path, model: str) -> None:
    """Numbers that all splits share, so that where a threshold lies between two is all the same.

    None is 0, which LightGBM gives a bin of its own.
    """
    if model != "hgb":
        pytest.importorskip(model, reason="not installed: uv sync --extra boosting")
    rng = np.random.default_rng(0)
    numbers = rng.integers(1, 60, (3000, 3))
    yes = rng.random(3000) < 0.6 * (numbers[:, 0] > 30) * (numbers[:, 1] < 40)
    pd.DataFrame(numbers).add_prefix("c").assign(y=yes * 1).to_csv(tmp_path / "t.csv", index=False)
    settings = Settings(model=model)
    data = TASK.load(settings, tmp_path / "t.csv")
    splits = TASK.split(data, settings, 0)
    job = TrainingJob(TASK, settings, splits, 2, NONE, csv.budget(settings, "real"), 0)
    own = fit(job, lambda steps: None).test.best
    parts = [(data.rows.iloc[p], splits.y[p]) for p in (splits.train, splits.validation)]
    plain = SAME_SETTINGS[model](*parts[0], *parts[1], data.rows.iloc[splits.test])
    assert own[:, 1] - own[:, 0] == pytest.approx(plain, abs=1e-6)


@pytest.mark.skipif(not TABLES.is_dir(), reason=f"no tables in {TABLES}")
@pytest.mark.slow
@pytest.mark.parametrize("model", ["hgb", "logistic"])
@pytest.mark.parametrize("name", ["wine_quality", "pc3", "kc1", "wilt"])
def test_it_is_level_with_the_plain_library_on_real_tables(name: str, model: str) -> None:
    ours, plain = precisions(TABLES / f"{name}.csv", model, 5)
    assert ours > plain - 0.015


@pytest.mark.skipif(not INSURANCE.exists(), reason=f"no real insurance rows in {INSURANCE}")
@pytest.mark.slow
def test_trees_are_level_with_the_plain_library_on_insurance_rows() -> None:
    """ROC AUC and average precision, side by side on the same splits with the same settings."""
    task = registry.task("insurance")
    settings = grammar.settings("insurance", "model=hgb")
    data = task.load(settings, INSURANCE)
    budget = task.budget(settings, "real")
    numbers = ["Age", "Annual_Premium", "Vintage"]
    codes = OrdinalEncoder(max_categories=250, handle_unknown="use_encoded_value", unknown_value=-1)
    encoder = make_column_transformer(
        (codes, [name for name in data.rows if name not in numbers]), remainder="passthrough"
    )
    found = []
    for seed in range(3):
        splits = task.split(data, settings, seed)
        job = TrainingJob(task, settings, splits, 2, NONE, budget, seed)
        own = fit(job, lambda steps: None).test.best
        y, test = splits.y, splits.test
        plain = HistGradientBoostingClassifier(
            max_iter=budget.steps,
            learning_rate=0.05,
            l2_regularization=1.0,
            early_stopping=False,
            categorical_features=list(range(data.rows.shape[1] - len(numbers))),
            random_state=0,
        )
        plain.fit(encoder.fit_transform(data.rows.iloc[splits.train]), y[splits.train])
        p = plain.predict_proba(encoder.transform(data.rows.iloc[test]))[:, 1]
        margins = own[:, 1] - own[:, 0]
        scores = (roc_auc_score, average_precision_score)
        found.append([[of(y[test], ranks) for of in scores] for ranks in (margins, p)])
    ours, theirs = np.mean(found, axis=0)
    spread = np.std(found, axis=0, ddof=1).max(axis=0)
    print(f"\nROC AUC and average precision: {ours.round(4)}, plain {theirs.round(4)}")
    assert (np.abs(ours - theirs) < 2 * spread / 3**0.5).all()
