"""What tests of searches share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from benchmark.cli.main import main
from benchmark.workflows.search import trial
from tests import toys

Command = Callable[..., Result]


@pytest.fixture
def toy(tmp_path: Path) -> Iterator[Path]:
    """The folder of a small task, registered in this process while a test runs."""
    folder = tmp_path / "toy"
    folder.mkdir()
    trial._fit.cache_clear()
    with toys.registered(toys.write(folder)):
        yield folder


@pytest.fixture
def search(toy: Path, store_uri: str) -> Command:
    """``search`` on the toy task, 20 steps, two seeds, in this process."""

    def invoke(*words: str, strategy: str = "class_weight", fresh: int = 0) -> Result:
        given = ["--task", "toy", "--data", str(toy / "data.npz"), "--strategy", strategy]
        given += ["--steps", "20", "--workers", "0", "--tracking", store_uri]
        given += ["--trials", "3", "--seeds", "2", "--fresh", str(fresh)]
        return CliRunner().invoke(main, ["search", *given, *words])

    return invoke
