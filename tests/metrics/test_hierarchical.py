"""The hierarchical model, against baycomp's and against what is simulated."""

import numpy as np
import pytest

from benchmark.metrics import hierarchical
from benchmark.metrics.hierarchical import Estimates
from benchmark.protocol.arrays import Floats


def _scores(seed: int, sets: int, centre: float, spread: float, noise: float) -> Floats:
    """Differences of ten correlated folds on data sets, (sets, 10)."""
    rng = np.random.default_rng(seed)
    true = centre + spread * rng.standard_t(4, size=sets)
    shared = rng.normal(size=(sets, 1))
    own = rng.normal(size=(sets, 10))
    return true[:, None] + noise * (np.sqrt(0.1) * shared + np.sqrt(0.9) * own)


# baycomp 1.0.3 with pystan 3.10.0: HierarchicalTest.sample(zeros, _scores(...), rope=0.01, runs=1,
# nsamples=2500, chains=4, random_state=1), its means over the 10,000 draws and Posterior.probs
BAYCOMP = {
    (1, 12, 0.04, 0.02, 0.03): ((0.1265, 0.1247, 0.7489), (0.0229, 0.0002, 0.9769)),
    (2, 20, 0.005, 0.015, 0.02): ((0.3122, 0.4862, 0.2015), (0.1998, 0.7580, 0.0422)),
    (3, 15, 0.0, 0.003, 0.01): ((0.0051, 0.9836, 0.0113), (0.0, 1.0, 0.0)),
}


@pytest.mark.parametrize("case", BAYCOMP)
def test_probabilities_are_baycomps_within_monte_carlo_error(
    case: tuple[int, int, float, float, float],
) -> None:
    known = hierarchical.from_scores(_scores(*case), 0.1)
    fields = [hierarchical.field(known, 0.01, np.random.default_rng(seed)) for seed in range(4)]
    next_one, wins = BAYCOMP[case]
    # its 10,000 draws and our 10,240 scatter by up to 0.008 from seed to seed
    np.testing.assert_allclose(
        np.mean([f.next_one() for f in fields], axis=0), next_one, atol=0.012
    )
    np.testing.assert_allclose(np.mean([f.wins() for f in fields], axis=0), wins, atol=0.015)


def test_what_is_simulated_is_found() -> None:
    rng = np.random.default_rng(0)
    true = 0.03 + 0.01 * rng.normal(size=40)
    known = Estimates(true + 0.01 * rng.normal(size=40), np.full(40, 0.01), np.full(40, 20.0))
    field = hierarchical.field(known, 0.01, np.random.default_rng(1))
    assert field.centre.mean() == pytest.approx(0.03, abs=0.006)
    assert 0.004 < field.spread.mean() < 0.016
    below, within, above = field.next_one()
    assert above > 0.9 and below < 0.01
    assert below + within + above == pytest.approx(1)
    shrunk = field.effects.mean(axis=0)
    assert np.mean((shrunk - true) ** 2) < 0.8 * np.mean((known.means - true) ** 2)


def test_noisy_data_sets_say_less_than_sure_ones() -> None:
    means = np.array([0.05] * 6 + [-0.05] * 6)
    errors = np.array([0.005] * 6 + [0.2] * 6)
    known = Estimates(means, errors, np.full(12, 10.0))
    field = hierarchical.field(known, 0.01, np.random.default_rng(0))
    assert field.centre.mean() > 0.03
    sure = hierarchical.field(known.take(errors < 0.1), 0.01, np.random.default_rng(0))
    assert sure.next_one()[2] > 0.9


def test_the_error_from_scores_is_that_of_the_corrected_t_test() -> None:
    scores = _scores(1, 6, 0.02, 0.01, 0.03)
    found = hierarchical.from_scores(scores, 0.1)
    np.testing.assert_allclose(found.means, scores.mean(axis=1))
    # Nadeau and Bengio: s2 (1/n + rho / (1 - rho)), on n - 1 degrees in place of n - 2
    expected = scores.var(axis=1, ddof=1) * (1 / 10 + 0.1 / 0.9) * 9 / 8
    np.testing.assert_allclose(found.errors**2, expected)


@pytest.mark.slow
def test_the_centre_is_covered_by_its_interval() -> None:
    covered = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        true = 0.01 + 0.03 * rng.normal(size=15)
        errors = rng.uniform(0.01, 0.04, 15)
        known = Estimates(true + errors * rng.normal(size=15), errors, np.full(15, 30.0))
        centre = hierarchical.field(known, 0.01, rng).centre
        low, high = np.quantile(centre, [0.025, 0.975])
        covered.append(low <= 0.01 <= high)
    assert np.mean(covered) >= 0.85


def test_one_data_set_and_missing_numbers_are_refused() -> None:
    one = np.array([0.1])
    with pytest.raises(ValueError, match="two data sets"):
        hierarchical.field(Estimates(one, one, one), 0.01, np.random.default_rng(0))
    two = np.array([0.1, np.nan])
    with pytest.raises(ValueError, match="finite"):
        hierarchical.field(Estimates(two, two, two), 0.01, np.random.default_rng(0))
