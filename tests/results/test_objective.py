"""Objectives against scikit-learn, and against what a run logs."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics as known

from benchmark.protocol import grammar
from benchmark.protocol.errors import UserError
from benchmark.results import objective
from benchmark.training import score
from benchmark.training.decision import fit_decision
from benchmark.training.predictions import Fit, Predictions
from tests.toys import FIT

TEST = 2  # seed of the test rows, which stand for a rarer class


def predictions(seed: int, rows: int = 400) -> Predictions:
    rng = np.random.default_rng(seed)
    labels = (rng.random(rows) < 0.2).astype(np.int64)
    logits = rng.normal(size=(rows, 2)) + np.eye(2)[labels]
    weights = np.where(labels == 1, 0.4, 1.15) if seed == TEST else np.ones(rows)
    return Predictions(np.arange(rows), labels, logits, logits, weights)


@pytest.fixture
def fit() -> Fit:
    return replace(FIT, validation=predictions(1), test=predictions(TEST))


@pytest.mark.parametrize("text", ["none", "threshold", "logit_shift(tau=0.5)+threshold(beta=2)"])
def test_on_test_they_are_what_a_run_logs(text: str, fit: Fit) -> None:
    strategy = grammar.read(text).strategy
    logged = score.score(strategy, fit).metrics
    for name in ("f1", "f1_tuned", "average_precision"):
        value, _ = objective.read(name).on_test(strategy, fit)
        assert value == pytest.approx(logged[f"test/{name}"], abs=1e-12)


@pytest.mark.parametrize("text", ["none", "threshold"])
@pytest.mark.parametrize(
    "goal",
    [
        *("f1", "f1_tuned", "fbeta(beta=2)", "average_precision", "recall", "cost(fp=1, fn=9)"),
        *("recall(fpr=0.2)", "precision(recall=0.6)", "capacity(share=0.15)"),
    ],
)
def test_the_influence_of_a_row_is_what_its_weight_changes(goal: str, text: str) -> None:
    fit = replace(FIT, validation=predictions(1, 80), test=predictions(TEST, 80))
    strategy, read = grammar.read(text).strategy, objective.read(goal)
    _, found = read.on_test(strategy, fit)
    labels, changes = fit.test.labels, np.zeros(len(fit.test.labels))
    for row in range(len(labels)):
        up, down = (
            read.on_test(strategy, replace(fit, test=replace(fit.test, weights=weights)))[0]
            for step in (1e-4, -1e-4)
            for weights in [fit.test.weights * (1 + step * (np.arange(len(labels)) == row))]
        )
        changes[row] = (up - down) / 2e-4
    for label in (0, 1):
        changes[labels == label] -= changes[labels == label].mean()
    assert found == pytest.approx(changes, abs=1e-4 * np.abs(changes).max())


def test_on_validation_nothing_of_test_is_read(fit: Fit) -> None:
    strategy = grammar.read("threshold").strategy
    nothing = np.empty(0, np.int64)
    empty = np.empty((0, 2))
    without = replace(fit, test=Predictions(nothing, nothing, empty, empty, np.empty(0)))
    for text in ("f1", "f1_tuned", "fbeta", "average_precision", "recall", "cost(fp=1,fn=9)"):
        goal = objective.read(text)
        assert goal.on_validation(strategy, fit) == goal.on_validation(strategy, without)


def test_by_hand(fit: Fit) -> None:
    strategy = grammar.read("none").strategy
    test = fit.test
    margin = test.best[:, 1] - test.best[:, 0]
    decided = (margin > 0).astype(int)
    f2, _ = objective.read("fbeta(beta=2)").on_test(strategy, fit)
    assert f2 == pytest.approx(
        known.fbeta_score(test.labels, decided, beta=2, sample_weight=test.weights)
    )
    _, fp, fn, _ = known.confusion_matrix(test.labels, decided, sample_weight=test.weights).ravel()
    cost = objective.read("", "fp=1,fn=10")
    assert cost.minimize
    assert cost.on_test(strategy, fit)[0] == pytest.approx(
        1000 * (fp + 10 * fn) / test.weights.sum()
    )
    goal = objective.read("recall(precision=0.5)")
    found = goal.on_validation(strategy, fit)
    own = fit.validation
    margin = own.best[:, 1] - own.best[:, 0]
    reached = [
        known.recall_score(own.labels, margin >= threshold)
        for threshold in margin
        if known.precision_score(own.labels, margin >= threshold) >= 0.5
    ]
    assert found == pytest.approx(max(reached))
    top = np.argsort(-margin)[: int(0.1 * len(margin))]
    found = objective.read("capacity(share=0.1)").on_validation(strategy, fit)
    assert found == pytest.approx(own.labels[top].mean())


def test_a_constraint_is_kept_as_the_strategy_threshold_keeps_it(fit: Fit) -> None:
    """What is recommended for an objective can be trained and searched under that name."""
    for text in ("recall(precision=0.4)", "recall(fpr=0.1)", "precision(recall=0.7)", "capacity"):
        rule = objective.read(text).rule
        assert rule
        own = fit_decision(grammar.read(rule.strategy).strategy, fit)
        assert (
            own.offsets.tolist()
            == rule.offsets(fit.validation.best, fit.validation.labels).tolist()
        )


def test_a_precision_that_is_never_reached_is_worth_nothing(fit: Fit) -> None:
    own = fit.validation
    upside_down = replace(fit, validation=replace(own, best=own.best[:, ::-1], last=own.last))
    strategy = grammar.read("none").strategy
    assert objective.read("recall(precision=0.99)").on_validation(strategy, upside_down) == 0


@pytest.mark.parametrize(
    ("text", "costs", "said"),
    [
        ("f2", "", "unknown objective 'f2': known: average_precision, capacity, cost"),
        ("f1_tund", "", "did you mean 'f1_tuned'?"),
        ("fbeta(gamma=2)", "", "objective 'fbeta' has no argument 'gamma'"),
        ("fbeta(beta=0)", "", "beta must be above 0"),
        ("recall(precision=0.5, fpr=0.1)", "", "name one"),
        ("recall(0.5)", "", "arguments are written name=value"),
        ("cost", "", "fp and fn is missing"),
        ("", "fp=1", "a cost needs both sides, and fn is missing"),
        ("", "fp=1,fn=-1", "fn must be above 0"),
        ("f1_tuned", "fp=1,fn=2", "leave out --objective f1_tuned"),
    ],
)
def test_what_cannot_be_read_is_one_line(text: str, costs: str, said: str) -> None:
    with pytest.raises(UserError) as raised:
        objective.read(text, costs)
    assert said in str(raised.value) and "\n" not in str(raised.value)
