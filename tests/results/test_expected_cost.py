"""Costs of classes and of amounts: what is recommended costs what it says, on fresh rows too."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax

from benchmark.metrics import cost_spec
from benchmark.metrics.costs import Costs
from benchmark.protocol import grammar
from benchmark.protocol.arrays import Floats, Ints
from benchmark.results import objective, recommendation
from benchmark.results.expected_cost import fresh_mean
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.predicted import predict
from benchmark.results.report import costs as report
from benchmark.results.row_errors import RowErrors
from benchmark.training.predictions import Fit, Predictions
from tests import toys

SEEDS, ROWS = 5, 3000
Tables = Callable[..., Leaderboard]
CLASSES = ["ant", "bee", "cat"]


def draw(rng: np.random.Generator, classes: int, skill: float) -> tuple[Ints, Floats]:
    """Rows of calibrated logits."""
    logits = skill * rng.normal(size=(ROWS, classes)) + np.array([2.0, 0.0, -1.0])[:classes]
    p = softmax(logits, axis=1)
    return (p.cumsum(axis=1) < rng.random((ROWS, 1))).sum(axis=1), logits


def table_with(table_of: Tables, classes: int, skill: dict[str, float]) -> Leaderboard:
    """A table of strategies that rank rows with a skill; test rows are numbered from `ROWS`."""

    def predictions(rng: np.random.Generator, skill: float, first: int) -> Predictions:
        labels, logits = draw(rng, classes, skill)
        return Predictions(first + np.arange(ROWS), labels, logits, logits, np.ones(ROWS))

    values = {label: {"f1": [0.4 + 0.001 * seed for seed in range(SEEDS)]} for label in skill}
    table = table_of(values)
    predicted = {}
    for label in skill:
        seeds = []
        for seed in range(SEEDS):
            rng = np.random.default_rng(seed)
            parts = predictions(rng, skill[label], 0), predictions(rng, skill[label], ROWS)
            fit = replace(toys.FIT, validation=parts[0], test=parts[1])
            seeds.append(predict(grammar.read("none").strategy, fit, seed))
        predicted[label] = seeds
    facts = table.facts | {"classes": CLASSES[:classes], "counts": [100] * classes}
    return replace(table, facts=facts, row_errors=RowErrors(predicted))


def amounts(costs: Costs) -> Costs:
    drawn = np.random.default_rng(9).exponential(100, 2 * ROWS)
    return costs.with_amounts({"amount": drawn})


def test_a_matrix_is_recommended_for_and_decided_by(table_of: Tables) -> None:
    table = table_with(table_of, 3, {"none": 1.0, "oversample": 2.0})
    prices = cost_spec.read("ant>cat=4,bee>cat=2,cat>ant=40,cat>bee=25").of(CLASSES)
    advice = recommendation.recommend("", table, prices)
    assert advice.label == "oversample" and advice.expected and advice.candidate
    assert advice.sentences[0].text == (
        "Use oversample, and decide each row by the least expected cost for "
        "ant>cat=4,bee>cat=2,cat>ant=40,cat>bee=25."
    )
    names = [constant.label for constant in advice.expected.constants]
    assert names == CLASSES
    fit = advice.candidate.predicted[0].fit
    decision = advice.decision(grammar.read("oversample").strategy, fit)
    decided = decision.decide(fit.test.best, fit.test.rows)
    expected = softmax(fit.test.best, axis=1) @ np.array(prices.entries)
    assert decided.tolist() == expected.argmin(axis=1).tolist()
    # deciding for the likeliest class costs more
    assert advice.candidate.mean < 0.9 * advice.expected.baseline.mean


def test_costs_of_the_recommended_on_fresh_rows_lie_in_its_interval(table_of: Tables) -> None:
    for classes, text in ((3, "cat>ant=40,cat>bee=25"), (2, "fp=20,fn=amount")):
        table = table_with(table_of, classes, {"none": 1.5, "oversample": 1.6})
        spec = cost_spec.read(text)
        advice = recommendation.recommend("", table, amounts(spec.of(CLASSES[:classes])))
        assert advice.expected and advice.candidate
        promised = advice.expected.mean(advice.candidate)
        rng = np.random.default_rng(77)
        fresh = advice.candidate.predicted[0]
        drawn = [draw(rng, classes, 1.5 if advice.label == "none" else 1.6) for _ in range(20)]
        labels, logits = (np.concatenate(part) for part in zip(*drawn, strict=True))
        rows = np.arange(len(labels))
        assert advice.costs
        prices = advice.costs.with_amounts({"amount": rng.exponential(100, len(rows))})
        decision = fresh.decision
        if decision.costs:
            decision = replace(decision, costs=prices)
        realised = prices.of(labels, decision.decide(logits, rows), np.ones(len(rows)), rows)
        assert promised.low < realised < promised.high


def test_amounts_decide_row_by_row_and_save(table_of: Tables) -> None:
    table = table_with(table_of, 2, {"none": 1.5, "oversample": 1.5})
    prices = amounts(cost_spec.read("fp=20,fn=amount").of(CLASSES[:2]))
    advice = recommendation.recommend("", table, prices)
    assert advice.label == "none" and advice.candidate and advice.expected
    assert (
        "decide each row by the least expected cost for fp=20,fn=amount."
        in advice.sentences[0].text
    )
    assert advice.candidate.thresholds == ()
    one_threshold = cost_spec.read("fp=20,fn=100").of(CLASSES[:2])  # of the mean amount
    same = recommendation.recommend("", table, one_threshold).candidate
    assert same
    realised = [prices.of(it.labels, it.decisions, it.weights, it.rows) for it in same.predicted]
    assert advice.candidate.mean < 0.95 * np.mean(realised)
    shown = report.table(advice.expected)
    assert {row[0].text for row in shown.rows[-2:]} == {"every row 'ant'", "every row 'bee'"}
    assert all("[" in row[3].text for row in shown.rows)  # amounts of rows move the cost


@pytest.mark.parametrize("text", ["cat>ant=40,cat>bee=25", "fp=20,fn=amount"])
def test_a_search_sums_up_the_costs_of_the_least_expected_cost(text: str, table_of: Tables) -> None:
    classes = 2 if "fp" in text else 3
    table = table_with(table_of, classes, {"none": 1.5})
    fit: Fit = table.row_errors.predicted["none"][0].fit
    spec = cost_spec.read(text)
    prices = amounts(spec.of(CLASSES[:classes]))
    goal = objective.cost(objective.read("", text).costs or spec, prices)
    assert objective.read(goal.text).costs == spec and goal.minimize
    part = fit.validation
    decided = prices.decide(part.best, part.rows)
    expected = prices.of(part.labels, decided, part.weights, part.rows)
    assert goal.on_validation(grammar.read("threshold").strategy, fit) == pytest.approx(expected)
    value, of_rows = goal.on_test(grammar.read("none").strategy, fit)
    assert value > 0 and len(of_rows) == ROWS


def test_the_interval_of_a_mean_holds_in_95_of_100_models() -> None:
    rng, held = np.random.default_rng(0), 0
    for _ in range(400):
        values = np.where(rng.random(1500) < 0.1, rng.exponential(100, 1500), 0)
        weights = np.where(rng.random(1500) < 0.5, 0.5, 1.5)
        low, high = fresh_mean(values, weights)
        held += low <= 10 <= high
    assert 0.91 < held / 400 < 0.98
