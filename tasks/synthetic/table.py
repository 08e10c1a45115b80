"""Synthetic customers as a text table, for trying the csv task without one."""

from __future__ import annotations

import numpy as np

from tasks.tables.sampling import RawTable

ROWS = 4000
TOWNS = 30


def customers() -> RawTable:
    """Draw customers: numbers, dates, categories and gaps; one in ten leaves."""
    import pandas as pd

    rng = np.random.default_rng(0)
    age, spent = rng.integers(18, 90, ROWS), rng.lognormal(4, 1, ROWS)
    town, plan = rng.integers(0, TOWNS, ROWS), rng.choice(["basic", "plus", "family"], ROWS)
    days = rng.integers(0, 1500, ROWS)
    log_odds = 0.03 * (age - 50) - 0.6 * (np.log(spent) - 4) + 1.2 * (town % 6 == 0) - 2.9
    log_odds += 0.8 * (plan == "basic") - 0.0008 * (days - 750)
    leaves = rng.random(ROWS) < 1 / (1 + np.exp(-log_odds))
    since = np.datetime64("2020-01-01") + days
    written = np.where(rng.random(ROWS) < 0.05, "", np.char.mod("%.2f", spent))
    columns = {
        "customer": np.char.mod("C%05d", rng.permutation(ROWS)),
        "age": age,
        "spent": written,
        "town": np.char.mod("town %d", town),
        "plan": plan,
        "since": since,
        "target": np.where(leaves, "leaves", "stays"),
    }
    frame = pd.DataFrame(
        {name: pd.Series(values).astype("str") for name, values in columns.items()}
    )
    return RawTable(frame, ())
