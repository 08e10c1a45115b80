"""What wrong decisions cost, and the thresholds that follow from it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.metrics import classification, costs
from benchmark.metrics.constraints import at_least_cost, cuts
from benchmark.metrics.costs import Costs
from benchmark.protocol.errors import UserError

LABELS = np.array([0, 0, 1, 1])


def test_the_threshold_of_fp_1_and_fn_50_is_1_in_51() -> None:
    assert Costs(1, 50).threshold == pytest.approx(1 / 51)
    offsets = costs.by_theory(Costs(1, 50))(np.zeros((4, 2)), LABELS)
    p = np.array([0.0195, 0.0197])  # 1 / 51 is 0.0196
    logits = np.stack([np.zeros(2), np.log(p / (1 - p))], axis=1)
    assert classification.decide(logits, offsets).tolist() == [0, 1]


def test_costs_are_added_up_for_a_thousand_rows() -> None:
    assert Costs(2, 7).of(LABELS, np.array([1, 0, 0, 1]), np.ones(4)) == 1000 * (2 + 7) / 4
    assert Costs(2, 7).of(LABELS, LABELS, np.ones(4)) == 0
    weighted = Costs(2, 7).of(LABELS, np.array([1, 0, 0, 1]), np.array([3, 1, 2, 2.0]))
    assert weighted == 1000 * (3 * 2 + 2 * 7) / 8


@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.integers(-3, 3), st.integers(1, 4)), min_size=1, max_size=12
    ),
    st.sampled_from([Costs(), Costs(1, 10), Costs(5, 1)]),
)
def test_the_tuned_threshold_is_the_cheapest_of_all(
    rows: list[tuple[int, int, int]], wanted: Costs
) -> None:
    labels, scores, weights = (np.array(column) for column in zip(*rows, strict=True))
    threshold = at_least_cost(cuts(labels, scores.astype(float), weights), wanted.fp, wanted.fn)
    prices = {
        at: wanted.of(labels, (scores > at).astype(int), weights) for at in np.arange(-4.5, 4)
    }
    lowest = pytest.approx(min(prices.values()), rel=1e-12)  # sums in another order
    assert wanted.of(labels, (scores > threshold).astype(int), weights) == lowest
    threshold = at_least_cost(
        cuts(labels, scores.astype(float), np.ones(len(rows))), wanted.fp, wanted.fn
    )
    logits = np.stack([np.zeros(len(scores)), scores], axis=1).astype(float)
    offsets = costs.tuned(wanted)(logits, labels)
    assert (
        classification.decide(logits, offsets).tolist() == (scores > threshold).astype(int).tolist()
    )


def test_costs_as_people_write_them() -> None:
    assert costs.read("fp=1,fn=10") == costs.read("fn=10") == Costs(1, 10)
    assert costs.read(str(Costs(0.5, 3))) == Costs(0.5, 3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fn=0", "fn must be above 0"),
        ("fn=-1", "fn must be above 0"),
        ("fn=much", "fn must be a number"),
        ("fn", "written name=value"),
        ("fn=1,fn=2", "fn is given twice"),
        ("tp=1", "no argument 'tp'"),
    ],
)
def test_what_is_no_cost(text: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        costs.read(text)
