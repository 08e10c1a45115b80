"""Do findings on one half of the data sets hold on the other?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmark.metrics import ranks, stats
from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.processes import Apply
from benchmark.results.suite.field import ROPE, Answer

SPLITS = 50  # random halves, each half tried on the other
FEWEST = 6  # data sets, for halves to say anything
PER_PROCESS = 4  # answers at least, for the start of a process to be worth it


@dataclass(frozen=True)
class Confirmed:
    """Claims made on halves, and what the other half says of them.

    Attributes:
        claims: significant ones (signed rank, Holm), over all halves.
        same: of them, with a median of the same sign on the other half.
        significant: of them, significant there as well (one test, unadjusted).
        reversed: of them, significant there with the other sign.
        equal: claims of a median difference within the rope whose quartiles are so as well.
        still_equal: of them, with a median within the rope on the other half.
    """

    claims: int
    same: int
    significant: int
    reversed: int
    equal: int
    still_equal: int


def confirm(answers: Sequence[Answer], apply: Apply, seed: int = 0) -> Confirmed:
    """Make claims on random halves of the data sets and test each on the other half.

    Args:
        apply: takes the answers one by one, in processes.
    """
    tables = [_differences(answer) for answer in answers]
    counts = apply(partial(_on_halves, seed), tables, len(tables) // PER_PROCESS, "confirming")
    return Confirmed(*np.sum([np.zeros(6, int), *counts], axis=0).tolist())


def _on_halves(seed: int, table: Floats) -> Ints:
    """Counts in the order of `Confirmed`, over `SPLITS` halves of the data sets, both ways."""
    totals, rng = np.zeros(6, int), np.random.default_rng(seed)
    for _ in range(SPLITS if len(table) >= FEWEST else 0):
        order = rng.permutation(len(table))
        one, other = order[: len(order) // 2], order[len(order) // 2 :]
        totals += _tested(table[one], table[other]) + _tested(table[other], table[one])
    return totals


def _differences(answer: Answer) -> Floats:
    """Differences (data sets, strategies), nan where a strategy is not complete."""
    sets = list(dict.fromkeys(name for one in answer.versus for name in one.sets))
    table = np.full((len(sets), len(answer.versus)), np.nan)
    for column, one in enumerate(answer.versus):
        rows = [sets.index(name) for name in one.sets]
        table[rows, column] = [difference.mean for difference in one.differences]
    return table


def _tested(one: Floats, other: Floats) -> Ints:
    """Counts in the order of `Confirmed`, of claims made on `one`."""
    columns = [(a[~np.isnan(a)], b[~np.isnan(b)]) for a, b in zip(one.T, other.T, strict=True)]
    columns = [(a, b) for a, b in columns if len(a) >= 2 and len(b) >= 2]
    p = stats.holm(np.array([ranks.signed_rank(a) for a, _ in columns]))
    counts = np.zeros(6, int)
    for (a, b), adjusted in zip(columns, p, strict=True):
        if adjusted < stats.LEVEL:
            same = _sign(a) == _sign(b)
            clear = ranks.signed_rank(b) < stats.LEVEL
            counts[:4] += [1, same, clear and same, clear and not same]
        elif np.abs(np.quantile(a, [0.25, 0.5, 0.75])).max() <= ROPE:
            counts[4:] += [1, abs(float(np.median(b))) <= ROPE]
    return counts


def _sign(differences: Floats) -> int:
    """Sign of the signed-rank statistic."""
    from scipy.stats import rankdata

    weights = rankdata(np.abs(differences)) * np.sign(differences)
    return int(np.sign(weights.sum()))
