"""References of scikit-learn in the place of a network: same rows, same weights, no inventions."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from mlflow import MlflowClient
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmark.cli.main import main
from benchmark.protocol import grammar, grid
from benchmark.protocol.errors import UserError
from benchmark.protocol.task import Budget, Estimator, Splits, Task
from benchmark.tracking import tags
from benchmark.training import estimator as estimators
from benchmark.training import fit as fitting
from benchmark.training.job import TrainingJob
from tasks import _template
from tests import stores
from tests.toys import rows_of

SETTINGS = _template.Settings()
DATA = _template.synthetic(SETTINGS)


def task_of(estimator: Any) -> Task:
    return dataclasses.replace(
        _template.TASK,
        network=lambda *_: Estimator(estimator()),
        is_network=lambda settings: False,
    )


def fit(estimator: Any, strategy: str = "none", splits: Splits | None = None) -> Any:
    task = task_of(estimator)
    splits = splits or task.split(DATA, SETTINGS, 0)
    spec = grammar.read(strategy).strategy
    return fitting.fit(
        TrainingJob(task, SETTINGS, splits, 2, spec, Budget(50, 0), 0), lambda steps: None
    )


@pytest.mark.parametrize(
    "estimator", [LogisticRegression, lambda: make_pipeline(StandardScaler(), LogisticRegression())]
)
def test_it_gets_the_weights_and_gives_log_odds(estimator: Any) -> None:
    found = fit(estimator, "class_weight(positive=7)")
    splits = _template.TASK.split(DATA, SETTINGS, 0)
    x, y = splits.x[splits.train], splits.y[splits.train]
    expected = estimator()
    name = (
        "sample_weight"
        if isinstance(expected, LogisticRegression)
        else ("logisticregression__sample_weight")
    )
    weights = np.where(y == 1, 7.0, 1.0)
    expected.fit(x, y, **{name: weights / weights.mean()})
    log_odds = expected.decision_function(splits.x[splits.test])
    assert found.test.best[:, 1] - found.test.best[:, 0] == pytest.approx(log_odds, abs=1e-5)
    assert found.priors.training[1] == pytest.approx(weights[y == 1].sum() / weights.sum())


def test_it_is_fitted_on_resampled_rows() -> None:
    plain, balanced = fit(LogisticRegression), fit(LogisticRegression, "undersample")
    assert balanced.trained_rows < plain.trained_rows / 3
    shift = (balanced.test.best - plain.test.best)[:, 1].mean()
    assert shift == pytest.approx(np.log(9) / 2, rel=0.2)


def test_three_classes_have_a_score_each() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 300)
    x = rng.normal(size=(300, 2)) + 3 * np.eye(3)[y][:, :2]
    rows = np.arange(300)
    data = rows_of(Splits(x=x, y=y, train=rows, validation=rows, test=rows))
    estimator = estimators.fit_estimator(Estimator(LogisticRegression()), data)
    logits = estimators.predict_logits(estimator, x)
    assert logits.shape == (300, 3) and (logits.argmax(axis=1) == y).mean() > 0.8


@pytest.mark.parametrize("strategy", ["focal", "logit_adjust", "prior_bias", "oversample+focal"])
def test_a_spec_that_changes_the_loss_or_the_start_needs_a_network(strategy: str) -> None:
    specs = [grammar.read("oversample+threshold"), grammar.read(strategy)]
    task = task_of(LogisticRegression)
    with pytest.raises(UserError) as error:
        grid.require_suitable(task, SETTINGS, DATA.classes, specs)
    assert f"strategy '{specs[1].label}' needs a network, but" in str(error.value)
    assert "a model that is not a network: leave it out" in str(error.value)
    assert grid.suitable_specs(task, SETTINGS, DATA.classes, specs) == specs[:1]
    grid.require_suitable(_template.TASK, SETTINGS, DATA.classes, specs)


def test_a_run_has_neither_checkpoints_nor_curves(store_uri: str, tmp_path: Path) -> None:
    words = ["run", "--task", "csv", "--data", "stand-in", "--settings", "model=logistic"]
    words += ["--strategies", "none,class_weight", "--seeds", "1", "--workers", "0"]
    shown = CliRunner().invoke(main, [*words, "--tracking", store_uri])
    assert shown.exit_code == 0, shown.output
    client = MlflowClient(store_uri)
    experiment = client.get_experiment_by_name("csv").experiment_id
    cells = stores.unfolded(client.search_runs([experiment], f"tags.`{tags.KIND}` = 'cell'"))
    assert len(cells) == 2
    for cell in cells:
        assert cell.info.status == "FINISHED" and "scikit-learn" in cell.data.tags[tags.DEVICE]
        assert "test/f1" in cell.data.metrics
        unknown = ("test_last_step/", "train/", "val/", "training/best_step")
        assert not [name for name in cell.data.metrics if name.startswith(unknown)]
        assert not client.list_artifacts(cell.info.run_id, "figures/loss.png")


def test_a_search_has_no_test_rows_to_predict(store_uri: str) -> None:
    words = ["search", "--task", "csv", "--data", "synthetic", "--settings", "model=logistic"]
    words += ["--strategy", "class_weight", "--trials", "2", "--seeds", "1", "--fresh", "1"]
    shown = CliRunner().invoke(main, [*words, "--workers", "0", "--tracking", store_uri])
    assert shown.exit_code == 0, shown.output
    assert "failed" not in shown.output and "2/2" in shown.output


def test_default_strategies_follow_the_model(store_uri: str) -> None:
    words = ["run", "--task", "csv", "--data", "synthetic", "--settings", "model=logistic"]
    words += ["--seeds", "1", "--workers", "0", "--tracking", store_uri]
    shown = CliRunner().invoke(main, words)
    assert shown.exit_code == 0, shown.output
    assert "left out, as they do not suit this task: focal" in shown.output
    assert "planned 5 = finished 5" in shown.output
    refused = CliRunner().invoke(main, [*words, "--strategies", "none,focal"])
    assert refused.exit_code == 2 and "'focal' needs a network" in refused.output
