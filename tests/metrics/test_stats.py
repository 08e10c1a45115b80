"""Statistics against published values, independent computations and simulation."""

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats
from sklearn.metrics import roc_auc_score

from benchmark.metrics import stats
from benchmark.protocol.arrays import Floats

# Student 1908, "The probable error of a mean": hours of sleep gained by two drugs
SLEEP = np.array([1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4])


def test_independent_seeds_give_students_paired_t_test() -> None:
    found = stats.difference(SLEEP, rows=0, correlation=0)
    # as printed by R: t.test(extra ~ group, data = sleep, paired = TRUE)
    assert found.mean == pytest.approx(1.58)
    assert found.p == pytest.approx(0.002833, abs=5e-7)
    assert (found.low, found.high) == pytest.approx((0.7001142, 2.4598858), abs=5e-7)
    assert found.above == pytest.approx(1 - found.p / 2)
    assert found.deviation == pytest.approx(SLEEP.std(ddof=1))


def test_rows_and_correlation_add_to_the_variance() -> None:
    found = stats.difference(np.array([1.0, 2, 4]), rows=0.3, correlation=0.1)
    variance = ((1 - 7 / 3) ** 2 + (2 - 7 / 3) ** 2 + (4 - 7 / 3) ** 2) / 2
    error = math.sqrt(variance * (1 / 3 + 0.1) + 0.3)
    of_seeds = variance * (1 / 3 + 0.1)
    # Satterthwaite: two degrees, and those of the rows
    degrees = error**4 / (of_seeds**2 / 2 + 0.3**2 / (stats.ROW_DEGREES * 3 * 2))
    half = scipy_stats.t.ppf(0.975, degrees) * error
    assert (found.mean, found.seeds, found.degrees) == (
        pytest.approx(7 / 3),
        3,
        pytest.approx(degrees),
    )
    assert (found.error, found.deviation) == pytest.approx((error, math.sqrt(variance)))
    assert (found.low, found.high) == pytest.approx((7 / 3 - half, 7 / 3 + half), rel=1e-6)
    t = (7 / 3 - 1) / error
    assert found.above_value(1) == pytest.approx(scipy_stats.t.cdf(t, degrees))
    wider = found.interval(0.01)[1] - 7 / 3
    assert wider == pytest.approx(scipy_stats.t.ppf(0.995, degrees) * error)
    alone = stats.difference(np.array([1.0, 2, 4]), correlation=0.1)
    half = 4.302653 * math.sqrt(of_seeds)  # Student's t with two degrees, in tables
    assert alone.degrees == 2 and alone.high == pytest.approx(7 / 3 + half, rel=1e-6)


def test_a_variance_of_rows_that_is_negative_by_chance_counts_as_none() -> None:
    assert stats.difference(SLEEP, rows=-0.5) == stats.difference(SLEEP, rows=0)


def test_a_difference_that_is_the_same_at_every_seed() -> None:
    nothing = stats.difference(np.zeros(5))
    assert (nothing.low, nothing.high, nothing.p, nothing.above) == (0, 0, 1, 0.5)
    coincidence = stats.difference(np.full(5, 0.25))
    assert (coincidence.mean, coincidence.p, coincidence.known) == (0.25, 1, False)
    assert math.isnan(coincidence.low) and math.isnan(coincidence.above)
    of_rows = stats.difference(np.full(5, 0.25), rows=0.01)  # but rows vary
    assert of_rows.known and of_rows.error == pytest.approx(0.1)
    tiny = stats.difference(np.array([1e-9, -1e-9, 2e-9]))
    assert tiny.high > 0 and tiny.p < 1


def test_one_seed_says_nothing_of_luck() -> None:
    found = stats.difference(np.array([0.3]), rows=0.01)
    assert found.mean == 0.3 and found.p == 1 and found.seeds == 1 and not found.known
    assert math.isnan(found.low) and math.isnan(found.above) and math.isnan(found.deviation)


@pytest.mark.parametrize("values", [[], [0.1, math.nan], [0.1, math.inf]])
def test_no_or_no_finite_differences_are_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        stats.differences([SLEEP, np.array(values)], [0, 0], 0.1)


