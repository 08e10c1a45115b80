"""What all tests share."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """`-m faults` runs the whole fault table, its short tests too; the long ones run only so."""
    asked = "faults" in config.option.markexpr
    for item in items:
        if asked and "faults" in Path(item.path).parts:
            item.add_marker("faults")
        elif not asked and item.get_closest_marker("faults"):
            item.add_marker(pytest.mark.skip(reason="minutes long: with -m faults"))


@pytest.fixture(scope="session", autouse=True)
def prepared_device() -> None:
    """TensorFlow, imported once and with its threads fixed before any test uses it."""
    from benchmark import device

    device.prepare()


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Decoded pictures of all tests, away from the person's own."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKEWBENCH_CACHE", str(folder))
        patch.delenv("MLFLOW_RUN_ID", raising=False)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield folder


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
