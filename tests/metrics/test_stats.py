"""Statistics against published values and independent computations."""

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from benchmark.metrics import stats

# Student 1908, "The probable error of a mean": hours of sleep gained by two drugs
SLEEP = np.array([1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4])


def test_without_overlap_it_is_students_paired_t_test() -> None:
    found = stats.difference(SLEEP, overlap=0)
    # as printed by R: t.test(extra ~ group, data = sleep, paired = TRUE)
    assert found.mean == pytest.approx(1.58)
    assert found.p == pytest.approx(0.002833, abs=5e-7)
    assert (found.low, found.high) == pytest.approx((0.7001142, 2.4598858), abs=5e-7)
    assert found.above == pytest.approx(1 - found.p / 2)
    assert found.deviation == pytest.approx(SLEEP.std(ddof=1))


def test_overlap_gives_nadeau_and_bengios_corrected_t() -> None:
    differences = np.random.default_rng(1).normal(0.02, 0.03, 10)
    tested, trained = 0.1, 0.9  # shares of the rows
    found = stats.difference(differences, overlap=tested)
    corrected = differences.var(ddof=1) * (1 / 10 + tested / trained)  # their section 3
    t = differences.mean() / math.sqrt(corrected)
    assert found.p == pytest.approx(2 * scipy_stats.t.sf(abs(t), 9))
    assert found.above == pytest.approx(scipy_stats.t.cdf(t, 9))


def test_a_difference_that_is_the_same_at_every_seed() -> None:
    nothing = stats.difference(np.zeros(5), 0.2)
    assert (nothing.low, nothing.high, nothing.p, nothing.above) == (0, 0, 1, 0.5)
    coincidence = stats.difference(np.full(5, 0.25), 0.2)
    assert (coincidence.mean, coincidence.p) == (0.25, 1)
    assert math.isnan(coincidence.low) and math.isnan(coincidence.above)


def test_one_seed_says_nothing_of_luck() -> None:
    found = stats.difference(np.array([0.3]), 0.2)
    assert found.mean == 0.3 and found.p == 1
    assert math.isnan(found.low) and math.isnan(found.above)
    assert stats.resolvable(found, 0.2) == math.inf
    assert stats.seeds_needed(found, 0.2) is None


@pytest.mark.parametrize("values", [[], [0.1, math.nan], [0.1, math.inf]])
def test_no_or_no_finite_differences_are_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        stats.difference(np.array(values), 0.1)


def test_holm_as_published() -> None:
    # R: p.adjust(c(0.01, 0.02, 0.03, 0.04, 0.05), "holm"); and the order does not matter
    p = np.array([0.03, 0.01, 0.05, 0.02, 0.04])
    assert stats.holm(p) == pytest.approx([0.09, 0.05, 0.09, 0.08, 0.09])
    # Wright 1992, "Adjusted p-values for simultaneous inference", section 2
    assert stats.holm(np.array([0.9, 0.001, 0.6])) == pytest.approx([1, 0.003, 1])
    assert len(stats.holm(np.array([]))) == 0


def test_interquartile_mean_is_of_the_middle_half() -> None:
    assert stats.interquartile_mean(np.array([100, 1, 2, 3, 4, 5, 6, -100])) == pytest.approx(3.5)
    assert stats.interquartile_mean(np.array([1.0, 3.0])) == 2


def test_ranks_are_means_over_seeds_and_ties_share() -> None:
    table = np.array([[0.5, 0.9], [0.4, 0.1], [0.5, 0.2]])
    assert stats.ranks(table) == pytest.approx([(1.5 + 1) / 2, 3, (1.5 + 2) / 2])


def test_rank_intervals_separate_what_differs_and_leave_the_rest_open() -> None:
    rng = np.random.default_rng(0)
    seeds = rng.normal(0, 0.05, 10)  # what all strategies share at a seed
    centres = (0.8, 0.5, 0.5, 0.2)
    table = np.array([centre + seeds + rng.normal(0, 0.002, 10) for centre in centres])
    assert stats.rank_intervals(table, 0.2).tolist() == [[1, 1], [2, 3], [2, 3], [4, 4]]
    assert stats.rank_intervals(rng.normal(0, 1, (4, 10)), 0.2).tolist() == [[1, 4]] * 4
    assert stats.rank_intervals(table[:1], 0.2).tolist() == [[1, 1]]


def test_seeds_needed_are_enough_and_one_less_is_not() -> None:
    found = stats.Difference(0.01, math.nan, math.nan, 0.3, 0.8, deviation=0.02, seeds=5)
    needed = stats.seeds_needed(found, 0.01)
    assert needed is not None

    def shown(seeds: int) -> bool:
        t = scipy_stats.t.ppf(0.975, seeds - 1)
        return bool(t * 0.02 * math.sqrt(1 / seeds + 0.01 / 0.99) < 0.01)

    assert shown(needed) and not shown(needed - 1)


