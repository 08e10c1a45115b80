"""How often intervals hold the truth and claims are made where there is nothing, by simulation.

Run with ``-s`` to see the tables that the documentation quotes.
"""

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmark.metrics import stats

SEEDS, DRAWS = 10, 2000
Floats = NDArray[np.float64]


def covered(differences: Floats, truth: float, overlap: float) -> float:
    """Share of draws whose interval holds `truth`; differences are (draws, seeds)."""
    found = [stats.difference(draw, overlap) for draw in differences]
    return float(np.mean([it.low <= truth <= it.high for it in found]))


def correlated(rng: np.random.Generator, shape: tuple[int, ...], correlation: float) -> Floats:
    """Normal draws, variance 1, that share this correlation along the last axis."""
    shared = rng.normal(size=(*shape[:-1], 1))
    return np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * rng.normal(size=shape)


@pytest.mark.parametrize("overlap", [0.0, 0.15, 0.3])
def test_intervals_hold_a_known_effect_as_often_as_they_say(overlap: float) -> None:
    rng = np.random.default_rng(3)
    differences = 0.02 + 0.01 * correlated(rng, (DRAWS, SEEDS), overlap)
    assert 0.93 <= covered(differences, 0.02, overlap) <= 0.97


def test_an_interval_that_takes_seeds_for_independent_is_too_narrow() -> None:
    rng = np.random.default_rng(4)
    differences = 0.01 * correlated(rng, (DRAWS, SEEDS), 0.2)
    assert covered(differences, 0.0, 0.0) < 0.85


def f1(labels: NDArray[np.bool_], decided: NDArray[np.bool_]) -> float:
    return 2 * (labels & decided).sum() / max(1, labels.sum() + decided.sum())


def discriminant(x: Floats, y: NDArray[np.bool_], columns: list[int], rows: Floats) -> Floats:
    """Fisher's linear discriminant, learned on (x, y), of `rows`; 0 is half-way."""
    x, rows = x[:, columns], rows[:, columns]
    means = x[y].mean(axis=0), x[~y].mean(axis=0)
    within = np.concatenate([x[y] - means[0], x[~y] - means[1]])
    weights = np.linalg.solve(within.T @ within / len(within), means[0] - means[1])
    return np.asarray((rows - (means[0] + means[1]) / 2) @ weights)


SPECS = ("moved threshold", "balanced", "worse features")


Counts = tuple[int, int]  # negatives, positives


def one_data_set(rng: np.random.Generator, pool: Counts, train: Counts, test: Counts) -> Floats:
    """F1 less plain F1 of three strategies at ten random splits of a pool, (strategies, seeds)."""
    y = np.repeat([False, True], pool)
    x = rng.normal(size=(len(y), 4)) + np.outer(y, [1.5, 0.7, 0, 0])
    found = np.empty((len(SPECS), SEEDS))
    for seed in range(SEEDS):
        drawn = [rng.permutation(np.flatnonzero(y == label)) for label in (False, True)]
        trained = np.concatenate([rows[:n] for rows, n in zip(drawn, train, strict=True)])
        tested = np.concatenate(
            [rows[n : n + m] for rows, n, m in zip(drawn, train, test, strict=True)]
        )
        truth, prior = y[tested], np.log(train[1] / train[0])
        scores = discriminant(x[trained], y[trained], [0, 1, 2, 3], x[tested])
        fewer = discriminant(x[trained], y[trained], [0], x[tested])
        plain = f1(truth, scores + prior > 0)
        decisions = (scores + prior > -1, scores > 0, fewer + prior > 0)
        found[:, seed] = [f1(truth, decided) - plain for decided in decisions]
    return found


def bootstrap(rng: np.random.Generator, differences: Floats, truth: float) -> float:
    """Coverage of the percentile bootstrap over seeds."""
    picked = differences[:, rng.integers(0, SEEDS, (300, SEEDS))].mean(axis=2)
    low, high = np.quantile(picked, [0.025, 0.975], axis=1)
    return float(np.mean((low <= truth) & (truth <= high)))


POOLS = {
    "all of 600 rows used": ((510, 90), (357, 63), (77, 13)),
    "all of 600 rows used, larger test": ((510, 90), (306, 54), (102, 18)),
    "30 % of 1,000 rows trained on": ((850, 150), (255, 45), (170, 30)),
    "positives plenty (cats and dogs)": ((3500, 1700), (1500, 150), (1000, 100)),
    "positives scarce": ((10000, 200), (1000, 100), (1000, 100)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", POOLS)
def test_intervals_hold_on_classifiers_that_share_one_data_set(name: str) -> None:
    pool, train, test = POOLS[name]
    rng = np.random.default_rng(5)
    draws = np.array([one_data_set(rng, pool, train, test) for _ in range(400)])
    shared = stats.overlap(np.array(test), np.array(pool))
    print(f"\n{name}: coverage of 95 % intervals: this one, plain t, bootstrap over seeds")
    for number, strategy in enumerate(SPECS):
        differences, truth = draws[:, number], float(draws[:, number].mean())
        here, plain = covered(differences, truth, shared), covered(differences, truth, 0)
        picked = bootstrap(rng, differences, truth)
        print(f"  {strategy}: {here:.3f} {plain:.3f} {picked:.3f}")
        assert here >= 0.93
        assert plain < 0.93 and picked < 0.86
