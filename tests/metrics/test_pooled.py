"""The pooled regression finds slopes, and its forecasts hold what they promise."""

import numpy as np
import pytest

from benchmark.metrics import pooled
from benchmark.metrics.pooled import Observed

SETS, STRATEGIES = 40, 5


def _observed(rng: np.random.Generator, slope: float) -> Observed:
    properties = rng.normal(size=(SETS, 2))
    strategy, data_set = (part.ravel() for part in np.indices((STRATEGIES, SETS)))
    shared = rng.normal(0, 0.02, SETS)
    true = 0.01 * strategy + slope * properties[data_set, 0] + shared[data_set]
    true = true + rng.normal(0, 0.02, len(true))
    errors = rng.uniform(0.01, 0.04, len(true))
    values = true + errors * rng.normal(size=len(true))
    return Observed(values, errors, strategy, data_set, properties[data_set])


def test_slopes_are_found_where_there_are_some() -> None:
    found = pooled.slopes(pooled.fit(_observed(np.random.default_rng(0), 0.05)))
    assert (np.abs(found.means[:, 0] - 0.05) < 3 * found.errors[:, 0]).all()
    assert (np.abs(found.means[:, 1]) < 3 * found.errors[:, 1]).all()
    assert (found.means[:, 0] > 4 * found.errors[:, 0]).all()


def test_a_data_set_left_out_is_forecast_as_if_it_had_never_been_there() -> None:
    observed = _observed(np.random.default_rng(1), 0.05)
    fitted = pooled.fit(observed)
    kept = observed.data_set != SETS - 1
    rest = Observed(
        *(getattr(observed, name)[kept] for name in ("values", "errors", "strategy", "data_set")),
        observed.properties[kept],
    )
    gone = observed.properties[~kept][0]
    fresh = pooled.forecast(pooled.fit(rest), gone)
    left_out = pooled.without(fitted, SETS - 1)
    # the grid is in units of the spread of the values, which one data set moves a little
    np.testing.assert_allclose(
        left_out.weights @ left_out.means, fresh.weights @ fresh.means, atol=0.003
    )
    errors = observed.errors[~kept] ** 2
    own, other = (np.einsum("p,pss->s", one.weights, one.covariances) for one in (left_out, fresh))
    np.testing.assert_allclose(own, other + errors, rtol=0.1)


def test_intervals_of_data_sets_left_out_cover() -> None:
    inside = []
    for seed in range(6):
        observed = _observed(np.random.default_rng(seed), 0.03)
        fitted = pooled.fit(observed)
        for number in range(SETS):
            draws = pooled.without(fitted, number).draw(np.random.default_rng(number), 400)
            low, high = np.quantile(draws, [0.05, 0.95], axis=0)
            values = observed.values[observed.data_set == number]
            inside.append(((values >= low) & (values <= high)).mean())
    assert 0.85 < np.mean(inside) < 0.95


def test_missing_values_are_refused() -> None:
    observed = _observed(np.random.default_rng(2), 0.0)
    observed.values[3] = np.nan
    with pytest.raises(ValueError, match="finite"):
        pooled.fit(observed)
