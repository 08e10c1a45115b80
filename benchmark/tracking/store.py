"""Opening a tracking store, and paging through its runs."""

from __future__ import annotations

import gc
import hashlib
import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.protocol.errors import UserError, without_passwords
from benchmark.tracking import tags
from benchmark.tracking.retry import RetryingClient

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


SQLITE = "sqlite:///"
PAGE_SIZE = 500  # runs in one response of the store

_reached: set[str] = set()  # stores that have answered


@dataclass(frozen=True)
class Store:
    """Where runs go. Small enough to send to every worker."""

    uri: str
    experiment: str  # id
    tags: Mapping[str, str]  # user, source and commit, of every run
    invocation: str = ""  # run id
    drawn: bool = True  # each run gets its figure; a third of the processor time of a short one

    @property
    def client(self) -> RetryingClient:
        """The client of this store in this process, one per invocation."""
        return client_of(self.uri, self.invocation)


def resolve(uri: str) -> str:
    """Return the address of the store: `uri`, else the environment's, else mlflow.db here."""
    uri = uri or os.environ.get("MLFLOW_TRACKING_URI", "") or "sqlite:///mlflow.db"
    if uri.startswith(SQLITE) and not uri.startswith(SQLITE + "/"):
        if "?" in str(Path.cwd()):  # the rest would be read as options
            raise UserError(
                f"{Path.cwd()}: no SQLite store can be in a folder with '?' in its name"
            )
        return SQLITE + str(Path(uri.removeprefix(SQLITE)).absolute())
    return uri


def short(uri: str) -> str:
    """Return the address of a store for readers: in this folder, without the folder's path."""
    path = Path(uri.removeprefix(SQLITE))
    return f"{SQLITE}{path.name}" if path.parent == Path.cwd() else without_passwords(uri)


def open_store(uri: str, task: str) -> Store:
    """Open the store and the task's experiment, once and before any worker does.

    Raises:
        UserError: if it cannot be reached.
    """
    from mlflow.exceptions import MlflowException
    from mlflow.tracking.context.registry import resolve_tags

    _reached.discard(uri)
    client_of.cache_clear()  # a client that gave up gets another chance
    client = connect(uri)
    experiment = client.get_experiment_by_name(task)
    if experiment is None:
        try:
            client.create_experiment(task, artifact_location=_artifacts(uri))
        except MlflowException:  # another process created it at the same moment
            if client.get_experiment_by_name(task) is None:
                raise
        experiment = client.get_experiment_by_name(task)
    assert experiment is not None
    if experiment.lifecycle_stage == "deleted":
        raise UserError(
            f"experiment {task!r} in {uri} is deleted: restore it, or use another store"
        )
    context = {key: str(value) for key, value in resolve_tags().items()}
    return Store(uri, experiment.experiment_id, context)


def connect(uri: str) -> RetryingClient:
    """Return a client of the store.

    A store that never answered fails soon; one that answered before is waited for.

    Raises:
        UserError: if it does not answer.
    """
    if uri in _reached:
        return client_of(uri)
    _check_place(uri)
    try:
        if uri.startswith(("http://", "https://")):
            import requests

            requests.get(f"{uri.rstrip('/')}/health", timeout=5).raise_for_status()
        elif "://" in uri and uri != "databricks":
            # MLflow itself would retry for minutes
            import sqlalchemy

            sqlalchemy.create_engine(uri).connect().close()
        with locked(uri):  # two processes that create the tables at once would fail
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


def _check_place(uri: str) -> None:
    """Raise UserError for a store whose address or folder can be seen to be wrong."""
    if "://" not in uri and uri != "databricks" and not uri.startswith("sqlite:"):
        raise UserError(
            f"tracking store {uri} is a folder of files, which MLflow no longer supports: write "
            f"sqlite:///{uri}/mlflow.db or the address of a server"
        )
    if not uri.startswith("sqlite:"):
        return
    path = Path(uri.removeprefix(SQLITE))
    if not path.is_absolute():
        raise UserError(f"tracking store {uri} is no file that other processes can open")
    if not path.parent.is_dir():
        raise UserError(
            f"tracking store {uri}: there is no folder {path.parent}; make it, or name another "
            "store with --tracking"
        )


@contextmanager
def locked(uri: str) -> Iterator[None]:
    """Hold a per-user, per-store lock across processes of this machine."""
    import locket

    name = hashlib.sha256(uri.encode()).hexdigest()[:16]
    user = os.getuid() if hasattr(os, "getuid") else ""
    with locket.lock_file(str(Path(tempfile.gettempdir()) / f"skewbench-{user}-{name}.lock")):
        yield


def _artifacts(uri: str) -> str | None:
    """Return the folder of artifacts beside a SQLite file; None leaves it to the server."""
    if not uri.startswith(SQLITE):
        return None
    return (Path(uri.removeprefix(SQLITE)).parent / "mlruns").as_uri()


def preload() -> None:
    """Import MLflow, which takes seconds, without opening a store."""
    import mlflow.store.tracking.sqlalchemy_store
    import mlflow.tracking  # noqa: F401


@cache
def client_of(uri: str, invocation: str = "") -> RetryingClient:
    """Return the client of a store, one per process and invocation."""
    return RetryingClient(bare_client(uri))


@cache
def bare_client(uri: str) -> MlflowClient:
    """Return MLflow's own client, which does not retry."""
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
    # MLflow would print the address of every run that ends, password included
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # also raised
    from mlflow import MlflowClient

    return MlflowClient(uri)


def pages(client: RetryingClient, experiments: list[str], query: str) -> Iterator[Run]:
    """Yield all runs that match a query, newest first, however many."""
    token: str | None = None
    with without_gc():
        while True:
            page = client.search_runs(
                experiments,
                query,
                max_results=PAGE_SIZE,
                order_by=["start_time DESC"],
                page_token=token,
            )
            for run in page:
                tags.unfold(run.data.tags)
                yield run
            token = page.token
            if not token:
                return


@contextmanager
def without_gc() -> Iterator[None]:
    """Pause Python's garbage collector, which would visit the hundred objects of every run.

    Reading 10,000 runs of a SQLite store took 32 s with it and 12 s without, with the same memory.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
