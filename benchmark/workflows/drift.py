"""Columns of a table that differ between training and test more than chance would have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmark.protocol import progress

if TYPE_CHECKING:
    import pandas as pd

LEVEL = 0.001  # of all columns together
FEWEST = 20  # rows, below which categories count as one
LEAST = 0.1  # distance of the distributions, 0 to 1, below which nobody would mind


def drifts(train: pd.DataFrame, test: pd.DataFrame) -> dict[str, float]:
    """Return column -> distance of its distributions in two splits, the largest first.

    The distance is that of Kolmogorov and Smirnov for numbers, total variation for categories. A
    column is named if it is at least `LEAST`, and significant by a test of its kind.
    """
    level = LEVEL / max(train.shape[1], 1)
    found = {}
    with progress.bar("Comparing columns", train.shape[1]) as advance:
        for name in train:
            found[str(name)] = _distance(train[name], test[name], level)
            advance(1)
    named = {name: distance for name, distance in found.items() if distance >= LEAST}
    return dict(sorted(named.items(), key=lambda item: -item[1]))


def _distance(train: pd.Series, test: pd.Series, level: float) -> float:
    """Return the distance of two samples; 0 if it is not significant."""
    from scipy import stats

    if train.dtype == np.float64:
        one, other = train.dropna(), test.dropna()
        if not len(one) or not len(other):
            return 0.0
        result = stats.ks_2samp(one, other, method="asymp")
        return float(result.statistic) if result.pvalue < level else 0.0
    import pandas as pd

    counts = pd.concat(
        [part.astype("string").fillna("").value_counts() for part in (train, test)], axis=1
    ).fillna(0)
    table = counts.to_numpy(np.float64).T
    few = table.sum(axis=0) < FEWEST
    table = np.column_stack([table[:, ~few], table[:, few].sum(axis=1)])
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2 or stats.chi2_contingency(table).pvalue >= level:
        return 0.0
    shares = table / table.sum(axis=1, keepdims=True)
    return float(np.abs(shares[0] - shares[1]).sum() / 2)
