"""Columns that differ between two splits are named, and none is where nothing differs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmark.workflows.drift import drifts


def frame(rng: np.random.Generator, rows: int, shift: float) -> pd.DataFrame:
    names = np.where(rng.random(rows) < 0.3 + shift / 2, "a", rng.choice(["b", "c"], rows))
    return pd.DataFrame(
        {
            "moved": rng.normal(shift, 1, rows),
            "same": np.where(rng.random(rows) < 0.1, np.nan, rng.normal(size=rows)),
            "code": pd.Series(names, dtype="string"),
            "rare": pd.Series(rng.integers(0, rows, rows).astype(str), dtype="string"),
        }
    )


def test_what_moved_is_named_with_its_distance() -> None:
    rng = np.random.default_rng(0)
    found = drifts(frame(rng, 3000, 0), frame(rng, 1000, 0.6))
    assert list(found) == ["code", "moved"]
    assert found["moved"] == pytest.approx(0.236, abs=0.05)  # 2 Phi(0.3) - 1
    assert found["code"] == pytest.approx(0.3, abs=0.05)


def test_chance_names_nothing() -> None:
    rng = np.random.default_rng(1)
    assert not any(drifts(frame(rng, 600, 0), frame(rng, 200, 0)) for _ in range(20))
