"""The differences of a suite read back from its CSV, for forecasts without a store."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmark.metrics.stats import Difference
from benchmark.results.suite.measured import Measured, measured

FILE = Path(__file__).parents[3] / "docs" / "results" / "suite.csv"
METRIC = "test/f1"
COLUMNS = ("data_set", "model", "metric", "strategy", "difference", "error", "degrees")


def stored(model: str, file: Path = FILE) -> Measured | None:
    """Return one model's differences and the properties; None where the file has too few."""
    import pandas as pd

    if not file.exists():
        return None
    table = pd.read_csv(file, keep_default_na=False, na_values=[""])
    table = table[(table["model"] == model) & (table["metric"] == METRIC)]
    known: dict[str, dict[str, Difference]] = {}
    properties: dict[str, dict[str, float]] = {}
    names = [name for name in table.columns if name not in COLUMNS]
    for row in table.to_dict("records"):
        error, degrees = float(row["error"]), float(row["degrees"])
        seeds = 1 if np.isnan(error) else 2  # how many is not stored, and does not matter
        difference = Difference(float(row["difference"]), error, degrees, error, seeds)
        known.setdefault(str(row["strategy"]), {})[str(row["data_set"])] = difference
        properties[str(row["data_set"])] = {str(name): float(row[name]) for name in names}
    return measured(known, properties) if known else None
