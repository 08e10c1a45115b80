"""Regret of the advice on simulated tables: lost against the truly best, and as it is said."""

from collections.abc import Callable

import numpy as np

from benchmark.metrics import stats
from benchmark.metrics.posterior import evidence, posterior
from benchmark.protocol.arrays import Floats
from benchmark.results.outlook import NEGLIGIBLE
from tests.simulations.tables import CORRELATION, Design, Table, compare_pairs_as_before, draw

DRAWS = 1000  # of the posterior


def outlook(table: Table, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Expected regret of each strategy, and its probability of being nearly the best."""
    drawn = posterior(evidence(table.scores, table.rows, CORRELATION), rng, DRAWS)
    return drawn.regret(), drawn.within()


def advised(regret: Floats) -> int:
    """The simplest strategy with nearly the least regret; designs list the simplest first."""
    return int(np.argmax(regret <= regret.min() + NEGLIGIBLE))


def advised_before(table: Table, tested: float) -> int:
    """The advice of version 0.1: the simplest that the best is not significantly better than."""
    best = int(np.argmax(table.scores.mean(axis=1)))
    p = compare_pairs_as_before(table, best, tested)
    return int(np.argmax((p >= stats.LEVEL) | (np.arange(len(p)) == best)))


def lost_and_said(
    make: Callable[[np.random.Generator], Design],
    seeds: int,
    draws: int,
    rng: np.random.Generator,
) -> Floats:
    """Mean regret of version 0.1's advice, of today's, and as today's says it, (3,)."""
    lost = np.zeros((draws, 3))
    for number in range(draws):
        design = make(rng)
        table = draw(design, seeds, rng)
        regret, _ = outlook(table, rng)
        use, behind = advised(regret), design.truth.max() - design.truth
        lost[number] = behind[advised_before(table, design.tested)], behind[use], regret[use]
    return np.asarray(lost.mean(axis=0), np.float64)
