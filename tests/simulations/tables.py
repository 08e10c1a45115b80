"""Simulated tables of scores, strategies by seeds, whose truth is known.

A score is a strategy's expected score, plus what its training adds at this seed, plus the mean
effect of the test rows, which each seed draws from the same data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr

from benchmark.metrics import influence, stats
from benchmark.metrics.stats import Difference
from benchmark.protocol.arrays import Floats, Ints

ROWS = 400  # of the data set
CORRELATION = stats.WITHOUT_THRESHOLDS  # that comparisons assume; the tables have none


@dataclass(frozen=True)
class Design:
    """One kind of table; the first strategy is the baseline.

    Attributes:
        truth: expected scores, (strategies,).
        noise: standard deviation over seeds of a difference to the baseline.
        ratio: of the largest to the smallest variance among the strategies.
        tested: share of the rows that each seed tests; 1 is one fixed test split.
        of_rows: share of the variance over seeds that comes from the test rows.
        correlated: share of the training noise that the strategies of a seed have in common.
    """

    truth: Floats
    noise: float
    ratio: float = 1.0
    tested: float = 0.15
    of_rows: float = 0.5
    correlated: float = 0.3


@dataclass(frozen=True)
class Table:
    """Scores (strategies, seeds), and the covariance of their means measured from the rows."""

    scores: Floats
    rows: Floats

    def first(self, seeds: int) -> Table:
        """The first seeds; the covariance of the rows is that of all, which is more precise."""
        return Table(self.scores[:, :seeds], self.rows)

    def of(self, strategies: Ints) -> Table:
        """Some of the strategies."""
        return Table(self.scores[strategies], self.rows[np.ix_(strategies, strategies)])


def draw(design: Design, seeds: int, rng: np.random.Generator) -> Table:
    """Draw a data set and `seeds` splits and trainings of it."""
    count, tested = len(design.truth), round(design.tested * ROWS)
    # variances ratio^-1/2 to ratio^1/2 times the middle one
    scale = design.noise / np.sqrt(2) * design.ratio ** np.linspace(-0.25, 0.25, count)
    # without replacement: only what varies between splits counts as noise over seeds
    of_rows = np.sqrt(design.of_rows * tested)
    effects = scale[:, None] * of_rows * rng.normal(size=(count, ROWS))
    own = np.sqrt((1 - design.of_rows) * (1 - design.correlated))
    common = np.sqrt((1 - design.of_rows) * design.correlated)
    training = scale[:, None] * (
        own * rng.normal(size=(count, seeds)) + common * rng.normal(size=seeds)
    )
    scores = np.empty((count, seeds))
    influences: list[dict[int, tuple[Ints, Floats]]] = [{} for _ in range(count)]
    for seed in range(seeds):
        drawn = np.sort(rng.permutation(ROWS)[:tested])
        effect = effects[:, drawn]
        scores[:, seed] = design.truth + training[:, seed] + effect.mean(axis=1)
        centred = (effect - effect.mean(axis=1, keepdims=True)) / tested
        for strategy in range(count):
            influences[strategy][seed] = drawn, centred[strategy]
    return Table(scores, influence.row_covariance(influences))


def compare(table: Table, correlation: float) -> list[Difference]:
    """Differences to the baseline, as a leaderboard compares them."""
    count = len(table.scores)
    signs = np.column_stack([-np.ones(count - 1), np.eye(count - 1)])
    variances = np.diag(signs @ table.rows @ signs.T)
    return stats.differences(list(signs @ table.scores), variances.tolist(), correlation)


def compare_as_before(table: Table, tested: float) -> Floats:
    """p of differences to the baseline in version 0.1, one Holm family with two other questions."""
    p = _before(table.scores[1:] - table.scores[0], tested)
    others = np.ones(2 * len(p) + 1)  # tuned thresholds and calibration, where nothing differs
    return stats.holm(np.concatenate([p, others]))[: len(p)]


def compare_pairs_as_before(table: Table, best: int, tested: float) -> Floats:
    """p of each strategy against the best one in version 0.1, adjusted over the strategies."""
    others = [number for number in range(len(table.scores)) if number != best]
    p = np.ones(len(table.scores))
    p[others] = stats.holm(_before(table.scores[others] - table.scores[best], tested))
    return p


def _before(gaps: Floats, tested: float) -> Floats:
    """Nadeau and Bengio's t test, with the share of test rows as the correlation of two seeds."""
    n, share = gaps.shape[1], 0.0 if tested == 1 else tested
    error = gaps.std(axis=1, ddof=1) * np.sqrt(1 / n + share / (1 - share))
    return np.asarray(2 * stdtr(n - 1, -np.abs(gaps.mean(axis=1)) / error), np.float64)


def claims_and_coverage(
    design: Design, seeds: int, draws: int, rng: np.random.Generator
) -> tuple[float, float]:
    """Share of tables with a false claim, and mean coverage of the 95 % intervals."""
    truth = design.truth[1:] - design.truth[0]
    wrong = covered = 0.0
    for _ in range(draws):
        found = compare(draw(design, seeds, rng), CORRELATION)
        adjusted = stats.holm(np.array([one.p for one in found]))
        wrong += bool((adjusted[truth == 0] < stats.LEVEL).any())
        held = [one.low <= true <= one.high for one, true in zip(found, truth, strict=True)]
        covered += float(np.mean(held))
    return wrong / draws, covered / draws


def found_before_and_now(
    design: Design, seeds: int, draws: int, rng: np.random.Generator
) -> tuple[float, float]:
    """Share of tables where the last strategy is significantly better, in version 0.1 and now."""
    before = now = 0
    for _ in range(draws):
        table = draw(design, seeds, rng)
        before += compare_as_before(table, design.tested)[-1] < stats.LEVEL
        p = stats.holm(np.array([one.p for one in compare(table, CORRELATION)]))
        now += p[-1] < stats.LEVEL
    return before / draws, now / draws
