"""Numbers of a study as text."""

from collections.abc import Sequence

import numpy as np

from benchmark.metrics import stats
from benchmark.metrics.stats import Difference
from benchmark.results import comparison
from benchmark.results.study import Measured


def mean_of(measured: Measured, label: str, metric: str) -> Difference:
    """Mean over seeds of a measure, with its interval."""
    return comparison.mean(comparison.of(measured.table, label, metric), measured.table)


def shown(it: Difference) -> str:
    """``0.446 [0.401, 0.491]``; the interval is missing for one seed."""
    return f"{it.mean:.3f}" if np.isnan(it.low) else f"{it.mean:.3f} [{it.low:.3f}, {it.high:.3f}]"


def judged(differences: Sequence[Difference]) -> list[str]:
    """Of each: better, worse, or that it may be chance, by Holm over all of them."""
    adjusted = stats.holm(np.array([it.p for it in differences]))
    return [
        "which may be chance" if p >= stats.LEVEL else "better" if it.mean > 0 else "worse"
        for it, p in zip(differences, adjusted, strict=True)
    ]
