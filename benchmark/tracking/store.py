"""What a store holds, as plain records."""

from __future__ import annotations

import gc
import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.protocol.errors import UserError
from benchmark.tracking import tags
from benchmark.tracking.retry import RetryingClient

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


@dataclass(frozen=True)
class Record:
    """One tracked cell or invocation."""

    run: str  # id
    started: int  # milliseconds
    status: str
    tags: Mapping[str, str]
    metrics: Mapping[str, float]

    @property
    def conditions(self) -> str:
        """Identity of its conditions."""
        return self.tags[tags.CONDITIONS]

    @property
    def facts(self) -> dict[str, Any]:
        """Its conditions in words."""
        facts: dict[str, Any] = json.loads(self.tags[tags.FACTS])
        return facts


def read_runs(uri: str, kind: str) -> Iterator[Record]:
    """All runs of a kind ("cell" or "invocation"), newest first.

    Invocations that ``mlflow run`` opened lie in its own experiment, so all are searched.
    A run whose identity was damaged by hand is left out.

    Raises:
        UserError: if there is no such store, or it does not answer.
    """
    if uri.startswith(SQLITE) and not Path(uri.removeprefix(SQLITE)).exists():
        raise UserError(f"there is no tracking store {uri}: start with `run`, or name another")
    client = reachable(uri)
    numbers = [experiment.experiment_id for experiment in client.search_experiments()]
    needed = tags.OF_CELL if kind == "cell" else tags.OF_INVOCATION
    for found in pages(client, numbers, f"tags.`{tags.KIND}` = '{kind}'"):
        if needed <= found.data.tags.keys():
            info, data = found.info, found.data
            yield Record(info.run_id, info.start_time, info.status, data.tags, data.metrics)


SQLITE = "sqlite:///"
PAGE = 500  # runs in one answer of the store
FIRST_PATIENCE = 5.0  # seconds, with a store that has never answered

_reached: set[str] = set()  # stores that have answered


@dataclass(frozen=True)
class Store:
    """Where runs go. Small enough to travel to every worker."""

    uri: str
    experiment: str  # id
    tags: Mapping[str, str]  # user, source and commit, of every run
    invocation: str = ""  # run id

    @property
    def client(self) -> RetryingClient:
        """The client of this store in this process, one for each invocation."""
        return client_of(self.uri, self.invocation)


def resolve(uri: str) -> str:
    """The tracking store that is meant: `uri`, else the environment's, else mlflow.db here."""
    uri = uri or os.environ.get("MLFLOW_TRACKING_URI", "") or "sqlite:///mlflow.db"
    if uri.startswith(SQLITE) and not uri.startswith(SQLITE + "/"):
        if "?" in str(Path.cwd()):  # what follows it would be taken for options
            raise UserError(
                f"{Path.cwd()}: no SQLite store can be in a folder with '?' in its name"
            )
        return SQLITE + str(Path(uri.removeprefix(SQLITE)).absolute())
    return uri


def open_store(uri: str, task: str) -> Store:
    """Opens the store, once and before any worker does, and the task's experiment.

    Raises:
        UserError: if it cannot be reached.
    """
    from mlflow.exceptions import MlflowException
    from mlflow.tracking.context.registry import resolve_tags

    _reached.discard(uri)
    client_of.cache_clear()  # one that was lost has another chance
    client = reachable(uri)
    experiment = client.get_experiment_by_name(task)
    if experiment is None:
        try:
            client.create_experiment(task, artifact_location=_artifacts(uri))
        except MlflowException:  # another made it at the same moment
            if client.get_experiment_by_name(task) is None:
                raise
        experiment = client.get_experiment_by_name(task)
    assert experiment is not None
    if experiment.lifecycle_stage == "deleted":
        raise UserError(
            f"experiment {task!r} in {uri} is deleted: restore it, or use another store"
        )
    tags = {key: str(value) for key, value in resolve_tags().items()}
    return Store(uri, experiment.experiment_id, tags)


def reachable(uri: str) -> RetryingClient:
    """A client of the store. Raises UserError if it does not answer.

    The first time, that is found out soon; a store that answered before is waited for.
    """
    if uri in _reached:
        return client_of(uri)
    if uri.startswith("sqlite:") and not uri.removeprefix(SQLITE).startswith("/"):
        raise UserError(f"tracking store {uri} is no file that other processes can open")
    try:
        if uri.startswith(("http://", "https://")):
            import requests

            requests.get(f"{uri.rstrip('/')}/health", timeout=5).raise_for_status()
        elif "://" in uri and uri != "databricks":
            # MLflow itself would try for minutes
            import sqlalchemy

            sqlalchemy.create_engine(uri).connect().close()
        with one_at_a_time(uri):  # MLflow's own making of the tables is a race
            bare_client(uri).search_experiments(max_results=1)
    except Exception as error:
        name = type(error).__name__
        reason = name if "Connection" in name else (str(error).strip() or name).splitlines()[0]
        raise UserError(
            f"tracking store {uri} cannot be reached ({reason}): "
            "is it there, and spelled rightly? Another is named with --tracking"
        ) from None
    _reached.add(uri)
    return client_of(uri)


@contextmanager
def one_at_a_time(uri: str) -> Iterator[None]:
    """Of all processes of this person on this machine, one is in the block for this store."""
    import locket

    name = hashlib.sha256(uri.encode()).hexdigest()[:16]
    user = os.getuid() if hasattr(os, "getuid") else ""
    with locket.lock_file(str(Path(tempfile.gettempdir()) / f"skewbench-{user}-{name}.lock")):
        yield


def _artifacts(uri: str) -> str | None:
    """Beside a SQLite file, wherever the command was given; else as the server says."""
    if not uri.startswith(SQLITE):
        return None
    return (Path(uri.removeprefix(SQLITE)).parent / "mlruns").as_uri()


def preload() -> None:
    """Imports MLflow, which takes seconds, without opening a store."""
    import mlflow.store.tracking.sqlalchemy_store
    import mlflow.tracking  # noqa: F401


@cache
def client_of(uri: str, invocation: str = "") -> RetryingClient:
    """The client of a store, one a process and invocation; see `Patient`."""
    return RetryingClient(bare_client(uri))


@cache
def bare_client(uri: str) -> MlflowClient:
    """MLflow's own client, which asks once."""
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
    # MLflow would print the address of every run that ends, with the password in it
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # it raises what it logs
    from mlflow import MlflowClient

    return MlflowClient(uri)


def pages(client: RetryingClient, experiments: list[str], query: str) -> Iterator[Run]:
    """All runs that a query finds, newest first, however many."""
    token: str | None = None
    with _without_collection():
        while True:
            page = client.search_runs(
                experiments, query, max_results=PAGE, order_by=["start_time DESC"], page_token=token
            )
            yield from page
            token = page.token
            if not token:
                return


@contextmanager
def _without_collection() -> Iterator[None]:
    """Python's collector rests: a run is a hundred objects, which it would visit over and over.

    Reading 10,000 runs of a SQLite store took 32 s with it and 12 s without, in the same memory.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
