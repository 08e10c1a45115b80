"""What tests of faults share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.faults.harness import Bench

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code in a folder of its own, with one more task and strategies that misbehave."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("benchmark", "tasks", "strategies"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("MLproject", "conda.yaml", "requirements.txt"):
        shutil.copy(ROOT / name, folder)
    shutil.copy(folder / "tasks" / "_template.py", folder / "tasks" / "toy.py")
    shutil.copy(Path(__file__).parent / "mischief.py", folder / "strategies")
    return folder


@pytest.fixture
def bench(checkout: Path, tmp_path: Path, store_uri: str) -> Bench:
    """On a store of the test's own."""
    return Bench(checkout, tmp_path, store_uri)
