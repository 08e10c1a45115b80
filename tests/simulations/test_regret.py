"""What the advice loses against the truly best strategy, and what it says that it loses."""

import numpy as np
import pytest

from benchmark.workflows.race import DECIDED, OUT
from tests.simulations.designs import REGRET
from tests.simulations.regret import advised, lost_and_said, outlook
from tests.simulations.tables import draw


@pytest.mark.slow
def test_a_third_of_the_regret_of_before_and_what_is_said_is_what_is_lost() -> None:
    rng, draws = np.random.default_rng(7), 300
    of_all = np.zeros(3)  # before, now, said
    for name, make in REGRET.items():
        print(f"\n{name}: expected regret before, now, and as said")
        total = np.zeros(3)
        for seeds in (3, 5, 10):
            means = lost_and_said(make, seeds, draws, rng)
            print(f"  {seeds:>2} seeds: " + "  ".join(f"{value:.4f}" for value in means))
            total += means
        assert total[1] <= total[0] / 3
        of_all += total
    _, now, said = of_all
    print(f"all: said {said:.4f}, lost {now:.4f}")
    assert said == pytest.approx(now, rel=0.25)


@pytest.mark.slow
@pytest.mark.parametrize("name", REGRET)
def test_a_race_needs_fewer_trainings_and_loses_little(name: str) -> None:
    rng, draws, looks = np.random.default_rng(8), 200, (3, 5, 10)
    trained, lost = np.zeros(2), np.zeros(2)  # racing, all seeds for all
    for _ in range(draws):
        design = REGRET[name](rng)
        whole = draw(design, looks[-1], rng)
        behind = design.truth.max() - design.truth
        racing, seeds = np.arange(len(behind)), 0
        for coming in looks:
            trained[0] += len(racing) * (coming - seeds)
            seeds, now = coming, whole.first(coming).of(racing)
            regret, within = outlook(now, rng)
            use = racing[advised(regret)]
            if regret.min() <= DECIDED:
                break
            racing = racing[(within >= OUT) | (racing == 0)]
        trained[1] += len(behind) * looks[-1]
        lost += behind[use], behind[advised(outlook(whole, rng)[0])]
    share, more = trained[0] / trained[1], (lost[0] - lost[1]) / draws
    print(f"\n{name}: {share:.0%} of the trainings of ten seeds, regret {more:+.4f}")
    assert share < 1 and more <= 0.003
