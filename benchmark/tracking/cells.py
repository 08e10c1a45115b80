"""The run of a cell, from its start to its completion."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import platform
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark import fits, run
from benchmark.errors import without_passwords
from benchmark.plan import Cell, Conditions, Training
from benchmark.report import figures, notes
from benchmark.tracking import tags
from benchmark.tracking.store import Store, client_of, pages

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

PREDICTIONS = "predictions.npz"
SECONDS = "seconds/"  # of a stage of the training that a cell shares
BATCH_LIMIT = 1000  # metrics that MLflow takes in one call


@dataclass(frozen=True)
class Finished:
    """What there is to know of a done cell before others are run."""

    cell: str  # identity
    training_part: str
    seed: int
    seconds: dict[str, float]  # by stage, see ``Fit.seconds``


def finished(store: Store, conditions: Conditions) -> list[Finished]:
    """The cells that are done under these conditions."""
    query = f"tags.`{tags.CONDITIONS}` = '{conditions.identity}' AND tags.`{tags.DONE}` = 'yes'"
    return [
        Finished(
            found.data.tags[tags.CELL],
            found.data.tags[tags.TRAINING_PART],
            int(found.data.tags[tags.SEED]),
            {
                name.removeprefix(SECONDS): value
                for name, value in found.data.metrics.items()
                if name.startswith(SECONDS)
            },
        )
        for found in pages(client_of(store.uri), [store.experiment], query)
    ]


def is_done(store: Store, cell: Cell) -> bool:
    """Whether a run of this cell carries the completion tag."""
    query = f"tags.`{tags.CELL}` = '{cell.identity}' AND tags.`{tags.DONE}` = 'yes'"
    return next(pages(client_of(store.uri), [store.experiment], query), None) is not None


def earlier_fit(store: Store, training: Training) -> fits.Fit | None:
    """The fit of a done cell that shares the training; None if its predictions are lost."""
    query = f"tags.`{tags.TRAINING}` = '{training.identity}' AND tags.`{tags.DONE}` = 'yes'"
    found = next(pages(client_of(store.uri), [store.experiment], query), None)
    if found is None:
        return None
    return read_fit(store.uri, found.info.run_id, found.data.tags.get(tags.PREDICTIONS, ""))


def read_fit(uri: str, run_id: str, digest: str) -> fits.Fit | None:
    """The fit that a run kept; None if it is lost, or not what was written.

    Args:
        digest: SHA-256 of the file, as the run's tag PREDICTIONS says.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            path = client_of(uri).download_artifacts(run_id, PREDICTIONS, folder)
            content = Path(path).read_bytes()
            if hashlib.sha256(content).hexdigest() != digest:
                return None  # another file was put in its place, or a link
            return fits.from_bytes(content)
        except Exception:  # whatever a store raises: what cannot be read is as good as lost
            return None


def start(store: Store, training: Training, cell: Cell) -> str:
    """Creates the run of a cell and returns its id."""
    client, conditions = client_of(store.uri), training.conditions
    created = client.create_run(
        store.experiment,
        run_name=f"{cell.label} · seed {cell.seed}",
        tags={
            **store.tags,
            tags.KIND: "cell",
            tags.FACTS: json.dumps(conditions.facts()),
            tags.LABEL: cell.label,
            tags.CODE: cell.code,
            tags.SEED: str(cell.seed),
            tags.CELL: cell.identity,
            tags.STRATEGY: cell.strategy,
            tags.TRAINING_PART: training.strategy,
            tags.TRAINING: training.identity,
            tags.CONDITIONS: conditions.identity,
            tags.INVOCATION: store.invocation,
            tags.SOURCE: conditions.source,
            tags.VERSIONS: versions(),
            tags.NOTE: notes.of_cell(training, cell),
        },
    )
    run_id = str(created.info.run_id)
    try:
        client.log_batch(run_id, params=_params(training, cell))
        _log_data(client, run_id, conditions)
    except Exception as error:
        fail(store, run_id, str(error))
        raise
    return run_id


