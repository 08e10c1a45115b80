"""The pooled regression finds slopes."""

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


def test_missing_values_are_refused() -> None:
    observed = _observed(np.random.default_rng(2), 0.0)
    observed.values[3] = np.nan
    with pytest.raises(ValueError, match="finite"):
        pooled.fit(observed)
