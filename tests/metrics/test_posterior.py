"""Who is best, and how sure that is: against closed forms and by simulation."""

import numpy as np
import pytest
from scipy.stats import halfcauchy
from scipy.stats import t as student

from benchmark.metrics.posterior import (
    PRIOR_SPREAD,
    WITHIN,
    Evidence,
    Posterior,
    evidence,
    forecast,
    moderated,
    positive,
    posterior,
    prior_spreads,
)
from benchmark.protocol.arrays import Floats


def known(table: Floats, correlation: float = 0.0, rows: Floats | float = 0.0) -> Evidence:
    """Evidence of a table; `rows` on the diagonal if it is a number."""
    return evidence(table, np.eye(len(table)) * rows, correlation)


def drawn_from(
    table: Floats, correlation: float = 0.0, rows: float = 0.0, draws: int = 5000, seed: int = 0
) -> Posterior:
    return posterior(known(table, correlation, rows), np.random.default_rng(seed), draws)


def test_two_strategies_far_apart_follow_student() -> None:
    table = np.array([[0.90, 0.92, 0.91, 0.90], [0.10, 0.13, 0.09, 0.12]])
    difference = table[0] - table[1]
    error = difference.std(ddof=1) / 2
    drawn = drawn_from(table, draws=100_000)
    gaps = drawn.draws[:, 0] - drawn.draws[:, 1]
    low, high = np.quantile(gaps, (0.05, 0.95))
    # beside so large a gap the noise is small: nothing is shrunk
    assert low == pytest.approx(difference.mean() + student.ppf(0.05, 3) * error, abs=0.1 * error)
    assert high == pytest.approx(difference.mean() + student.ppf(0.95, 3) * error, abs=0.1 * error)
    assert drawn.best()[0] > 0.99


def test_what_is_shared_by_a_seed_does_not_count() -> None:
    table = np.random.default_rng(1).normal(0.5, 0.03, (4, 3))
    shifted = table + np.array([0.3, -0.2, 0.1])
    assert drawn_from(table, 0.1).regret() == pytest.approx(drawn_from(shifted, 0.1).regret())


def test_probabilities_sum_to_one_and_the_order_of_strategies_does_not_matter() -> None:
    table = np.random.default_rng(2).normal(0.5, 0.03, (5, 4))
    drawn = drawn_from(table, 0.1, draws=50_000)
    assert drawn.best().sum() == pytest.approx(1)
    assert (drawn.within() >= drawn.best()).all()
    order = np.array([3, 1, 4, 0, 2])
    again = drawn_from(table[order], 0.1, draws=50_000, seed=5)
    assert again.best() == pytest.approx(drawn.best()[order], abs=0.02)


def test_more_of_the_same_rows_never_make_it_certain() -> None:
    table = np.random.default_rng(3).normal([[0.50], [0.49]], 0.02, (2, 400))
    assert drawn_from(table).best().max() > 0.99
    assert drawn_from(table, 0.5).best().max() < 0.9
    assert drawn_from(table, rows=1e-4).best().max() < 0.9  # of few test rows


def test_a_single_strategy_is_the_best() -> None:
    drawn = drawn_from(np.array([[0.4, 0.5]]), 0.1)
    assert drawn.best().tolist() == [1] and drawn.regret().tolist() == [0]


def test_identical_strategies_are_equally_good() -> None:
    row = np.array([0.4, 0.5, 0.45])
    drawn = drawn_from(np.stack([row, row, row + 0.1]), 0.1)
    regret = drawn.regret()
    assert regret[0] == pytest.approx(regret[1], abs=1e-3) == pytest.approx(0.1, abs=0.01)


def test_copies_of_a_strategy_do_not_make_the_others_look_alike() -> None:
    plain = np.random.default_rng(13).normal(0.3, 0.03, 4)
    table = np.stack([plain, plain + np.array([0.14, 0.2, 0.17, 0.15])])
    copied = np.stack([table[0], table[0], table[1], table[0], table[1]])
    drawn, again = drawn_from(table), drawn_from(copied)
    place = np.array([0, 0, 1, 0, 1])
    assert again.regret() == pytest.approx(drawn.regret()[place], abs=0.005)
    assert again.best() == pytest.approx(drawn.best()[place], abs=0.01)
    assert again.best()[2] == again.best()[4] > 0.97  # both are the best


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


