"""An exported model: its run, the model in MLflow's format, and its place in the registry."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.protocol.errors import UserError
from benchmark.tracking import tags
from benchmark.tracking.invocation import begin_other
from benchmark.tracking.store import Store

if TYPE_CHECKING:
    import pandas as pd


ROOT = Path(__file__).parents[2]
CODE = ("benchmark", "tasks")  # goes with every model, which so needs no checkout
SCRIPT = Path(__file__).with_name("pyfunc.py")
# what that code imports to answer; MLflow would take ten seconds to find out
LIBRARIES = (
    *("mlflow", "tensorflow", "keras", "scikit-learn", "skops", "scipy", "numpy", "pandas"),
    *("pillow", "pooch", "locket"),
)
CARD = "model_card.md"

Types = Mapping[str, str]  # column -> MLflow's name of its type


@dataclass(frozen=True)
class Package:
    """What is handed to MLflow."""

    folder: Path  # as ``deployed.save`` left it
    inputs: Types
    outputs: Types
    example: pd.DataFrame


def require_names(name: str, alias: str) -> None:
    """Raises UserError for what the model registry would refuse."""
    from mlflow.exceptions import MlflowException
    from mlflow.utils.validation import _validate_model_alias_name, _validate_model_name

    for check, given, option in (
        (_validate_model_name, name, "--name"),
        (_validate_model_alias_name, alias, "--alias"),
    ):
        try:
            check(given)
        except MlflowException as error:
            raise UserError(f"{option} {given!r}: {error.message}") from None


@contextmanager
def exporting(store: Store, name: str, facts: Mapping[str, str]) -> Iterator[str]:
    """The run of an export, which fails with the block; its id."""
    import mlflow

    os.environ["MLFLOW_UV_AUTO_DETECT"] = "false"  # it would put the checkout's own files in
    logging.getLogger("mlflow.utils.environment").setLevel(logging.ERROR)  # misses pip
    mlflow.set_tracking_uri(store.uri)
    run_id = begin_other(store, "export", name)
    store.client.log_batch(run_id, tags=_run_tags(facts))
    with mlflow.start_run(run_id=run_id):
        yield run_id


def _run_tags(facts: Mapping[str, str]) -> list[Any]:
    from mlflow.entities import RunTag

    return [RunTag(key, value) for key, value in facts.items()]


def log(package: Package) -> str:
    """Logs the model on the run of the block that is open; its address."""
    import mlflow
    from mlflow.models import ModelSignature

    info = mlflow.pyfunc.log_model(
        name="model",
        python_model=str(SCRIPT),
        artifacts={"model": str(package.folder)},
        code_paths=[str(ROOT / name) for name in CODE],
        signature=ModelSignature(_schema(package.inputs), _schema(package.outputs)),
        input_example=package.example,
        pip_requirements=[f"{name}=={version(name)}" for name in LIBRARIES],
    )
    return str(info.model_uri)


def _schema(types: Types) -> Any:
    from mlflow.types import ColSpec, Schema
    from mlflow.types.schema import AnyType

    free: Any = AnyType  # it has no types
    found = {name: free() if kind == "any" else kind for name, kind in types.items()}
    return Schema([ColSpec(kind, name) for name, kind in found.items()])


@contextmanager
def read_back(package: Package, model: str) -> Iterator[Path]:
    """The package's folder as the store has it; of the code beside it nothing is run."""
    import mlflow

    with tempfile.TemporaryDirectory() as folder:
        found = mlflow.artifacts.download_artifacts(artifact_uri=model, dst_path=folder)
        yield Path(found) / "artifacts" / package.folder.name


def register(store: Store, run_id: str, model: str, name: str, alias: str, card: str) -> str:
    """Makes the model the one that `alias` means and logs its card; the number of its version."""
    import mlflow

    client = store.client
    client.log_text(run_id, card, CARD)
    client.set_tag(run_id, tags.NOTE, card[: tags.LIMIT])
    made = mlflow.register_model(model, name)
    client.update_model_version(name, made.version, card[: tags.LIMIT])
    client.set_registered_model_alias(name, alias, made.version)
    return str(made.version)