def test_no_number_of_seeds_makes_a_small_data_set_large() -> None:
    found = stats.Difference(0.01, math.nan, math.nan, 0.3, 0.8, deviation=0.02, seeds=5)
    assert stats.seeds_needed(found, 0.3) is None
    assert stats.resolvable(found, 0.3) > stats.resolvable(found, 0.0) > 0.01


def test_what_is_said_of_three_seeds_by_hand() -> None:
    found = stats.difference([1, 2, 4], overlap=0.2)  # type: ignore[arg-type]
    deviation = math.sqrt(((1 - 7 / 3) ** 2 + (2 - 7 / 3) ** 2 + (4 - 7 / 3) ** 2) / 2)
    error = deviation * math.sqrt(1 / 3 + 0.25)
    half = 4.302653 * error  # Student's t with two degrees, in tables
    assert (found.mean, found.deviation, found.seeds) == (pytest.approx(7 / 3), deviation, 3)
    assert (found.low, found.high) == pytest.approx((7 / 3 - half, 7 / 3 + half), rel=1e-6)


def test_what_is_said_where_there_is_no_spread_or_one_seed() -> None:
    nothing = stats.difference(np.zeros(4), 0.2)
    same = stats.difference(np.full(4, -0.25), 0.2)
    alone = stats.difference(np.array([0.3]), 0.2)
    assert (nothing.mean, nothing.high, nothing.deviation, nothing.seeds) == (0, 0, 0, 4)
    assert (same.deviation, same.seeds, same.p) == (0, 4, 1) and math.isnan(same.high)
    assert alone.seeds == 1 and math.isnan(alone.high) and math.isnan(alone.deviation)
    tiny = stats.difference(np.array([1e-9, -1e-9, 2e-9]), 0.2)
    assert tiny.high > 0 and tiny.p < 1


def test_overlap_weighs_positive_rows_twice() -> None:
    # 150 of 1,000 negatives are tested, 30 of 100 positives
    expected = (150 / 1000 + 2 * 30 / 100) / 3
    assert stats.overlap(np.array([150, 30]), np.array([1000, 100])) == pytest.approx(expected)
    assert stats.overlap([150, 30], [1000, 100]) == pytest.approx(expected)  # type: ignore[arg-type]
    assert stats.overlap(np.array([10, 20, 30]), np.array([100, 50, 250])) == 60 / 400


@pytest.mark.parametrize("level", [0.05, 0.01])
def test_the_smallest_visible_difference_by_hand(level: float) -> None:
    found = stats.Difference(0.5, math.nan, math.nan, 0.3, 0.8, deviation=0.02, seeds=2)
    t = scipy_stats.t.ppf(1 - level / 2, 1)
    expected = t * 0.02 * math.sqrt(1 / 2 + 0.25)
    assert stats.resolvable(found, 0.2, level) == pytest.approx(expected)
    if level == 0.05:
        assert stats.resolvable(found, 0.2) == pytest.approx(expected)


def test_seeds_needed_from_two_seeds_to_two_hundred_and_no_further() -> None:
    def found(mean: float, seeds: int = 2) -> stats.Difference:
        return stats.Difference(mean, math.nan, math.nan, 0.3, 0.8, deviation=1.0, seeds=seeds)

    def needed(seeds: int, level: float = 0.05) -> float:
        """The difference that so many seeds just show."""
        return float(scipy_stats.t.ppf(1 - level / 2, seeds - 1) / math.sqrt(seeds)) * 1.0001

    for number in (2, 3, 10, 200):
        assert stats.seeds_needed(found(needed(number)), 0) == number
        assert stats.seeds_needed(found(-needed(number)), 0) == number
        assert stats.seeds_needed(found(needed(number, 0.01)), 0, 0.01) == number
    assert stats.seeds_needed(found(needed(201)), 0) is None
    assert stats.seeds_needed(found(0.0), 0) is None
    assert stats.seeds_needed(found(9.0, seeds=1), 0) is None


def test_the_half_width_of_f1_by_hand() -> None:
    widths = stats.f1_half_width(np.array([0, 50, 200]), 0.5)
    assert widths[0] == math.inf
    assert widths[1:] == pytest.approx(
        [1.959964 * math.sqrt(0.5 * 0.5 * 1.5 / (2 * rows)) for rows in (50, 200)]
    )
    at_most = stats.f1_half_width(np.array([50]))[0]
    tried = [stats.f1_half_width(np.array([50]), f)[0] for f in np.linspace(0, 1, 2001)]
    assert at_most == pytest.approx(max(tried), rel=1e-6)


def test_holm_takes_a_list_and_keeps_ties_alike() -> None:
    assert stats.holm([0.02, 0.02, 0.02]) == pytest.approx([0.06] * 3)  # type: ignore[arg-type]
    assert stats.holm(np.array([0.5, 0.6])).max() == 1