def test_errors_of_rows_that_two_strategies_share_cancel() -> None:
    table = np.random.default_rng(8).normal([[0.50], [0.47]], 0.01, (2, 20))
    rows = np.full((2, 2), 0.05**2)
    own = posterior(known(table, rows=0.05**2), np.random.default_rng(0))
    shared = posterior(evidence(table, rows, 0.0), np.random.default_rng(0))
    assert shared.best()[0] > 0.99 > 0.8 > own.best()[0]
    assert shared.best() == pytest.approx(drawn_from(table).best())


def test_a_covariance_that_is_negative_by_chance_is_cut_off() -> None:
    estimated = np.array([[1.0, 2.0], [2.0, 1.0]])  # along (1, -1) the variance is -1
    assert positive(estimated) == pytest.approx(np.full((2, 2), 1.5))
    proper = np.array([[2.0, 0.5], [0.5, 1.0]])
    assert positive(proper) == pytest.approx(proper)
    table = np.random.default_rng(9).normal(size=(2, 3))
    assert known(table, rows=-1.0).rows.tolist() == [[0.0]]


def test_a_forecast_is_sure_of_what_is_far_apart_and_of_what_no_seeds_can_tell() -> None:
    random = np.random.default_rng(10)
    apart = known(random.normal([[0.9], [0.5], [0.4]], 0.01, (3, 3)))
    assert forecast(apart, 5, 0.95, random) == 1
    assert forecast(apart, 3, 0.95, random) == 1  # as it stands
    alone = known(np.array([[0.4, 0.5]]))
    assert forecast(alone, 5, 0.95, random) == 1
    # equal strategies on so few rows that no number of seeds tells them apart
    alike = known(random.normal(0.5, 0.02, (6, 3)), rows=0.1**2)
    assert forecast(alike, 5, 0.95, random) == 0
    assert forecast(alike, 3, 0.95, random) == 0


def test_more_seeds_settle_more() -> None:
    table = np.random.default_rng(11).normal([[0.53], [0.5], [0.5]], 0.06, (3, 3))
    chances = [forecast(known(table), seeds, 0.95, np.random.default_rng(0)) for seeds in (5, 50)]
    assert 0 < chances[0] < chances[1] - 0.1


@pytest.mark.slow
def test_a_forecast_comes_true_as_often_as_it_says() -> None:
    """Four strategies, three seeds and then ten: said, against what happened."""
    random = np.random.default_rng(12)
    said, happened = [], []
    for _ in range(120):
        truth = random.normal(0, 0.05, 4)
        table = truth[:, None] + 0.05 * random.normal(size=(4, 10))
        said.append(forecast(known(table[:, :3]), 10, 0.95, random, 200))
        at_ten = posterior(known(table), random, 500).within(WITHIN)
        happened.append(bool(at_ten.max() >= 0.95))
    print(f"\nsaid {np.mean(said):.3f}, happened {np.mean(happened):.3f}")
    assert 0.2 < np.mean(happened) < 0.8
    assert np.mean(said) == pytest.approx(np.mean(happened), abs=0.1)
    likely = np.array(said) > 0.5
    assert np.mean(np.array(happened)[likely]) > np.mean(np.array(happened)[~likely]) + 0.2


@pytest.mark.slow
def test_the_regret_that_is_said_is_the_regret_that_is_had() -> None:
    """Six strategies with a spread of .02 to .15, noise .03 and .06, three and five seeds."""
    random = np.random.default_rng(6)
    said, had = [], []
    for number in range(600):
        truth = random.normal(0, (0.02, 0.06, 0.15)[number % 3], 6)
        noise = (0.03, 0.06)[number % 2] * random.normal(size=(6, 3 + 2 * (number % 4 > 1)))
        regret = posterior(known(truth[:, None] + noise), random, 1000).regret()
        chosen = int(np.argmin(regret))
        said.append(regret[chosen])
        had.append(truth.max() - truth[chosen])
    print(f"\nsaid {np.mean(said):.4f}, had {np.mean(had):.4f}")
    assert np.mean(said) == pytest.approx(np.mean(had), rel=0.25)
