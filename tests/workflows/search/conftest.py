"""What tests of searches share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from benchmark.cli.main import main
from benchmark.workflows.search import trial

Command = Callable[..., Result]


@pytest.fixture(autouse=True)
def no_fits() -> None:
    """Trials find no training of an earlier test."""
    trial._fit.cache_clear()


@pytest.fixture
def search(toy: Path, store_uri: str) -> Command:
    """``search`` on the toy task, 20 steps, two seeds, in this process."""

    def invoke(*words: str, strategy: str = "class_weight", fresh: int = 0) -> Result:
        given = ["--task", "toy", "--data", str(toy / "data.npz"), "--strategy", strategy]
        given += ["--steps", "20", "--workers", "0", "--tracking", store_uri]
        given += ["--trials", "3", "--seeds", "2", "--fresh", str(fresh)]
        return CliRunner().invoke(main, ["search", *given, *words])

    return invoke
