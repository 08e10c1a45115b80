"""Fault 12: code, data, settings or arguments changed. The old result is not taken."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.results import leaderboard
from benchmark.training import fit
from benchmark.training.predictions import Fit
from tests import toys
from tests.slow import slow_but

REMEDY = '''
from typing import Annotated
import numpy as np
from benchmark.protocol.arguments import Range
from benchmark.protocol.strategy import Strategy
from strategies._toy_weights import weight

def toy(power: Annotated[float, Range(0, 4)] = 1.0) -> Strategy:
    """Weighs."""
    def weigh(labels, classes):
        return weight(labels) ** power

    return Strategy(weigh=weigh)
'''
HELPER = "import numpy as np\n\ndef weight(labels):\n    return np.where(labels == 1, 3.0, 1.0)\n"


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which the task `toy` and the strategy `toy` stand, and their data."""
    folder = tmp_path_factory.mktemp("toy")
    toys.write(folder, toy_spec=REMEDY, _toy_weights=HELPER)
    with toys.registered(folder):
        yield folder


@pytest.fixture(scope="module")
def trained(toy: Path, fresh_store: Path) -> Iterator[Callable[..., list[int]]]:
    """Runs the benchmark and returns the seeds of the trainings that would really happen."""
    store = f"sqlite:///{shutil.copy(fresh_store, toy / 'mlflow.db')}"
    seeds: list[int] = []

    def counted(*args: Any) -> Fit:
        seeds.append(args[0].seed)
        return toys.FIT

    def invoke(*words: str, strategy: str = "toy") -> list[int]:
        toys.forget(toy)
        seeds.clear()
        result = toys.benchmark(store, toy / "data.npz", *words, strategies=strategy)
        assert result.exit_code == 0, result.output
        return list(seeds)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "fit", counted)
        assert invoke() == [0]
        yield invoke


def edit(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(toy: Path) -> None:
        text = (toy / name).read_text()
        assert old in text
        (toy / name).write_text(text.replace(old, new))

    return change


def one_label(toy: Path) -> None:
    with np.load(toy / "data.npz", allow_pickle=False) as arrays:
        x, y = arrays["x"], arrays["y"]
    y[0] = 1 - y[0]
    np.savez(toy / "data.npz", x=x, y=y)


def one_bit(toy: Path) -> None:
    with np.load(toy / "data.npz", allow_pickle=False) as arrays:
        x, y = arrays["x"].astype(np.float32), arrays["y"]
    x.view(np.uint32)[0, 0] ^= 1
    np.savez(toy / "data.npz", x=x, y=y)


CHANGES: dict[str, tuple[Callable[[Path], None], list[str], str]] = {
    "code of the task": (edit("toy.py", "Dense(32", "Dense(16"), [], "toy"),
    "code of the strategy": (edit("toy_spec.py", "** power", "** (2 * power)"), [], "toy"),
    "code of its helper": (edit("_toy_weights.py", "3.0", "4.0"), [], "toy"),
    "a label": (one_label, [], "toy"),
    "a bit of a feature": (one_bit, [], "toy"),
    "settings": (lambda toy: None, ["--settings", "prevalence=0.2"], "toy"),
    "steps": (lambda toy: None, ["--steps", "11"], "toy"),
    "argument of the strategy": (lambda toy: None, [], "toy(power=2)"),
    "another part": (lambda toy: None, [], "toy+prior_bias"),
}


@pytest.mark.parametrize("what", slow_but(["code of its helper", "a label", "settings"], CHANGES))
def test_12_what_changed_is_trained_anew(
    toy: Path,
    trained: Callable[..., list[int]],
    what: str,
) -> None:
    change, words, strategy = CHANGES[what]
    before = {file: file.read_bytes() for file in [*toy.glob("*.py"), toy / "data.npz"]}
    change(toy)
    assert trained(*words, strategy=strategy) == [0]
    assert trained(*words, strategy=strategy) == []
    for file, content in before.items():
        file.write_bytes(content)
    assert trained() == []  # what it was before is still known


def test_12_a_comment_or_another_place_of_the_same_data_trains_nothing(
    toy: Path, trained: Callable[..., list[int]]
) -> None:
    for name in ("toy.py", "toy_spec.py", "_toy_weights.py"):
        (toy / name).write_text((toy / name).read_text() + "\n# nothing\n")
    moved = shutil.copy(toy / "data.npz", toy / "moved.npz")
    assert trained("--data", str(moved)) == []


def test_12_results_of_the_old_code_are_not_in_the_table(
    toy: Path, trained: Callable[..., list[int]]
) -> None:
    original = (toy / "toy_spec.py").read_text()
    edit("toy_spec.py", "** power", "** (3 * power)")(toy)
    assert trained("--steps", "12", "--seeds", "2") == [0, 1]
    (toy / "toy_spec.py").write_text(original)
    assert trained("--steps", "12") == [0]
    tables = leaderboard.leaderboards(f"sqlite:///{toy / 'mlflow.db'}", ["toy"])
    [table] = [table for table in tables if table.facts["steps"] == 12]
    assert (table.counts()["finished"], table.older) == (1, 2)
