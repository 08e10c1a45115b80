"""What all tests share."""

import io
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """`-m faults` runs the whole fault table; else the tests that take minutes are skipped."""
    asked = re.search("faults|long", config.option.markexpr)
    for item in items:
        if "faults" in Path(item.path).parts:
            item.add_marker("faults")
        if item.get_closest_marker("long") and not asked:
            item.add_marker(pytest.mark.skip(reason="takes minutes: with -m faults"))


@pytest.fixture(scope="session", autouse=True)
def prepared_device() -> None:
    """TensorFlow, imported once and with its threads fixed before any test uses it."""
    from benchmark.training import device

    device.prepare()


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Decoded images of all tests, away from the person's own."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKEWBENCH_CACHE", str(folder))
        patch.delenv("MLFLOW_RUN_ID", raising=False)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield folder


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


@pytest.fixture(scope="session")
def fresh_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store without runs, made once: its schema takes MLflow seconds."""
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def store_uri(tmp_path: Path, fresh_store: Path) -> str:
    """A tracking store of the test's own."""
    return f"sqlite:///{shutil.copy(fresh_store, tmp_path / 'mlflow.db')}"


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory, fresh_store: Path) -> str:
    """A store with a small benchmark, done once: two trainings, two seeds, three strategies."""
    from click.testing import CliRunner

    from benchmark.cli.main import main

    uri = f"sqlite:///{shutil.copy(fresh_store, tmp_path_factory.mktemp('measured') / 'mlflow.db')}"
    words = ["run", "--task", "insurance", "--data", "stand-in", "--seeds", "2", "--steps", "100"]
    words += ["--strategies", "none,threshold,class_weight", "--workers", "0", "--tracking", uri]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    return uri


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
                row |= {"test/threshold_tuned": 0.3, "seconds/training": 10.0, "test/roc_auc": 0.9}
                row |= {f"test/{name}": values[seed] for name, values in given.items()}
                done = all(values[seed] is not None for values in given.values())
                row = row if done else dict.fromkeys(row, float("nan"))
                row |= {"test/roc_auc": row["test/roc_auc"] + 1e-3 * (seed % 2)}
                rows.append(
                    {"label": label, "strategy": label, "seed": seed, "run": f"{label}{seed}"}
                    | {"test_rows": f"rows of seed {seed}", "predictions": ""}
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
