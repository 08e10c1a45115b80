"""Boosted trees of other libraries: weights, losses, categories, gaps, and when to stop."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import average_precision_score

from benchmark.protocol import grammar, registry
from benchmark.protocol.errors import UserError
from benchmark.protocol.task import Budget, Estimator, Splits
from benchmark.training import fit as fitting
from benchmark.training.derivatives import derivatives_of
from benchmark.training.job import TrainingJob
from strategies.losses import focal, logit_adjust
from tasks.tables import boosting, models
from tests.slow import slow_but
from tests.toys import rows_of

LIBRARIES = list(boosting.FITS)
TASK = registry.task("csv")
PARTS = ("train", "validation", "test")


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> str:
    pytest.importorskip(request.param, reason="not installed: uv sync --extra boosting")
    return str(request.param)


def drawn(classes: int = 2, rows: int = 3000) -> Splits:
    """A number with gaps that tell, a category of 30 levels that tells, and noise."""
    rng = np.random.default_rng(0)
    number, noise = rng.normal(size=(2, rows))
    code = rng.integers(1, 31, rows).astype(float)
    number[rng.random(rows) < 0.2] = np.nan
    tells = np.isin(code, rng.permutation(30)[:8] + 1)
    score = np.nan_to_num(number, nan=2.0) + 2 * tells + rng.normal(0, 0.5, rows)
    edges = np.quantile(score, [0.85] if classes == 2 else [0.7, 0.9])
    part = rng.integers(0, 3, rows)
    return Splits(
        x=np.column_stack([number, noise, code]).astype(np.float32),
        y=np.searchsorted(edges, score),
        train=np.flatnonzero(part == 0),
        validation=np.flatnonzero(part == 1),
        test=np.flatnonzero(part == 2),
        categorical=(2,),
    )


def fit(library: str, splits: Splits, strategy: str = "none", classes: int = 2) -> Any:
    task = dataclasses.replace(
        TASK,
        network=lambda _, splits, classes, budget: boosting.build(library, splits, classes, budget),
        is_network=lambda settings: False,
    )
    spec = grammar.read(strategy).strategy
    job = TrainingJob(task, TASK.settings(), splits, classes, spec, Budget(300, 0), 0)
    return fitting.fit(job, lambda steps: None)


def precision(found: Any) -> float:
    test = found.test
    margins = test.best[:, 1] - test.best[:, 0]
    return float(average_precision_score(test.labels, margins))


def test_it_learns_from_gaps_and_categories_and_stops_early(library: str) -> None:
    found = fit(library, drawn())
    assert precision(found) > 0.85
    assert 1 <= found.best_step < 300
    assert found.device == f"CPU: {library}, 1 thread"
    assert fit(library, drawn()).test.best.tolist() == found.test.best.tolist()


def test_ties_of_the_first_trees_do_not_stop_it(library: str) -> None:
    rng = np.random.default_rng(0)
    rows = 6000
    asked, more = rng.integers(0, 2, rows), rng.normal(size=(rows, 3))
    y = rng.random(rows) < 0.3 * asked * expit(more.sum(axis=1) - 0.5)
    part = np.split(rng.permutation(rows), [4000, 5000])
    x = np.column_stack([more, asked]).astype(np.float32)
    splits = Splits(x=x, y=y.astype(np.int64), **dict(zip(PARTS, part, strict=True)))
    found = fit(library, dataclasses.replace(splits, categorical=(3,)))
    alone = average_precision_score(found.test.labels, asked[found.test.rows])
    assert found.best_step > 5 and precision(found) > 1.3 * alone


def test_it_gets_the_weights(library: str) -> None:
    plain, weighted = (
        fit(library, drawn(), name) for name in ("none", "class_weight(positive=20)")
    )
    shift = (weighted.test.best - plain.test.best)[:, 1].mean()
    assert shift > 0.4


def test_three_classes_have_a_logit_each(library: str) -> None:
    found = fit(library, drawn(3), classes=3)
    assert found.test.best.shape[1] == 3
    assert (found.test.best.argmax(axis=1) == found.test.labels).mean() > 0.8


def test_resampling_goes_with_gaps(library: str) -> None:
    assert precision(fit(library, drawn(), "smote(ratio=0.5)")) > 0.8


def test_categories_that_resampling_dropped_are_predicted(library: str) -> None:
    splits = drawn(rows=900)
    assert len(np.unique(splits.x[splits.train][splits.y[splits.train] == 1][:, 2])) < 25
    assert precision(fit(library, splits, "undersample")) > 0.3


@pytest.mark.parametrize("strategy", ["focal", "logit_adjust", "label_smoothing"])
@pytest.mark.parametrize("name", models.TAKE_LOSSES)
@pytest.mark.parametrize("classes", slow_but([2], [2, 3]))
def test_losses_of_strategies_train_trees(name: str, strategy: str, classes: int) -> None:
    pytest.importorskip(name, reason="not installed: uv sync --extra boosting")
    plain, found = (fit(name, drawn(classes), each, classes) for each in ("none", strategy))
    assert not np.allclose(plain.test.best, found.test.best)
    if classes == 2:
        assert precision(found) > 0.85
    else:
        assert (found.test.best.argmax(axis=1) == found.test.labels).mean() > 0.75


def test_logit_adjustment_of_trees_learns_balanced_odds() -> None:
    pytest.importorskip("xgboost", reason="not installed: uv sync --extra boosting")
    plain, adjusted = (fit("xgboost", drawn(), name) for name in ("none", "logit_adjust"))
    both = np.linspace(0.2, 0.8, 7)
    odds = [np.quantile(it.test.best[:, 1] - it.test.best[:, 0], both) for it in (plain, adjusted)]
    prior = plain.priors.training
    # without the class shares: about log(pi_0 / pi_1) higher
    assert np.mean(odds[1] - odds[0]) == pytest.approx(np.log(prior[0] / prior[1]), rel=0.35)


def test_derivatives_are_those_of_finite_differences() -> None:
    rng = np.random.default_rng(1)
    labels, weights = rng.integers(0, 2, 40), rng.uniform(0.5, 2, 40)
    prior = np.array([0.9, 0.1])
    for make, convex in ((logit_adjust(), True), (focal(), False)):
        loss = make.loss(prior)
        found = derivatives_of(loss, labels, 2, weights)
        margins = rng.normal(0, 1.5, 40)

        def of(margins: Any, loss: Any = loss) -> Any:
            logits = np.column_stack([-margins / 2, margins / 2]).astype(np.float64)
            return np.asarray(loss(np.eye(2)[labels], logits), np.float64) * weights

        first, second = found(margins)
        step = 1e-3
        assert first == pytest.approx(
            (of(margins + step) - of(margins - step)) / 2 / step, abs=1e-4
        )
        expected = (of(margins + step) - 2 * of(margins) + of(margins - step)) / step**2
        rows = expected > 0.02 * weights if not convex else np.full(40, True)
        assert second[rows] == pytest.approx(expected[rows], abs=2e-3)
        assert (second > 0).all()


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(boosting.importlib, "import_module", absent)
    with pytest.raises(UserError, match="uv sync --extra boosting"):
        boosting.build("xgboost", drawn(), 2, Budget(1, 0))


def test_catboost_takes_no_loss_of_a_strategy_and_trees_take_no_head() -> None:
    from benchmark.protocol import grid

    def suits(model: str, strategy: str) -> bool:
        settings = grammar.settings("csv", f"model={model}")
        return bool(grid.suitable_specs(TASK, settings, ("no", "yes"), [grammar.read(strategy)]))

    assert suits("xgboost", "focal") and suits("lightgbm", "focal+threshold")
    assert not suits("catboost", "focal") and not suits("hgb", "focal")
    assert not suits("xgboost", "ldam") and suits("catboost", "class_weight+threshold")


@pytest.mark.parametrize("name", ["balanced_forest", "easy_ensemble", "rusboost"])
def test_balanced_ensembles_of_imbalanced_learn(name: str) -> None:
    splits = drawn()
    splits = dataclasses.replace(splits, x=np.nan_to_num(splits.x, nan=0.5))
    made = models.MODELS[name](splits, 2, Budget(10, 0))
    assert isinstance(made, Estimator)
    data = rows_of(splits)
    made.fit(made.estimator, data)
    p = made.estimator.predict_proba(splits.x[splits.test])[:, 1]
    truth = splits.y[splits.test]  # RUSBoost ends after a stump here, as its library does
    assert average_precision_score(truth, p) > (1.9 * truth.mean() if name == "rusboost" else 0.6)
    weighted = dataclasses.replace(data, weights=np.where(data.y == 1, 2.0, 1.0))
    if name == "easy_ensemble":
        with pytest.raises(UserError, match="EasyEnsembleClassifier takes no sample weights"):
            made.fit(made.estimator, weighted)
    else:
        made.fit(made.estimator, weighted)