def _log_data(client: MlflowClient, run_id: str, conditions: Conditions) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag
    from mlflow.exceptions import MlflowException

    data = Dataset(
        name=conditions.task,
        digest=conditions.content,
        source_type="local" if conditions.data else "code",
        source=json.dumps({"uri": conditions.data or conditions.origin}),
    )
    inputs = [DatasetInput(data, [InputTag("mlflow.data.context", "training")])]
    try:
        client.log_inputs(run_id, inputs)
    except MlflowException:  # another worker wrote the same data at the same moment
        client.log_inputs(run_id, inputs)


def _params(training: Training, cell: Cell) -> list[Any]:
    from mlflow.entities import Param

    conditions = training.conditions
    values: dict[str, Any] = {
        "strategy": cell.label,
        "seed": cell.seed,
        "task": conditions.task,
        "settings": conditions.settings_text,
        "data": conditions.data or "stand-in",
        "steps": conditions.budget.steps,
        "batch": conditions.budget.batch,
    }
    for name, value in dataclasses.asdict(conditions.settings).items():
        values.setdefault(name, value)
    return [Param(key, str(value)) for key, value in values.items()]


def complete(
    store: Store,
    run_id: str,
    fit: fits.Fit,
    score: run.Score,
    samples: list[Metric],
) -> None:
    """Logs all of a cell's results, reads them back and marks the run as done."""
    from mlflow.entities import Metric, RunTag

    client = client_of(store.uri)
    now = int(time.time() * 1000)
    final = {
        **score.metrics,  # test/f1 comes first: the compare page opens on the first metric
        **{f"{SECONDS}{stage}": seconds for stage, seconds in fit.seconds.items()},
        "training/rows": fit.trained_rows,
        "training/best_step": fit.best_step,
    }
    metrics = [Metric(key, value, now, 0) for key, value in final.items()]
    for name, curve in fit.curves.items():
        metrics += [Metric(name, value, now, step) for step, value in curve]
    metrics += samples
    for begin in range(0, len(metrics), BATCH_LIMIT):
        client.log_batch(run_id, metrics=metrics[begin : begin + BATCH_LIMIT])
    predictions = fits.to_bytes(fit)
    facts = {
        tags.PREDICTIONS: hashlib.sha256(predictions).hexdigest(),
        tags.DEVICE: fit.device,
        tags.XLA: "yes" if fit.compiled else "no",
        tags.COLLAPSED: "yes" if score.collapsed else "no",
    }
    client.log_batch(run_id, tags=[RunTag(key, value) for key, value in facts.items()])
    with tempfile.TemporaryDirectory() as folder:
        names = _write_artifacts(Path(folder), predictions, fit, score)
        client.log_artifacts(run_id, folder)
    _read_back(client, run_id, final, names)
    client.set_terminated(run_id, "FINISHED")
    client.set_tag(run_id, tags.DONE, "yes")


def _write_artifacts(
    folder: Path, predictions: bytes, fit: fits.Fit, score: run.Score
) -> list[str]:
    (folder / PREDICTIONS).write_bytes(predictions)
    drawn = figures.of_cell(fit.curves, score.labels, score.probabilities, score.decisions)
    (folder / "figures").mkdir()
    for name, figure in drawn.items():
        path = folder / "figures" / f"{name}.png"
        figure.savefig(path, dpi=100, pil_kwargs={"compress_level": 1})  # a third of the time
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
    client = client_of(store.uri)
    client.set_tag(run_id, tags.ERROR, without_passwords(reason)[: tags.LIMIT])
    client.set_terminated(run_id, status)


@cache
def versions() -> str:
    """Python and the libraries that a result depends on."""
    names = ("tensorflow", "keras", "numpy", "scikit-learn", "imbalanced-learn", "mlflow")
    return ", ".join(
        [f"python {platform.python_version()}", *(f"{name} {version(name)}" for name in names)]
    )
