"""What differences depend on, and what is read back from a CSV."""

from pathlib import Path

import numpy as np
import pytest

from benchmark.metrics.stats import Difference
from benchmark.results.suite.measured import Measured, measured
from benchmark.results.suite.stored import stored
from benchmark.results.suite.when import when

NAMES = [f"set{number}" for number in range(30)]
RNG = np.random.default_rng(0)
PROPERTIES = {
    name: {
        "prevalence": float(RNG.uniform(0.01, 0.4)),
        "positives": float(RNG.lognormal(4, 1)),
        "columns": float(RNG.integers(3, 60)),
        "overlap": float(RNG.uniform(0, 1)),
    }
    for name in NAMES
}


def _known(slope: float) -> dict[str, dict[str, Difference]]:
    """One strategy that helps where classes overlap, one that never does."""
    rng = np.random.default_rng(1)
    return {
        "helps": {
            name: Difference(
                slope * PROPERTIES[name]["overlap"] + float(rng.normal(0, 0.03)), 0.01, 8, 0.02, 5
            )
            for name in NAMES
        },
        "idles": {name: Difference(float(rng.normal(0, 0.03)), 0.01, 8, 0.02, 5) for name in NAMES},
    }


@pytest.fixture(scope="module")
def found() -> Measured:
    known = measured(_known(0.2), PROPERTIES)
    assert known
    return known


def test_the_property_that_matters_is_found(found: Measured) -> None:
    fitted = when(found)
    slopes, errors = fitted.slopes.means, fitted.slopes.errors
    column = fitted.names.index("overlap")
    assert slopes[0, column] > 4 * errors[0, column]
    assert abs(slopes[1, column]) < 3 * errors[1, column]


def test_few_data_sets_are_not_compared() -> None:
    few = {label: dict(list(own.items())[:5]) for label, own in _known(0.2).items()}
    assert measured(few, PROPERTIES) is None


def test_what_is_stored_is_read_back(found: Measured, tmp_path: Path) -> None:
    file = tmp_path / "suite.csv"
    columns = list(PROPERTIES["set0"])
    head = ["data_set", "model", "metric", "strategy", "difference", "error", "degrees", *columns]
    rows = [
        [*(name, "hgb", "test/f1", label, one.mean, one.error, one.degrees), *of_set]
        for label, own in _known(0.2).items()
        for (name, one), of_set in zip(
            own.items(), (PROPERTIES[name].values() for name in own), strict=True
        )
    ]
    lines = [",".join(map(str, row)) for row in [head, *rows]]
    file.write_text("\n".join(lines) + "\n")
    again = stored("hgb", file)
    assert again
    assert (again.sets, again.strategies, again.names) == (
        found.sets,
        found.strategies,
        found.names,
    )
    np.testing.assert_allclose(again.means(), found.means())
    np.testing.assert_allclose(when(again).slopes.means, when(found).slopes.means, atol=1e-6)
    assert stored("mlp", file) is None
    assert stored("hgb", tmp_path / "absent.csv") is None
