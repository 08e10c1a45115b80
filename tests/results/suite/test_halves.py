"""Findings on a half of the data sets, tested on the other half."""

import numpy as np
import pytest

from benchmark.metrics import hierarchical
from benchmark.metrics.aggregate import Aggregate
from benchmark.metrics.stats import Difference
from benchmark.protocol.processes import in_processes
from benchmark.results.suite.field import Answer, Scores, Versus, estimates
from benchmark.results.suite.halves import confirm
from benchmark.results.suite.questions import QUESTIONS


def _answer(**centres: float) -> Answer:
    rng = np.random.default_rng(0)
    names = tuple(f"set{number}" for number in range(40))
    versus = [
        Versus(
            label,
            names,
            tuple(
                Difference(float(mean), 0.01, 5, 0.02, 3)
                for mean in centre + 0.004 * rng.normal(size=len(names))
            ),
            *(0, 0, 0, 1.0, (0, 1, 0), (0, 1, 0), Aggregate(0, 0, 0), ()),
        )
        for label, centre in centres.items()
    ]
    empty = Scores((), (), np.empty((0, 0)), None, ())
    return Answer("hgb", QUESTIONS[0], tuple(versus), empty)


def test_real_effects_are_confirmed_and_equal_ones_stay_equal() -> None:
    held = confirm([_answer(better=0.05, worse=-0.05, equal=0.0)], in_processes)
    assert held.claims >= 200
    assert held.same >= 0.95 * held.claims
    assert held.reversed == 0
    assert held.equal and held.still_equal == held.equal


def test_without_effects_claims_are_rare() -> None:
    held = confirm([_answer(one=0.0, two=0.0, three=0.0)], in_processes)
    assert held.claims < 0.1 * 300


@pytest.mark.parametrize("error, seeds", [(float("nan"), 1), (0.0, 5)])
def test_a_data_set_without_an_error_borrows_one(error: float, seeds: int) -> None:
    known = Difference(0.1, 0.02, 4, 0.03, 3)
    found = estimates([known, Difference(0.1, error, seeds - 1, 0.0, seeds)])
    assert found.errors.tolist() == [0.02, 0.02]
    assert found.degrees.tolist() == [4, 1]


def test_ties_on_a_few_data_sets_do_not_make_the_others_equal() -> None:
    rng = np.random.default_rng(0)
    tied = [Difference(0.0, 0.0, 4, 0.0, 5)] * 7
    others = [
        Difference(float(mean), 0.04, 4, 0.09, 5)
        for mean in rng.normal(0.05, 0.05, 38) + rng.normal(0, 0.04, 38)
    ]
    found = hierarchical.field(estimates([*tied, *others]), 0.01, rng)
    _, equal, better = found.next_one()
    assert better > 0.5 > equal and np.quantile(found.centre, 0.025) > 0.01
