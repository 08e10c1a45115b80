"""A small artifact that shows whether a process can write to an experiment, before it has a run."""

from __future__ import annotations

import tempfile
import uuid
from pathlib import Path
from typing import Any

from benchmark.tracking.store import Store, bare_client

FOLDER = "preflight"  # beside the folders of the experiment's runs


def write(store: Store) -> str:
    """Write an artifact, read it back and return its path.

    Raises:
        RuntimeError: if another content comes back.
    """
    token = uuid.uuid4().hex
    path = f"{FOLDER}/{token}.txt"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{token}.txt"
        file.write_text(token)
        _artifacts(store).log_artifact(str(file), FOLDER)
    if not is_there(store, path):
        raise RuntimeError("what was written is not what is read back")
    return path


def is_there(store: Store, path: str) -> bool:
    """Return whether the store has what `write`, perhaps in another process, wrote to `path`."""
    from mlflow.exceptions import MlflowException

    with tempfile.TemporaryDirectory() as folder:
        try:
            file = _artifacts(store).download_artifacts(path, folder)
            return Path(file).read_text() == Path(path).stem
        except (OSError, MlflowException):
            return False


def remove(store: Store, path: str) -> None:
    """Remove the artifact, which takes the permission to manage the experiment."""
    _artifacts(store).delete_artifacts(path)


def _artifacts(store: Store) -> Any:
    """Return the artifacts of the experiment, as MLflow reaches them for its runs."""
    from mlflow.store.artifact import artifact_repository_registry as repositories

    place = bare_client(store.uri).get_experiment(store.experiment).artifact_location
    return repositories.get_artifact_repository(place, store.uri)
