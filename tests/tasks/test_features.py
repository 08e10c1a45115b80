"""Features of a table: what is learned of numbers."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.tables import features


@pytest.mark.parametrize("rows", [1, 2, 3, 150, 200, 201, 780, 5000])
def test_quantiles_are_numpys_to_the_last_digit(rows: int) -> None:
    rng = np.random.default_rng(rows)
    for values in (rng.normal(size=rows) * 1e6, rng.exponential(size=rows).round(1) - 1):
        gaps = np.insert(values, 0, np.nan)
        found = features._quantiles(gaps)
        count = min(features.QUANTILES, rows)
        assert found == np.quantile(values, np.linspace(0, 1, count)).tolist()
    assert features._quantiles(np.array([np.nan])) == []
