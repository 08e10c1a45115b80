"""What tests of faults share."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from benchmark.cli.main import main
from tests.faults.harness import Bench
from tests.faults.servers import Server, serving

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code in a folder of its own, with one more task and strategies that misbehave."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("benchmark", "tasks", "strategies", "studies"):
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


@dataclass(frozen=True)
class Here:
    """`run` on the insurance stand-in, without training, and what its store holds."""

    bench: Bench
    address: str  # of the store, as `run` is told
    trained: list[int]  # seeds of all trainings that would happen

    def run(self, strategies: str, seeds: int = 1) -> Result:
        """Runs in no worker."""
        given = ["--task", "insurance", "--data", "stand-in", "--strategies", strategies]
        given += ["--seeds", str(seeds), "--steps", "20", "--workers", "0"]
        return CliRunner().invoke(main, ["run", *given, "--tracking", self.address])


@pytest.fixture
def here(tmp_path: Path, store_uri: str, untrained: list[int]) -> Here:
    """For faults that need no other process."""
    return Here(Bench(ROOT, tmp_path, store_uri), store_uri, untrained)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A tracking server on SQLite."""
    folder = tmp_path_factory.mktemp("server")
    with serving(Server(folder, f"sqlite:///{folder}/mlflow.db")) as started:
        yield started
