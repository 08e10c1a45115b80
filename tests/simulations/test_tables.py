"""Coverage, false claims and power of the statistics, on tables whose truth is known."""

from itertools import product

import numpy as np
import pytest

from benchmark.metrics import stats
from tests.simulations.designs import POWER
from tests.simulations.tables import (
    CORRELATION,
    Design,
    claims_and_coverage,
    compare,
    draw,
    found_before_and_now,
)

DRAWS = {2: 400, 6: 300, 12: 200, 35: 60}  # by number of strategies
SEEDS = (2, 3, 5, 10, 20)
# variance ratio, share of the rows that a seed tests (1: one fixed test split)
KINDS = tuple(product((1.0, 16.0), (0.15, 0.5, 1.0)))


@pytest.mark.slow
@pytest.mark.parametrize("strategies", DRAWS)
def test_few_tables_hold_a_false_claim_and_intervals_hold_the_truth(strategies: int) -> None:
    rng = np.random.default_rng(strategies)
    draws = DRAWS[strategies]
    of_all = []
    print(f"\n{strategies} strategies: share of tables with a false claim, coverage")
    for seeds in SEEDS:
        found = [
            claims_and_coverage(
                Design(np.zeros(strategies + 1), 0.05, ratio, tested), seeds, draws, rng
            )
            for ratio, tested in KINDS
        ]
        wrong, covered = np.mean(found, axis=0)
        worst = max(rate for rate, _ in found)
        print(f"  {seeds:>2} seeds: {wrong:.3f} (at most {worst:.3f})  {covered:.3f}")
        of_all.append((wrong, covered))
        # at most 6 %, and what chance adds to the largest of six
        assert worst <= 0.06 + 3 * (0.06 * 0.94 / draws) ** 0.5
    wrong, covered = np.mean(of_all, axis=0)
    assert wrong <= 0.06
    assert 0.93 <= covered <= 0.98


@pytest.mark.slow
@pytest.mark.parametrize("name", POWER)
def test_effects_are_found_that_were_not_found_before(name: str) -> None:
    design, rng, draws = POWER[name], np.random.default_rng(5), 300
    print(f"\n{name}: share of tables where it is significant, before and now")
    for seeds in (3, 5, 10):
        before, now = found_before_and_now(design, seeds, draws, rng)
        print(f"  {seeds:>2} seeds: {before:.2f}  {now:.2f}")
        assert now >= before
        if before <= 0.1:
            assert now >= 3 * before


@pytest.mark.slow
def test_looking_at_every_planned_number_of_seeds_claims_falsely_in_few_tables() -> None:
    rng, draws, looks = np.random.default_rng(6), 400, (3, 5, 10, 20)
    claimed = dict.fromkeys(("planned looks", "every seed, without a plan"), 0)
    design = Design(np.zeros(7), 0.05)
    for _ in range(draws):
        whole = draw(design, looks[-1], rng)
        for name, seeds, level in (
            ("planned looks", looks, stats.LEVEL / 2),
            ("every seed, without a plan", range(3, looks[-1] + 1), stats.LEVEL),
        ):
            claimed[name] += any(
                stats.holm(np.array([one.p for one in compare(whole.first(n), CORRELATION)])).min()
                < level
                for n in seeds
            )
    print(f"\nshare of tables with a false claim: {claimed}, of {draws}")
    assert claimed["planned looks"] / draws <= 0.055
