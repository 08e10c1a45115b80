"""What all tests share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")


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


@pytest.fixture
def store_uri(tmp_path: Path) -> str:
    """An empty tracking store."""
    return f"sqlite:///{tmp_path}/mlflow.db"
