"""Ranks over data sets, against Demsar's own example and scipy."""

import numpy as np
import pytest
from scipy import stats as scipy_stats

from benchmark.metrics import ranks

# Demsar 2006, table 6: AUC of C4.5, and of it with m, cf and both tuned, on 14 data sets
DEMSAR = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9751, 0.9749],  # .975 both in print, but ranked 2 and 3
        [0.957, 0.978, 0.946, 0.970],
    ]
)


def test_ranks_are_those_of_demsars_example() -> None:
    found = ranks.ranks(DEMSAR, level=0.10)
    np.testing.assert_allclose(found.average, [3.143, 2.000, 2.893, 1.964], atol=5e-4)
    assert found.statistic == pytest.approx(3.69, abs=5e-3)
    assert found.critical == pytest.approx(1.25 * 2.291 / 2.569, abs=5e-3)
    assert ranks.critical_difference(4, 14, 0.05) == pytest.approx(1.25, abs=5e-3)
    # at 5 % no pair differs; at 10 % both with m tuned are better than C4.5 alone
    assert ranks.ranks(DEMSAR).groups == ((0, 3),)
    assert found.groups == ((0, 2), (1, 3)) or found.groups == ((0, 2), (2, 3))


def test_signed_ranks_are_those_of_demsars_example() -> None:
    differences = DEMSAR[:, 1] - DEMSAR[:, 0]
    # z = -2.54, two-sided; his ranks of zeros are split, with no correction for ties
    assert ranks.signed_rank(differences) == pytest.approx(
        2 * scipy_stats.norm.cdf(-2.54), abs=1e-3
    )


@pytest.mark.parametrize("places", [9, 1, 0])  # ties, and zeros
@pytest.mark.parametrize("sets", [2, 8, 22, 50, 51, 60])
def test_signed_ranks_are_scipys(sets: int, places: int) -> None:
    rng = np.random.default_rng(sets)
    for shift in (0.0, 0.3, 1.0):
        differences = np.round(rng.normal(shift, 1, sets), places)
        differences[0] = differences[0] or 1.0
        simple = len(set(np.abs(differences))) == sets and 0 not in differences
        method = "exact" if simple and sets <= 50 else "asymptotic"
        expected = scipy_stats.wilcoxon(differences, zero_method="zsplit", method=method).pvalue
        assert ranks.signed_rank(differences) == pytest.approx(expected, rel=1e-9)


def test_signed_ranks_of_zeros_are_one() -> None:
    assert ranks.signed_rank(np.zeros(8)) == 1.0


def test_friedman_is_scipys_before_the_correction() -> None:
    scores = np.random.default_rng(1).normal(size=(15, 5))
    chi = scipy_stats.friedmanchisquare(*scores.T).statistic
    expected = 14 * chi / (15 * 4 - chi)
    assert ranks.ranks(scores).statistic == pytest.approx(expected, rel=1e-9)


def test_several_against_one_are_adjusted() -> None:
    rng = np.random.default_rng(2)
    differences = rng.normal([0.0, 0.5, 0.8], 1, size=(30, 3))
    single = [ranks.signed_rank(own) for own in differences.T]
    together = ranks.signed_ranks(differences)
    assert together[np.argmin(single)] == pytest.approx(3 * min(single))
    assert (together >= single).all()


def test_groups_are_the_longest_and_none_is_in_another() -> None:
    scores = np.tile([4.0, 3.0, 2.0, 1.0], (30, 1))  # ranks 1, 2, 3, 4 on all
    found = ranks.ranks(scores)
    assert found.critical < 1
    assert found.groups == ()
    assert found.p < 1e-6


def test_missing_scores_are_refused() -> None:
    with pytest.raises(ValueError, match="all scores"):
        ranks.ranks(np.array([[1.0, np.nan], [1.0, 2.0]]))