def test_no_comparisons_at_all() -> None:
    assert stats.differences([], [], 0.1) == [] and len(stats.holm(np.array([]))) == 0


def test_variances_are_moderated_as_by_hand() -> None:
    table = [np.array([1.0, 2, 3]), np.array([2.0, 2, 5]), np.array([9.0, 4, 2])]
    variances = [1.0, 3.0, 13.0]
    covariance = np.cov(table)
    k = np.trace(covariance) ** 2 / np.trace(covariance @ covariance)
    prior = min(4, (k - 1) * 2)
    assert 0 < prior < 4
    for (found, degrees), own in zip(stats.moderate(table), variances, strict=True):
        assert degrees == pytest.approx(prior + 2)
        assert found == pytest.approx((prior * 17 / 3 + 2 * own) / (prior + 2))


def test_two_comparisons_are_not_moderated_and_copies_are_no_evidence() -> None:
    assert stats.moderate([SLEEP, 3 * SLEEP]) == [
        pytest.approx((SLEEP.var(ddof=1), 9)),
        pytest.approx((9 * SLEEP.var(ddof=1), 9)),
    ]
    # one variance in three places counts once: nothing is learned from the others
    assert [degrees for _, degrees in stats.moderate([SLEEP, SLEEP, SLEEP])] == pytest.approx(
        [9] * 3
    )
    assert stats.prior_degrees(np.eye(3), 9) == stats.PRIOR_DEGREES
    assert stats.prior_degrees(np.ones((3, 3)), 9) == pytest.approx(0)
    assert stats.prior_degrees(np.zeros((3, 3)), 9) == 0
    assert stats.prior_degrees(np.eye(2), 2) == 2  # (2 - 1) * 2


def test_a_comparison_of_one_seed_takes_nothing_from_the_others() -> None:
    rng = np.random.default_rng(0)
    table = list(rng.normal(size=(4, 3)))
    with_trial = stats.moderate([*table, np.array([0.2])])
    assert with_trial[:4] == stats.moderate(table)
    assert stats.differences([*table, np.array([0.2])], [0.0] * 5, 0.1)[4].known is False


def test_moderation_does_not_depend_on_the_unit() -> None:
    table = np.random.default_rng(1).normal(size=(4, 3))
    for (one, degrees), (other, same) in zip(
        stats.moderate(list(table)), stats.moderate(list(1000 * table)), strict=True
    ):
        assert degrees == pytest.approx(same) and other == pytest.approx(one * 1e6)


def test_holm_as_published() -> None:
    # R: p.adjust(c(0.01, 0.02, 0.03, 0.04, 0.05), "holm"); and the order does not matter
    p = np.array([0.03, 0.01, 0.05, 0.02, 0.04])
    assert stats.holm(p) == pytest.approx([0.09, 0.05, 0.09, 0.08, 0.09])
    # Wright 1992, "Adjusted p-values for simultaneous inference", section 2
    assert stats.holm(np.array([0.9, 0.001, 0.6])) == pytest.approx([1, 0.003, 1])
    assert stats.holm(np.array([0.02, 0.02, 0.02])) == pytest.approx([0.06] * 3)  # ties alike
    assert stats.holm(np.array([0.5, 0.6])).max() == 1


def of_t(t: float, degrees: float = 9) -> stats.Difference:
    """A difference with this t statistic."""
    return stats.Difference(t, 1.0, degrees, 1.0, int(degrees) + 1)


def test_simultaneous_intervals_by_hand() -> None:
    half = scipy_stats.t.ppf(1 - 0.05 / 4 / 2, 9)
    assert stats.simultaneous(of_t(1), 4, 0.05, False) == pytest.approx((1 - half, 1 + half))
    assert stats.simultaneous(of_t(9), 4, 0.05, True) == pytest.approx((9 - half, 9 + half))
    # significant by Holm alone: it ends at zero, on the side of its sign
    assert stats.simultaneous(of_t(2.5), 4, 0.05, True) == pytest.approx((0, 2.5 + half))
    assert stats.simultaneous(of_t(-2.5), 4, 0.05, True) == pytest.approx((-2.5 - half, 0))


