"""Drawn images: the same images at every call, in every process, as many as asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tasks.synthetic import drawings

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKEWBENCH_CACHE", str(tmp_path / "cache"))


def test_counts_and_marks() -> None:
    data = drawings.draw(5, 2, 32)
    assert data.rows.shape == (7, 32, 32, 3)
    assert data.rows.dtype == np.uint8
    assert data.labels.tolist() == [0, 0, 0, 0, 0, 1, 1]
    assert len(set(data.groups.tolist())) == 7
    assert data.classes == ("cat", "dog")
    assert (data.source, data.origin) == ("synthetic", "drawn cats and dogs")


def test_no_two_images_are_alike() -> None:
    rows = drawings.draw(6, 6, 16).rows
    assert len({row.tobytes() for row in rows}) == 12


def test_more_images_leave_the_others_as_they_are() -> None:
    few, many = drawings.draw(3, 1, 16), drawings.draw(5, 2, 16)
    np.testing.assert_array_equal(few.rows[:3], many.rows[:3])
    np.testing.assert_array_equal(few.rows[3], many.rows[5])
    assert few.digest != many.digest


def test_same_in_another_process(tmp_path: Path) -> None:
    code = "from tasks.synthetic import drawings; print(drawings.draw(3, 3, 24).digest)"
    other = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "SKEWBENCH_CACHE": str(tmp_path / "other")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert other.stdout.strip() == drawings.draw(3, 3, 24).digest


def test_drawn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = drawings.draw(2, 2, 16)
    monkeypatch.setattr(drawings, "image", lambda *_: pytest.fail("drawn again"))
    np.testing.assert_array_equal(drawings.draw(2, 2, 16).rows, first.rows)
