"""Runs in and out of MLflow: the only module that imports it.

Everything is logged synchronously, in large batches, through a client with an
explicit run id, by the process that has the numbers. A cell is done when a run
with its identity carries the tag DONE, which is written last.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark import run
from benchmark.errors import UserError
from benchmark.plan import Cell, Conditions, Training
from benchmark.report import figures, notes

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Run

KIND, CELL, TRAINING = "skewbench.kind", "skewbench.cell", "skewbench.training"
CONDITIONS, INVOCATION, PLAN = "skewbench.conditions", "skewbench.invocation", "skewbench.plan"
SOURCE, CONTENT, ORIGIN = "skewbench.source", "skewbench.content", "skewbench.origin"
DEVICE, VERSIONS, COLLAPSED = "skewbench.device", "skewbench.versions", "skewbench.collapsed"
DONE, ERROR = "skewbench.done", "skewbench.error"
NOTE = "mlflow.note.content"
PREDICTIONS = "predictions.npz"
SAMPLE_SECONDS = 2.0  # between two samples of the system metrics


@dataclass(frozen=True)
class Store:
    """Where runs go. Small enough to travel to every worker."""

    uri: str
    experiment: str  # id
    tags: Mapping[str, str]  # user, source and commit, of every run
    invocation: str = ""  # run id


def resolve(uri: str) -> str:
    """The tracking store that is meant: `uri`, else the environment's, else mlflow.db here."""
    uri = uri or os.environ.get("MLFLOW_TRACKING_URI", "") or "sqlite:///mlflow.db"
    prefix = "sqlite:///"
    if uri.startswith(prefix) and not uri.startswith(prefix + "/"):
        return prefix + str(Path(uri.removeprefix(prefix)).absolute())
    return uri


def open_store(uri: str, task: str) -> Store:
    """Opens the store, once and before any worker does, and the task's experiment.

    Raises:
        UserError: if it cannot be reached.
    """
    client = _reachable(uri)
    from mlflow.tracking.context.registry import resolve_tags

    experiment = client.get_experiment_by_name(task)
    if experiment is None:
        number = client.create_experiment(task)
    elif experiment.lifecycle_stage == "deleted":
        raise UserError(
            f"experiment {task!r} in {uri} is deleted: restore it, or use another store"
        )
    else:
        number = experiment.experiment_id
    tags = {key: str(value) for key, value in resolve_tags().items()}
    return Store(uri, number, tags)


def _reachable(uri: str) -> MlflowClient:
    try:
        if uri.startswith(("http://", "https://")):
            import requests

            requests.get(f"{uri.rstrip('/')}/health", timeout=5).raise_for_status()
        elif "://" in uri and uri != "databricks":
            # MLflow itself would try for minutes
            import sqlalchemy

            sqlalchemy.create_engine(uri).connect().close()
        client = _client(uri)
        client.search_experiments(max_results=1)
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"tracking store {uri} cannot be reached ({reason}): "
            "start it, or name another with --tracking"
        ) from None
    return client


@cache
def _client(uri: str) -> MlflowClient:
    for name in ("alembic", "mlflow.store.db.utils"):
        logging.getLogger(name).setLevel(logging.WARNING)
    from mlflow import MlflowClient

    return MlflowClient(uri)


# --- the invocation -----------------------------------------------------------------


def open_invocation(store: Store, conditions: Conditions, plan: Mapping[str, Any]) -> Store:
    """The run of this invocation: the one that ``mlflow run`` opened, else a new one.

    `plan` has "strategies", a list of texts in full, and "seeds", their number.
    """
    client = _client(store.uri)
    tags = {
        KIND: "invocation",
        CONDITIONS: conditions.identity,
        PLAN: json.dumps(plan),
        SOURCE: conditions.source,
        "mlflow.runName": f"{len(plan['strategies'])} strategies x {plan['seeds']} seeds",
    }
    opened = os.environ.get("MLFLOW_RUN_ID", "")
    if opened:
        for key, value in tags.items():
            client.set_tag(opened, key, value)
        return dataclasses.replace(store, invocation=opened)
    created = client.create_run(store.experiment, tags={**store.tags, **tags})
    return dataclasses.replace(store, invocation=created.info.run_id)


def close_invocation(store: Store, status: str, texts: Mapping[str, str], note: str) -> None:
    """Logs files (name -> text) and the note, and ends the run if we began it."""
    client = _client(store.uri)
    for name, text in texts.items():
        client.log_text(store.invocation, text, name)
    client.set_tag(store.invocation, NOTE, note)
    client.set_experiment_tag(store.experiment, NOTE, note)
    if store.invocation != os.environ.get("MLFLOW_RUN_ID", ""):
        client.set_terminated(store.invocation, status)


