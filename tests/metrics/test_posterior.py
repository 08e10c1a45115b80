"""Who is best, and how sure that is: against closed forms and by simulation."""

import numpy as np
import pytest
from scipy.stats import halfcauchy
from scipy.stats import t as student

from benchmark.metrics.posterior import PRIOR_SPREAD, moderated, posterior, prior_spreads


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_two_strategies_far_apart_follow_student() -> None:
    table = np.array([[0.90, 0.92, 0.91, 0.90], [0.10, 0.13, 0.09, 0.12]])
    difference = table[0] - table[1]
    error = difference.std(ddof=1) / 2
    drawn = posterior(table, 0.0, rng(), 100_000)
    gaps = drawn.draws[:, 0] - drawn.draws[:, 1]
    low, high = np.quantile(gaps, (0.05, 0.95))
    # beside so large a gap the noise is small: nothing is shrunk
    assert low == pytest.approx(difference.mean() + student.ppf(0.05, 3) * error, abs=0.1 * error)
    assert high == pytest.approx(difference.mean() + student.ppf(0.95, 3) * error, abs=0.1 * error)
    assert drawn.best()[0] > 0.99


def test_what_is_shared_by_a_seed_does_not_count() -> None:
    table = np.random.default_rng(1).normal(0.5, 0.03, (4, 3))
    shifted = table + np.array([0.3, -0.2, 0.1])
    assert posterior(table, 0.1, rng()).regret() == pytest.approx(
        posterior(shifted, 0.1, rng()).regret()
    )


def test_probabilities_sum_to_one_and_the_order_of_strategies_does_not_matter() -> None:
    table = np.random.default_rng(2).normal(0.5, 0.03, (5, 4))
    drawn = posterior(table, 0.1, rng(), 50_000)
    assert drawn.best().sum() == pytest.approx(1)
    assert (drawn.within() >= drawn.best()).all()
    order = np.array([3, 1, 4, 0, 2])
    again = posterior(table[order], 0.1, np.random.default_rng(5), 50_000)
    assert again.best() == pytest.approx(drawn.best()[order], abs=0.02)


def test_more_of_the_same_rows_never_make_it_certain() -> None:
    table = np.random.default_rng(3).normal([[0.50], [0.49]], 0.02, (2, 400))
    assert posterior(table, 0.0, rng()).best().max() > 0.99
    assert posterior(table, 0.5, rng()).best().max() < 0.9


def test_a_single_strategy_is_the_best() -> None:
    drawn = posterior(np.array([[0.4, 0.5]]), 0.1, rng())
    assert drawn.best().tolist() == [1] and drawn.regret().tolist() == [0]


def test_identical_strategies_are_equally_good() -> None:
    row = np.array([0.4, 0.5, 0.45])
    drawn = posterior(np.stack([row, row, row + 0.1]), 0.1, rng())
    regret = drawn.regret()
    assert regret[0] == pytest.approx(regret[1], abs=1e-3) == pytest.approx(0.1, abs=0.01)


def test_variances_are_moderated_towards_their_mean() -> None:
    values = np.random.default_rng(4).normal(size=(6, 3)) * np.array([[1, 1, 1, 1, 1, 4]]).T
    sample = np.cov(values)
    covariance, degrees = moderated(values)
    assert 2 < degrees <= 6
    assert covariance.trace() == pytest.approx(sample.trace())
    variances, before = np.diag(covariance), np.diag(sample)
    assert variances.max() < before.max() and variances.min() > before.min()


@pytest.mark.parametrize("contrasts", [2, 6])
def test_moderation_does_not_depend_on_the_unit(contrasts: int) -> None:
    values = np.random.default_rng(7).normal(size=(contrasts, 3))
    covariance, degrees = moderated(values)
    assert degrees > 2
    smaller, same = moderated(values / 1000)
    assert same == pytest.approx(degrees)
    assert smaller * 1e6 == pytest.approx(covariance)
    assert not np.allclose(covariance, np.cov(values))


def test_the_prior_of_the_spread_is_half_cauchy() -> None:
    assert (prior_spreads() > 0).all()
    for probability in (0.1, 0.5, 0.9):
        quantile = halfcauchy.ppf(probability, scale=PRIOR_SPREAD)
        assert np.mean(prior_spreads(1000) <= quantile) == pytest.approx(probability, abs=1e-3)


@pytest.mark.slow
def test_the_regret_that_is_said_is_the_regret_that_is_had() -> None:
    """Six strategies with a spread of .02 to .15, noise .03 and .06, three and five seeds."""
    random = np.random.default_rng(6)
    said, had = [], []
    for number in range(600):
        truth = random.normal(0, (0.02, 0.06, 0.15)[number % 3], 6)
        noise = (0.03, 0.06)[number % 2] * random.normal(size=(6, 3 + 2 * (number % 4 > 1)))
        regret = posterior(truth[:, None] + noise, 0.0, random, 1000).regret()
        chosen = int(np.argmin(regret))
        said.append(regret[chosen])
        had.append(truth.max() - truth[chosen])
    print(f"\nsaid {np.mean(said):.4f}, had {np.mean(had):.4f}")
    assert np.mean(said) == pytest.approx(np.mean(had), rel=0.25)
