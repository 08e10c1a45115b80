"""Forecasts for data sets that were not run, and how often they come true."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import norm

from benchmark.metrics.stats import Difference
from benchmark.protocol.arrays import Floats
from benchmark.results.report import suite_forecast
from benchmark.results.suite.calibration import EDGES, Calibration, calibrate
from benchmark.results.suite.field import ROPE
from benchmark.results.suite.forecast import LIKE, expect, outlook, within_best
from benchmark.results.suite.measured import BEFORE, Measured, measured
from benchmark.results.suite.stored import stored
from tests.docs.pages import ROOT

STRATEGIES = 6


def _suite(seed: int, sets: int = 45, likeness: bool = True) -> Measured:
    """Data sets as the stored ones are: easy ones on which all decide alike, and hard ones.

    On hard ones strategies move together, more on some than on others, and two are the same.

    Args:
        likeness: whether the overlap says which is which.
    """
    rng = np.random.default_rng(seed)
    overlap = rng.uniform(size=sets)
    easy = rng.uniform(size=sets) > (overlap if likeness else 0.5)
    spread = rng.lognormal(-3, 1, sets) * ~easy
    moved = spread[:, None] * (rng.normal(size=(sets, 1)) + rng.normal(size=(sets, STRATEGIES)))
    moved[:, 1] = moved[:, 0]
    properties = {
        f"set{row}": {
            "prevalence": rng.uniform(0.01, 0.4),
            "positives": rng.lognormal(4, 1),
            "columns": float(rng.integers(3, 60)),
            "overlap": overlap[row],
        }
        for row in range(sets)
    }
    known = {
        f"s{column}": {
            name: Difference(moved[row, column], 0.01, 8, 0.02, 5)
            for row, name in enumerate(properties)
        }
        for column in range(STRATEGIES)
    }
    found = measured(known, properties)
    assert found
    return found


@pytest.fixture(scope="module")
def checks() -> list[Calibration]:
    return [calibrate(_suite(seed)) for seed in range(10)]


@pytest.fixture(scope="module")
def fresh() -> list[tuple[Floats, Floats, Floats]]:
    """Forecasts of data sets from as many others: probabilities, what came true, intervals held."""
    found = []
    for seed in range(40):
        suite = _suite(seed, 90)
        places, means = suite.standardised(suite.properties), suite.means()
        known, further = slice(0, 45), slice(45, 90)
        said = [expect(places[known], means[known], own) for own in places[further]]
        low, high = np.moveaxis(np.array([gains for _, gains in said])[..., 1:], 2, 0)
        held = (means[further] >= low) & (means[further] <= high)
        truth = within_best(means[further])
        found.append((np.array([within for within, _ in said]), truth, held.mean(axis=1)))
    return found


def test_probabilities_come_true_as_often_as_they_say(
    fresh: list[tuple[Floats, Floats, Floats]],
) -> None:
    """In each range of probabilities, over suites; a normal of one spread says half as much."""
    said, truth = (np.array(each) for each in zip(*(one[:2] for one in fresh), strict=True))
    assert truth.mean() > 0.4  # ties
    assert abs(said.mean() - truth.mean()) < 0.03
    for low, high in pairwise(EDGES):
        inside = (said >= low) & (said < high)
        cases = inside.sum(axis=(1, 2))
        if cases.sum() < 100:
            continue
        off = np.where(inside, truth - said, 0).sum(axis=(1, 2))
        error = np.sqrt(((off - cases * off.sum() / cases.sum()) ** 2).sum())
        assert abs(off.sum()) < 0.06 * cases.sum() + 3 * error, (low, off.sum() / cases.sum())


def test_intervals_cover(fresh: list[tuple[Floats, Floats, Floats]]) -> None:
    shares = np.array([held.mean() for _, _, held in fresh])
    assert abs(shares.mean() - 0.9) < 0.02 + 3 * shares.std(ddof=1) / len(shares) ** 0.5


def test_likeness_tells_more_than_base_rates_where_it_matters(checks: list[Calibration]) -> None:
    assert np.mean([check.brier for check in checks]) < np.mean([c.base for c in checks]) - 0.02
    blind = [calibrate(_suite(seed, likeness=False)) for seed in range(10)]
    assert np.mean([c.brier for c in blind]) < np.mean([c.base for c in blind]) + 0.015


def test_errors_over_data_sets_are_larger_than_binomial_ones(checks: list[Calibration]) -> None:
    """Strategies on one data set come true together."""
    assert all(check.whole.error > 1.5 * check.whole.binomial for check in checks)


def test_bins_hold_every_case_once(checks: list[Calibration]) -> None:
    for check in checks[:3]:
        assert sum(each.cases for each in check.bins) == check.whole.cases == 45 * (STRATEGIES + 1)
        assert all(one.high <= other.low for one, other in pairwise(check.bins))
        assert all(one.low <= one.forecast <= one.high for one in check.bins)


def test_what_ties_everywhere_is_within_the_best_with_certainty() -> None:
    means = np.zeros((30, 3))
    within, gains = expect(np.random.default_rng(0).normal(size=(30, 2)), means, np.zeros(2))
    np.testing.assert_allclose(within, 1)
    np.testing.assert_allclose(gains, 0)


def test_a_strategy_without_a_result_is_not_forecast_and_others_are() -> None:
    means: Floats = np.tile([0.1, np.nan, 0.0], (30, 1))
    means[:5, 2] = np.nan
    within, gains = expect(np.random.default_rng(0).normal(size=(30, 2)), means, np.zeros(2))
    np.testing.assert_allclose(within, [0, 1, np.nan, 0])
    assert np.isnan(gains[1]).all() and np.isfinite(gains[[0, 2]]).all()


def test_within_is_judged_against_the_best_of_all() -> None:
    means = np.array([[-0.02, -ROPE / 2], [0.03, 0.021]])
    np.testing.assert_array_equal(within_best(means), [[1, 0, 1], [0, 1, 1]])


def test_an_outlook_follows_the_overlap() -> None:
    found = _suite(0)
    easy, hard = (
        outlook(found, {"prevalence": 0.1, "positives": 60, "columns": 10, "overlap": overlap})
        for overlap in (0.05, 0.95)
    )
    assert easy.within["none"] > hard.within["none"] + 0.2
    width = {
        name: own.gains["s0"][2] - own.gains["s0"][1]
        for name, own in (("easy", easy), ("hard", hard))
    }
    assert width["easy"] < width["hard"]
    assert len(easy.alike) == LIKE and easy.near["none"] > hard.near["none"]
    assert easy.inside
    far = {"prevalence": 0.1, "positives": 1e6, "columns": 10, "overlap": 0.5}
    assert not outlook(found, far).inside


def test_what_is_printed_says_how_well_forecasts_observed() -> None:
    found = _suite(0)
    known = calibrate(found)
    own = outlook(found, dict(zip(BEFORE, (0.1, 60, 10, 0.9), strict=True)))
    text = " ".join(suite_forecast.forecast(own, known, "hgb"))
    best = max(own.within, key=lambda label: own.within[label])
    assert f"on {own.near[best]} of the 20 tables most like yours {best}" in text
    assert f"its observed frequency is {100 * known.whole.observed:.0f} %" in text


@pytest.mark.parametrize("model", ["hgb", "logistic", "mlp"])
def test_the_stored_suite_is_calibrated_and_its_page_shows_it(model: str) -> None:
    found = stored(model)
    assert found
    known = calibrate(found)
    assert abs(known.whole.observed - known.whole.forecast) < 2 * known.whole.error
    widest = norm.isf(0.025 / len(known.bins))  # of so many 95 % intervals at once (Bonferroni)
    for each in known.bins:
        assert abs(each.observed - each.forecast) < widest * max(each.binomial, each.error), each
    assert known.brier < known.base - 0.02
    assert abs(known.covered[0] - 0.9) < 2 * known.covered[1]
    page = (ROOT / "docs" / "results" / "suite.md").read_text(encoding="utf-8")
    for line in suite_forecast.page({model: known}):
        assert line in page