@pytest.mark.parametrize("level", [0.05, 0.025])
def test_an_interval_has_zero_inside_exactly_where_holm_claims_nothing(level: float) -> None:
    rng, met = np.random.default_rng(2), set()
    for _ in range(300):
        ones = [of_t(t) for t in rng.normal(0, 3, rng.integers(1, 7))]
        adjusted = stats.holm(np.array([one.p for one in ones]))
        for one, p in zip(ones, adjusted, strict=True):
            low, high = stats.simultaneous(one, len(ones), level, bool(p < level))
            assert (low < 0 < high) is not bool(p < level)
            assert low <= one.mean <= high
            met.add((bool(p < level), low == 0 or high == 0))
    assert met == {(True, True), (True, False), (False, False)}


def test_simultaneous_intervals_hold_together() -> None:
    """Five comparisons with one baseline, some of them with a true difference."""
    rng = np.random.default_rng(3)
    truth, missed = np.array([0, 0, 0, 1.5, 4]), 0
    for _ in range(1500):
        table = truth[:, None] + rng.normal(size=(5, 8)) - rng.normal(size=8)
        ones = stats.differences(list(table), [0.0] * 5, 0.0)
        adjusted = stats.holm(np.array([one.p for one in ones]))
        ends = [
            stats.simultaneous(one, 5, 0.05, bool(p < 0.05))
            for one, p in zip(ones, adjusted, strict=True)
        ]
        lows, highs = np.array(ends).T
        missed += bool((truth < lows).any() or (truth > highs).any())
    assert 0.01 < missed / 1500 < 0.06


def test_interquartile_mean_is_of_the_middle_half() -> None:
    assert stats.interquartile_mean(np.array([100, 1, 2, 3, 4, 5, 6, -100])) == pytest.approx(3.5)
    assert stats.interquartile_mean(np.array([1.0, 3.0])) == 2


@pytest.mark.slow
@pytest.mark.parametrize("positives, negatives", [(5, 40), (30, 30), (3, 3)])
def test_variance_of_a_roc_auc_that_tells_nothing(positives: int, negatives: int) -> None:
    rng = np.random.default_rng(4)
    labels = np.repeat([1, 0], [positives, negatives])
    areas = [roc_auc_score(labels, rng.random(len(labels))) for _ in range(2000)]
    assert stats.chance_auc_variance(positives, negatives) == pytest.approx(np.var(areas), rel=0.1)


def simulated_half_width(positives: int, precision: float, recall: float) -> float:
    """Half of the range that holds 95 % of F1 over test splits."""
    rng = np.random.default_rng(5)
    hits = rng.binomial(positives, recall, 20_000)
    false = rng.poisson(positives * recall * (1 - precision) / precision, 20_000)
    f1 = 2 * hits / (positives + hits + false)
    return float(np.diff(np.quantile(f1, (0.025, 0.975)))[0]) / 2


@pytest.mark.parametrize(
    "precision, recall", [(1, 0.22), (0.9, 0.3), (0.5, 0.5), (0.3, 0.8), (0.8, 0.8)]
)
def test_the_half_width_of_f1_is_what_test_splits_show(precision: float, recall: float) -> None:
    for positives in (200, 1000):
        given = np.array([positives, positives, precision, recall])
        said = float(stats.f1_half_width(*given))
        assert said == pytest.approx(simulated_half_width(positives, precision, recall), rel=0.04)


def test_the_half_width_of_f1_is_at_most_109_by_the_root_of_the_positive_rows() -> None:
    rows = np.array([0, 1, 100])
    widest = stats.widest_f1(rows, rows)
    assert widest[0] == math.inf
    assert widest[1:] == pytest.approx([1.091, 0.1091], abs=5e-4)
    assert widest[1] == pytest.approx(100 * simulated_half_width(10_000, 1, 0.22), rel=0.04)
    # of rows that are weighted, false positives count on fewer rows
    [weighted] = stats.widest_f1(np.array([100.0]), np.array([5.0]))
    assert weighted > 1.3 * widest[2]


def test_critical_values_are_students() -> None:
    found: Floats = np.array([stats.critical(degrees, 0.05) for degrees in (1, 2.5, 30)])
    assert found == pytest.approx([scipy_stats.t.ppf(0.975, degrees) for degrees in (1, 2.5, 30)])
