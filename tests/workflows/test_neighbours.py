"""Images among their nearest neighbours: wrong labels and near-duplicates are found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmark.cli.main import main
from benchmark.workflows import neighbours

ROWS, WIDTH = 600, 64


def clusters(rare: int = ROWS // 3) -> tuple[np.ndarray, np.ndarray]:
    """Features of two classes that hardly overlap, and their labels."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], [ROWS - rare, rare])
    centres = 2 * rng.normal(size=(2, WIDTH))
    return centres[labels] + rng.normal(size=(ROWS, WIDTH)), labels


def examine(x: np.ndarray, labels: np.ndarray, **given: np.ndarray) -> neighbours.Neighbours:
    places = {"groups": np.arange(len(x)), "parts": np.zeros(len(x), int), **given}
    return neighbours.examine(x, labels, places["groups"], places["parts"])


@pytest.mark.parametrize("rare", [200, 60])
def test_labels_that_were_swapped_come_first(rare: int) -> None:
    x, labels = clusters(rare)
    swapped = np.array([3, 50, 111, ROWS - 1, ROWS - 20])
    labels[swapped] = 1 - labels[swapped]
    assert set(examine(x, labels).suspects[:5]) == set(swapped)


def test_rows_of_one_group_do_not_judge_each_other() -> None:
    x, labels = clusters()
    track = np.arange(30)
    x[track] = x[0] + 0.01 * np.random.default_rng(1).normal(size=(30, WIDTH))
    labels[track] = 1  # all of its frames are labelled wrongly
    groups = np.arange(ROWS)
    groups[track] = 0
    assert set(examine(x, labels, groups=groups).suspects[:30]) == set(track)
    assert not set(examine(x, labels).suspects[:30]) & set(track)


def test_near_duplicates_are_those_in_different_splits() -> None:
    x = np.random.default_rng(0).normal(size=(ROWS, 200))
    parts = np.arange(ROWS) % 4 - 1
    x[5], x[9], x[8] = x[2] + 0.01, x[1], x[4]  # other split; same split; no split
    found = examine(x, np.arange(ROWS) % 2, parts=parts)
    assert found.twins.tolist() == [[2, 5]]


def test_many_images_are_compared_in_blocks_and_at_most_so_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x, labels = clusters()
    whole = examine(x, labels)
    monkeypatch.setattr(neighbours, "BLOCK", 7)
    assert examine(x, labels).suspects.tolist() == whole.suspects.tolist()
    monkeypatch.setattr(neighbours, "MOST_ROWS", 100)
    assert examine(x, labels).compared == 100 == len(set(examine(x, labels).suspects))


@pytest.mark.slow
def test_a_sheet_is_written_where_there_are_features(tmp_path: Path, store_uri: str) -> None:
    words = ["inspect", "folder", "--data", "synthetic", "--tracking", store_uri]
    words += ["--settings", "model=MobileNet size=32 weights=random"]
    done = CliRunner().invoke(main, [*words, "--output", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert "whose nearest neighbours disagree most with their label" in done.output
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"inspection.md", "classes.png", "images.png", "suspicious_labels.png"} <= names
