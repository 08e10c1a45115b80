"""What all tests share."""

import io
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import locket
import pytest

from tests import stores

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

# Files whose tests start workers and servers, and wait for seconds: these take turns.
PROCESSES = ("tests/faults/test_0", "tests/cluster/")
# Folders with the longest tests: they are begun first, so that no process waits for another.
LONGEST = ("faults", "workflows", "training")
# Folders whose tests never use TensorFlow: importing it takes seconds.
WITHOUT_TENSORFLOW = {"cluster", "metrics", "properties", "protocol", "results", "tracking"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--full-faults",
        action="store_true",
        help="with -m slow: clusters of several hosts, many more kills and runs; an hour or more",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Measure benchmarks in this process alone: pytest-benchmark refuses to share the machine."""
    if config.getoption("benchmark_enable", False) and config.getoption("numprocesses", None):
        config.option.numprocesses = 0


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave benchmarks out unless they are measured; begin with the longest tests."""
    if not config.getoption("benchmark_enable", False):
        benchmarks = [item for item in items if "benchmark" in getattr(item, "fixturenames", ())]
        items[:] = [item for item in items if item not in benchmarks]
        config.hook.pytest_deselected(items=benchmarks)
    items.sort(key=lambda item: not set(LONGEST) & set(item.path.parts))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Send the tests of a file to one process, and those that start workers to the same one.

    The groups of `--dist loadgroup` do the same by marks, but pytest-xdist 3.8 loses them with
    pytest 9.2.
    """
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file: str = super()._split_scope(nodeid)
            return "processes" if file.startswith(PROCESSES) else file

    return Scheduling(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Fix TensorFlow's threads before a test, or a fixture of it, can train."""
    folder, *_ = item.path.relative_to(Path(__file__).parent).parts
    if folder not in WITHOUT_TENSORFLOW and not folder.endswith(".py"):
        from benchmark.training import device

        device.prepare()


@pytest.fixture(scope="session")
def full(pytestconfig: pytest.Config) -> bool:
    """Whether tests of faults run at full size, which takes half an hour."""
    return bool(pytestconfig.getoption("--full-faults"))


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Decoded images of all tests, away from the person's own."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKEWBENCH_CACHE", str(folder))
        patch.delenv("MLFLOW_RUN_ID", raising=False)
        patch.delenv("COLUMNS", raising=False)  # output would be wrapped to it
        yield folder


@pytest.fixture(autouse=True)
def no_store_of_another_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """An export leaves its store in the environment: `mlflow.set_tracking_uri` writes it there."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture(autouse=True)
def undrawn(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are made, but drawn, which takes most of their time, only where a test is of them."""

    def savefig(figure: Any, target: Any, **_: Any) -> None:
        if not hasattr(target, "write"):
            Path(target).write_text("<svg></svg>")
        else:
            target.write("<svg></svg>" if isinstance(target, io.TextIOBase) else b"<svg></svg>")

    if request.node.get_closest_marker("drawn") is None:
        monkeypatch.setattr("matplotlib.figure.Figure.savefig", savefig)


def _once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder of that name, filled once for all processes of pytest-xdist."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    with locket.lock_file(f"{folder}.lock"):
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            (folder / "complete").touch()
    return folder


@pytest.fixture(scope="session")
def fresh_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store without runs, made once: its schema takes MLflow seconds."""
    from mlflow import MlflowClient

    def make(folder: Path) -> None:
        MlflowClient(f"sqlite:///{folder}/mlflow.db").search_experiments()

    return _once(tmp_path_factory, "fresh", make) / "mlflow.db"


@pytest.fixture
def store_uri(tmp_path: Path, fresh_store: Path) -> str:
    """A tracking store of the test's own."""
    return f"sqlite:///{shutil.copy(fresh_store, tmp_path / 'mlflow.db')}"


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory, fresh_store: Path) -> str:
    """A store with a small benchmark, done once: two trainings, two seeds, three strategies.

    It is for reading: a test that writes takes `stores.copy_of` it.
    """
    from click.testing import CliRunner

    from benchmark.cli.main import main

    def make(folder: Path) -> None:
        uri = f"sqlite:///{shutil.copy(fresh_store, folder / 'mlflow.db')}"
        words = ["run", "--task", "insurance", "--data", "stand-in", "--seeds", "2"]
        words += ["--strategies", "none,threshold,class_weight", "--steps", "100"]
        done = CliRunner().invoke(main, [*words, "--workers", "0", "--tracking", uri])
        assert done.exit_code == 0, done.output

    made = _once(tmp_path_factory, "made", make)
    return stores.copy_of(f"sqlite:///{made}/mlflow.db", tmp_path_factory.mktemp("measured"))


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let trainings leave hand-made predictions at once; return the list of their seeds."""
    from benchmark.training import fit as fitting
    from tests import toys

    seeds: list[int] = []

    def fit(job: Any, on_step: Callable[[int], None]) -> Any:
        seeds.append(job.seed)
        on_step(job.budget.steps)
        return toys.fit(job)

    monkeypatch.setattr(fitting, "fit", fit)
    return seeds


@pytest.fixture
def toy(tmp_path: Path) -> Iterator[Path]:
    """The folder of a small task, registered in this process while a test runs."""
    from tests import toys

    folder = tmp_path / "toy"
    folder.mkdir()
    with toys.registered(toys.write(folder)):
        yield folder


@pytest.fixture(scope="session")
def table_of() -> Callable[..., Any]:
    """Makes a table of measures, {label: {measure without test/: one value a seed}}.

    A value None is a failed cell. Every strategy has its own training but those named in
    `deciding`, which only decide on the training of `none`.
    """
    import pandas as pd

    from benchmark.results import leaderboard, measures

    def table(
        values_of: Mapping[str, Mapping[str, Sequence[float | None]]], deciding: Sequence[str] = ()
    ) -> leaderboard.Leaderboard:
        rows = []
        for label, given in values_of.items():
            for seed in range(len(next(iter(given.values())))):
                row = dict.fromkeys(measures.MEASURES, 0.5) | {measures.ROWS: 100.0}
                # ten of a hundred rows are positive, of a thousand in all
                row |= dict(zip(measures.COUNTS, (5, 10, 5, 80), strict=True))
                row |= {"test/threshold_tuned": 0.3, "timing/training": 10.0, "test/roc_auc": 0.9}
                row |= {f"test/{name}": values[seed] for name, values in given.items()}
                done = all(values[seed] is not None for values in given.values())
                row = row if done else dict.fromkeys(row, float("nan"))
                rows.append(
                    {"label": label, "strategy": label, "seed": seed, "run": f"{label}{seed}"}
                    | {
                        "test_rows": f"rows of seed {seed}",
                        "artifacts": f"{label}{seed}",
                        "predictions": "",
                    }
                    | {"training_part": "none" if label in ("none", *deciding) else label}
                    | {"state": "finished" if done else "failed", "collapsed": False}
                    | {"reason": "" if done else "the loss of step 7 is nan"}
                    | row
                )
        facts = {
            **{"task": "birds", "settings": "size=64", "data": "../birds", "source": "real"},
            **{"origin": "../birds", "content": "c0ffee", "classes": ["robin", "wren"]},
            **{"counts": [900, 100], "steps": 100, "batch": 32},
        }
        return leaderboard.Leaderboard("now", facts, ("CPU",), ("v1",), pd.DataFrame(rows), 0, 1)

    return table
