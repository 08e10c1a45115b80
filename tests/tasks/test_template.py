"""The tutorial's own data: what it refuses, so that those who copy it refuse it too."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.protocol.errors import UserError
from tasks._template import TASK, Settings

X, Y = np.zeros((4, 2)), np.array([0, 1, 0, 1])


def load(path: Path, **arrays: Any) -> Any:
    np.savez(path / "data.npz", **arrays)
    return TASK.load(Settings(), path / "data.npz")


def test_rows_and_labels_are_read(tmp_path: Path) -> None:
    data = load(tmp_path, x=X, y=Y.astype(float))
    assert (set(data.rows.dtypes), data.labels.dtype) == ({np.dtype(np.float32)}, np.int64)
    assert data.labels.tolist() == Y.tolist()
    assert set(data.groups.tolist()) == {0}  # four times the same row


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": X}, "not an .npz file with x and y"),
        ({"x": X, "y": Y[:3]}, r"x is \(4, 2\) and y \(3,\)"),
        ({"x": X[0], "y": Y[:2]}, r"x is \(2,\)"),
        ({"x": X, "y": Y + 0.5}, "y must be 0 or 1"),
        ({"x": X, "y": Y + 1}, "y must be 0 or 1"),
        ({"x": X + math.nan, "y": Y}, "x finite"),
        ({"x": X + math.inf, "y": Y}, "x finite"),
    ],
)
def test_damage_is_named(tmp_path: Path, arrays: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words) as error:
        load(tmp_path, **arrays)
    assert str(error.value).startswith(f"{tmp_path / 'data.npz'}: ")
