"""What decisions cost, and the decisions that follow from it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from benchmark.metrics import classification, cost_spec, costs
from benchmark.metrics.constraints import at_least_cost, cuts
from benchmark.metrics.costs import Costs
from benchmark.protocol.arrays import Floats, Ints
from tests.prices import errors

LABELS = np.array([0, 0, 1, 1])
ROWS = np.arange(4)
CLASSES = ("ant", "bee", "cat")
MATRIX = cost_spec.read("ant>bee=1,ant>cat=9,bee>ant=4,bee>cat=2,cat>ant=30,cat>bee=5").of(CLASSES)


def test_the_threshold_of_fp_1_and_fn_50_is_1_in_51() -> None:
    assert errors(1, 50).threshold == pytest.approx(1 / 51)
    offsets = costs.by_theory(errors(1, 50), np.zeros((4, 2)), LABELS, ROWS)
    p = np.array([0.0195, 0.0197])  # 1 / 51 is 0.0196
    logits = np.stack([np.zeros(2), np.log(p / (1 - p))], axis=1)
    assert classification.decide(logits, offsets).tolist() == [0, 1]


def test_costs_are_added_up_for_a_thousand_rows() -> None:
    assert errors(2, 7).of(LABELS, np.array([1, 0, 0, 1]), np.ones(4), ROWS) == 1000 * (2 + 7) / 4
    assert errors(2, 7).of(LABELS, LABELS, np.ones(4), ROWS) == 0
    weights = np.array([3, 1, 2, 2.0])
    weighted = errors(2, 7).of(LABELS, np.array([1, 0, 0, 1]), weights, ROWS)
    assert weighted == 1000 * (3 * 2 + 2 * 7) / 8
    right = MATRIX.of_each(np.array([0, 1, 2, 2]), np.array([0, 2, 0, 1]), ROWS)
    assert right.tolist() == [0, 2000, 30_000, 5000]


@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.integers(-3, 3), st.integers(1, 4)), min_size=1, max_size=12
    ),
    st.sampled_from([errors(), errors(1, 10), errors(5, 1)]),
)
def test_the_tuned_threshold_is_the_cheapest_of_all(
    rows: list[tuple[int, int, int]], wanted: Costs
) -> None:
    labels, scores, weights = (np.array(column) for column in zip(*rows, strict=True))
    numbers = np.arange(len(rows))
    [fp], [fn] = wanted.errors(numbers)
    threshold = at_least_cost(cuts(labels, scores.astype(float), weights), fp, fn)
    prices = {
        at: wanted.of(labels, (scores > at).astype(int), weights, numbers)
        for at in np.arange(-4.5, 4)
    }
    lowest = pytest.approx(min(prices.values()), rel=1e-12)  # sums in another order
    assert wanted.of(labels, (scores > threshold).astype(int), weights, numbers) == lowest
    threshold = at_least_cost(cuts(labels, scores.astype(float), np.ones(len(rows))), fp, fn)
    logits = np.stack([np.zeros(len(scores)), scores], axis=1).astype(float)
    offsets = costs.tuned(wanted, logits, labels, numbers)
    assert (
        classification.decide(logits, offsets).tolist() == (scores > threshold).astype(int).tolist()
    )


def test_a_matrix_decides_for_the_least_expected_cost() -> None:
    logits = np.random.default_rng(0).normal(size=(50, 3))
    decided = MATRIX.decide(logits, np.arange(50))
    p = softmax(logits, axis=1)
    for row in range(50):
        expected = [sum(p[row, i] * MATRIX.entries[i][j] for i in range(3)) for j in range(3)]
        assert decided[row] == np.argmin(expected)
    assert (decided != logits.argmax(axis=1)).any()


def _draw(seed: int, shift: Floats, rows: int = 4000) -> tuple[Ints, Floats]:
    """Rows whose logits are calibrated but for a shift."""
    rng = np.random.default_rng(seed)
    logits = 1.5 * rng.normal(size=(rows, 3)) + np.array([2.0, 0, -1])
    labels = (softmax(logits, axis=1).cumsum(axis=1) < rng.random((rows, 1))).sum(axis=1)
    return labels, logits + shift


def test_offsets_of_a_matrix_are_tuned_where_probabilities_are_off() -> None:
    shift, rows = np.array([0, 0, 2.5]), np.arange(4000)
    labels, logits = _draw(0, shift)
    offsets = costs.tuned(MATRIX, logits, labels, rows)
    labels, logits = _draw(1, shift)  # fresh ones

    def cost(moved: Floats) -> float:
        return MATRIX.of(labels, MATRIX.decide(moved, rows), np.ones(len(rows)), rows)

    true, off, tuned = cost(logits - shift), cost(logits), cost(logits + offsets)
    assert true < 0.9 * off and tuned < 1.02 * true


def test_amounts_move_the_decision_of_every_row() -> None:
    spec = cost_spec.read("fp=5,fn=amount").of(("honest", "fraud"))
    assert spec.columns == ("amount",) and not spec.is_threshold
    priced = spec.with_amounts({"amount": np.array([1.0, 100, 0, 1000])})
    logits = np.tile([0.0, -3.0], (4, 1))  # p = 0.047: 4.7 of 100 and 47 of 1,000 are at stake
    assert priced.decide(logits, ROWS).tolist() == [0, 0, 0, 1]
    assert priced.decide(logits[:2], np.array([3, 3])).tolist() == [1, 1]  # rows of the data
    missed = priced.of_each(LABELS, np.zeros(4, int), ROWS)
    assert missed.tolist() == [0, 0, 0, 1_000_000]


def test_tuned_offsets_of_amounts_are_the_cheapest_of_all() -> None:
    rng = np.random.default_rng(0)
    count = 300
    labels, margins = (rng.random(count) < 0.3).astype(int), rng.normal(size=count)
    logits = np.stack([np.zeros(count), margins + labels], axis=1)
    amounts = np.where(rng.random(count) < 0.1, 0, rng.exponential(50, count))
    priced = cost_spec.read("fp=20,fn=amount").of(("no", "yes")).with_amounts({"amount": amounts})
    rows = np.arange(count)

    def cost(offset: float) -> float:
        decided = priced.decide(logits + np.array([0, offset]), rows)
        return priced.of(labels, decided, np.ones(count), rows)

    found = costs.tuned(priced, logits, labels, rows)
    least = min(cost(offset) for offset in np.linspace(-8, 8, 2001))
    assert cost(found[1]) <= least * (1 + 1e-9)
