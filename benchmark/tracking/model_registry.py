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
from benchmark.tracking.invocation import start_run
from benchmark.tracking.store import Store

if TYPE_CHECKING:
    import pandas as pd


ROOT = Path(__file__).parents[2]
CODE = ("benchmark", "tasks")  # packed with every model, so that it needs no checkout
SCRIPT = Path(__file__).with_name("pyfunc.py")
# what that code imports to predict; MLflow would take ten seconds to find out
LIBRARIES = (
    *("mlflow", "tensorflow", "keras", "scikit-learn", "skops", "scipy", "numpy", "pandas"),
    *("pillow", "pooch", "locket"),
)
CARD = "model_card.md"

Types = Mapping[str, str]  # column -> MLflow's name of its type


@dataclass(frozen=True)
class Package:
    """What is logged of an exported model."""

    folder: Path  # as ``inference.save`` wrote it
    inputs: Types
    outputs: Types
    example: pd.DataFrame


def check_names(name: str, alias: str) -> None:
    """Raise UserError for names that the model registry would refuse."""
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
    """Open the run of an export, which fails with the block; yield its id."""
    import mlflow

    os.environ["MLFLOW_UV_AUTO_DETECT"] = "false"  # it would add the checkout's own files
    logging.getLogger("mlflow.utils.environment").setLevel(logging.ERROR)  # it misses pip
    mlflow.set_tracking_uri(store.uri)
    run_id = start_run(store, "export", name)
    store.client.log_batch(run_id, tags=_run_tags(facts))
    with mlflow.start_run(run_id=run_id):
        yield run_id


def _run_tags(facts: Mapping[str, str]) -> list[Any]:
    from mlflow.entities import RunTag

    return [RunTag(key, value) for key, value in facts.items()]


def log(package: Package) -> str:
    """Log the model on the open run of `exporting`; return its address."""
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

    any_type: Any = AnyType  # without type annotations
    return Schema(
        [ColSpec(any_type() if kind == "any" else kind, name) for name, kind in types.items()]
    )


@contextmanager
def read_back(package: Package, model: str) -> Iterator[Path]:
    """Download the package's folder from the store; the code beside it is not run."""
    import mlflow

    with tempfile.TemporaryDirectory() as folder:
        downloaded = mlflow.artifacts.download_artifacts(artifact_uri=model, dst_path=folder)
        yield Path(downloaded) / "artifacts" / package.folder.name


def register(store: Store, run_id: str, model: str, name: str, alias: str, card: str) -> str:
    """Register the model under an alias and log its card; return its version."""
    import mlflow

    client = store.client
    client.log_text(run_id, card, CARD)
    client.set_tag(run_id, tags.NOTE, card[: tags.LIMIT])
    registered = mlflow.register_model(model, name)
    client.update_model_version(name, registered.version, card[: tags.LIMIT])
    client.set_registered_model_alias(name, alias, registered.version)
    return str(registered.version)