def close_leftovers(store: Store, status: str, reason: str) -> int:
    """Ends runs of this invocation that are still RUNNING; returns how many."""
    client = _client(store.uri)
    query = f"tags.`{INVOCATION}` = '{store.invocation}' AND attributes.status = 'RUNNING'"
    left = [found.info.run_id for found in _pages(client, [store.experiment], query)]
    for run_id in left:
        fail(store, run_id, reason, status)
    return len(left)


# --- cells --------------------------------------------------------------------------


def finished(store: Store, conditions: Conditions) -> set[str]:
    """Identities of the cells that are done under these conditions."""
    query = f"tags.`{CONDITIONS}` = '{conditions.identity}' AND tags.`{DONE}` = 'yes'"
    return {
        found.data.tags[CELL] for found in _pages(_client(store.uri), [store.experiment], query)
    }


def is_done(store: Store, cell: Cell) -> bool:
    """Whether a run of this cell carries the completion tag."""
    query = f"tags.`{CELL}` = '{cell.identity}' AND tags.`{DONE}` = 'yes'"
    return next(_pages(_client(store.uri), [store.experiment], query), None) is not None


def earlier_fit(store: Store, training: Training) -> run.Fit | None:
    """The fit of a done cell that shares the training, read from its predictions."""
    client = _client(store.uri)
    query = f"tags.`{TRAINING}` = '{training.identity}' AND tags.`{DONE}` = 'yes'"
    found = next(_pages(client, [store.experiment], query), None)
    if found is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = client.download_artifacts(found.info.run_id, PREDICTIONS, folder)
        return run.from_bytes(Path(path).read_bytes())


def start(store: Store, training: Training, cell: Cell) -> str:
    """Creates the run of a cell and returns its id."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    client, conditions = _client(store.uri), training.conditions
    created = client.create_run(
        store.experiment,
        run_name=f"{cell.label} · seed {cell.seed}",
        tags={
            **store.tags,
            KIND: "cell",
            CELL: cell.identity,
            TRAINING: training.identity,
            CONDITIONS: conditions.identity,
            INVOCATION: store.invocation,
            SOURCE: conditions.source,
            CONTENT: conditions.content,
            ORIGIN: conditions.origin,
            VERSIONS: versions(),
            NOTE: notes.of_cell(training, cell),
        },
    )
    run_id = str(created.info.run_id)
    client.log_batch(run_id, params=_params(training, cell))
    data = Dataset(
        name=conditions.task,
        digest=conditions.content,
        source_type="local" if conditions.data else "code",
        source=json.dumps({"uri": conditions.data or conditions.origin}),
    )
    client.log_inputs(run_id, [DatasetInput(data, [InputTag("mlflow.data.context", "training")])])
    return run_id


def _params(training: Training, cell: Cell) -> list[Any]:
    from mlflow.entities import Param

    conditions = training.conditions
    values = {
        "strategy": cell.label,
        "seed": cell.seed,
        "strategy_in_full": cell.strategy,
        "training_part": training.strategy,
        "task": conditions.task,
        "settings": conditions.settings_text,
        "data": conditions.data or "stand-in",
        "steps": conditions.budget.steps,
        "batch": conditions.budget.batch,
        **dataclasses.asdict(conditions.settings),
    }
    return [Param(key, str(value)) for key, value in values.items()]


def complete(
    store: Store,
    run_id: str,
    fit: run.Fit,
    score: run.Score,
    samples: list[Metric],
) -> None:
    """Logs all of a cell's results, reads them back and marks the run as done."""
    from mlflow.entities import Metric, RunTag

    client = _client(store.uri)
    now = int(time.time() * 1000)
    final = {
        **score.metrics,  # test/f1 comes first: the compare page opens on the first metric
        "training/seconds": fit.seconds,
        "training/rows": fit.trained_rows,
        "training/best_step": fit.best_step,
    }
    metrics = [Metric(key, value, now, 0) for key, value in final.items()]
    for name, curve in fit.curves.items():
        metrics += [Metric(name, value, now, step) for step, value in curve]
    tags = [
        RunTag(DEVICE, fit.device),
        RunTag("skewbench.xla", "yes" if fit.compiled else "no"),
        RunTag(COLLAPSED, "yes" if score.collapsed else "no"),
    ]
    metrics += samples
    for begin in range(0, len(metrics), 1000):
        client.log_batch(run_id, metrics=metrics[begin : begin + 1000])
    client.log_batch(run_id, tags=tags)
    with tempfile.TemporaryDirectory() as folder:
        names = _write_artifacts(Path(folder), fit, score)
        client.log_artifacts(run_id, folder)
    _read_back(client, run_id, final, names)
    client.set_terminated(run_id, "FINISHED")
    client.set_tag(run_id, DONE, "yes")


