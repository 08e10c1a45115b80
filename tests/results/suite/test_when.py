"""What differences depend on, forecasts, and what is read back from a CSV."""

from pathlib import Path

import numpy as np
import pytest

from benchmark.metrics.stats import Difference
from benchmark.results.suite.stored import stored
from benchmark.results.suite.when import When, outlook, when

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
def fitted() -> When:
    found = when(_known(0.2), PROPERTIES)
    assert found
    return found


def test_the_property_that_matters_is_found(fitted: When) -> None:
    slopes, errors = fitted.slopes.means, fitted.slopes.errors
    column = fitted.names.index("overlap")
    assert slopes[0, column] > 4 * errors[0, column]
    assert abs(slopes[1, column]) < 3 * errors[1, column]
    assert fitted.error < 0.9 * fitted.plain


def test_forecasts_hold_what_they_promise(fitted: When) -> None:
    share, error = fitted.coverage
    assert abs(share - 0.9) < 0.03 + 2 * error
    assert abs(fitted.promised - fitted.kept) < 0.05 + 2 * fitted.kept_error


def test_an_outlook_follows_the_overlap(fitted: When) -> None:
    low, high = (
        outlook(fitted, {"prevalence": 0.1, "positives": 60, "columns": 10, "overlap": overlap})
        for overlap in (0.05, 0.95)
    )
    assert high.gains["helps"][0] > 0.15 > 0.05 > low.gains["helps"][0]
    assert high.within["helps"] > low.within["helps"]
    assert high.within["none"] < 0.1
    assert len(high.alike) == 15 and high.near["helps"] > high.near["none"]
    assert low.inside
    far = {"prevalence": 0.1, "positives": 1e6, "columns": 10, "overlap": 0.5}
    assert not outlook(fitted, far).inside


def test_few_data_sets_are_no_regression() -> None:
    few = {label: dict(list(own.items())[:5]) for label, own in _known(0.2).items()}
    assert when(few, PROPERTIES) is None


def test_what_is_stored_gives_the_same_forecast(fitted: When, tmp_path: Path) -> None:
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
    np.testing.assert_allclose(again.slopes.means, fitted.slopes.means, atol=1e-6)
    assert stored("mlp", file) is None
    assert stored("hgb", tmp_path / "absent.csv") is None