def _write_artifacts(folder: Path, fit: run.Fit, score: run.Score) -> list[str]:
    (folder / PREDICTIONS).write_bytes(run.to_bytes(fit))
    drawn = figures.of_cell(fit.curves, score.labels, score.probabilities, score.decisions)
    (folder / "figures").mkdir()
    for name, figure in drawn.items():
        figure.savefig(folder / "figures" / f"{name}.png", dpi=100)
    return [PREDICTIONS, *(f"figures/{name}.png" for name in drawn)]


def _read_back(
    client: MlflowClient, run_id: str, expected: Mapping[str, float], names: list[str]
) -> None:
    stored = client.get_run(run_id).data.metrics
    wrong = [key for key, value in expected.items() if stored.get(key) != value]
    listed = {item.path for item in client.list_artifacts(run_id)}
    listed |= {item.path for item in client.list_artifacts(run_id, "figures")}
    missing = [*wrong, *(name for name in names if name not in listed)]
    if missing:
        raise RuntimeError(f"the store did not keep {', '.join(missing)} of run {run_id}")


def fail(store: Store, run_id: str, reason: str, status: str = "FAILED") -> None:
    """Ends a run without results, with the reason on it."""
    client = _client(store.uri)
    client.set_tag(run_id, ERROR, reason[:5000])
    client.set_terminated(run_id, status)


# --- what was tracked ---------------------------------------------------------------


def tracked(uri: str, tasks: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Every cell and invocation of the tasks' experiments, newest first, as flat records.

    Invocations that ``mlflow run`` opened lie in its own experiment; all are searched.
    """
    client = _reachable(uri)
    known = client.search_experiments()
    numbers = [experiment.experiment_id for experiment in known]
    wanted = {experiment.experiment_id for experiment in known if experiment.name in set(tasks)}
    for kind in ("cell", "invocation"):
        for found in _pages(client, numbers, f"tags.`{KIND}` = '{kind}'"):
            if kind == "invocation" or found.info.experiment_id in wanted:
                yield {
                    "status": found.info.status,
                    "started": found.info.start_time,
                    **found.data.params,
                    **found.data.tags,
                    **found.data.metrics,
                }


def _pages(client: MlflowClient, experiments: list[str], query: str) -> Iterator[Run]:
    token: str | None = None
    while True:
        page = client.search_runs(
            experiments, query, max_results=1000, order_by=["start_time DESC"], page_token=token
        )
        yield from page
        token = page.token
        if not token:
            return


@contextmanager
def system_samples() -> Iterator[list[Metric]]:
    """Fills a list with processor, memory and GPU metrics until the block ends."""
    from mlflow.entities import Metric
    from mlflow.system_metrics.metrics.cpu_monitor import CPUMonitor
    from mlflow.system_metrics.metrics.gpu_monitor import GPUMonitor

    monitors: list[Any] = [CPUMonitor()]  # type: ignore[no-untyped-call]
    with suppress(ImportError, RuntimeError):  # no NVIDIA driver
        monitors.append(GPUMonitor())  # type: ignore[no-untyped-call]
    samples: list[Metric] = []
    stop = threading.Event()

    def sample() -> None:
        step = 0
        while not stop.wait(SAMPLE_SECONDS if step else 0.5):
            now = int(time.time() * 1000)
            for monitor in monitors:
                monitor.collect_metrics()
                for name, value in monitor.aggregate_metrics().items():
                    samples.append(Metric(f"system/{name}", value, now, step))
                monitor.clear_metrics()
            step += 1

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield samples
    finally:
        stop.set()
        thread.join()


@cache
def versions() -> str:
    """Python and the libraries that a result depends on."""
    import platform
    from importlib.metadata import version

    names = ("tensorflow", "keras", "numpy", "scikit-learn", "imbalanced-learn", "mlflow")
    return ", ".join(
        [f"python {platform.python_version()}", *(f"{name} {version(name)}" for name in names)]
    )
