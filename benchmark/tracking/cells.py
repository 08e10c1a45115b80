"""The run of a cell, from its start to its completion."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import platform
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmark.protocol.grid import Cell, Conditions, Training
from benchmark.protocol.text import SYNTHETIC
from benchmark.tracking import tags
from benchmark.tracking.history import PREDICTIONS, SECONDS, fail, missing_artifacts
from benchmark.tracking.notes import cell_note
from benchmark.tracking.retry import RetryingClient
from benchmark.tracking.store import Store
from benchmark.tracking.system_metrics import Sample
from benchmark.training import figures
from benchmark.training.predictions import Fit, to_bytes
from benchmark.training.score import Score

BATCH_LIMIT = 1000  # metrics and tags together that MLflow takes in one call


@dataclass(frozen=True)
class CellResult:
    """All that is logged of a cell when it is done."""

    run_id: str
    ended: int  # milliseconds; fixed, so that logging twice writes the same metrics
    fit: Fit
    score: Score
    samples: list[Sample]


def start(store: Store, training: Training, cell: Cell, attempt: int) -> str:
    """Create the run of a cell and return its id."""
    client, conditions = store.client, training.conditions
    created = client.create_run(
        store.experiment,
        run_name=f"{cell.label} · seed {cell.seed}",
        tags={
            **store.tags,
            **tags.fold(_facts(store, training, cell, attempt)),
            tags.NOTE: cell_note(training, cell, store),
        },
    )
    run_id = str(created.info.run_id)
    try:
        client.log_batch(run_id, params=_params(training, cell))
        _log_dataset(client, run_id, conditions)
    except Exception as error:
        fail(store, run_id, str(error))
        raise
    return run_id


def _facts(store: Store, training: Training, cell: Cell, attempt: int) -> dict[str, str]:
    """Return what is known of a cell before it is trained, by tag."""
    conditions = training.conditions
    return {
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
        tags.ATTEMPT: str(attempt),
        tags.SOURCE: conditions.source,
        tags.VERSIONS: versions(),
    }


def _log_dataset(client: RetryingClient, run_id: str, conditions: Conditions) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset(
        name=conditions.task,
        digest=conditions.content,
        source_type="local" if conditions.data else "code",
        source=json.dumps({"uri": conditions.data or conditions.origin}),
    )
    context = InputTag("mlflow.data.context", "training")
    client.log_inputs(run_id, [DatasetInput(dataset, [context])])


def _params(training: Training, cell: Cell) -> list[Any]:
    from mlflow.entities import Param

    conditions = training.conditions
    values: dict[str, Any] = {
        "strategy": cell.label,
        "seed": cell.seed,
        "task": conditions.task,
        "settings": conditions.settings_text,
        "data": conditions.data or SYNTHETIC,
        "steps": conditions.budget.steps,
        "batch": conditions.budget.batch,
    }
    for name, value in dataclasses.asdict(conditions.settings).items():
        values.setdefault(name, value)
    return [Param(key, str(value)) for key, value in values.items()]


def complete(store: Store, result: CellResult) -> None:
    """Log all results of a cell, read them back and mark the run as done.

    Calling it again after a failure writes nothing twice.

    Raises:
        RuntimeError: if the store lost something, or another process ended the run.
    """
    client = store.client
    run_id, fit, score = result.run_id, result.fit, result.score
    final = {
        **score.metrics,  # test/f1 comes first: the compare page opens on the first metric
        **{f"{SECONDS}{stage}": seconds for stage, seconds in fit.seconds.items()},
        "training/rows": fit.trained_rows,
        **({"training/best_step": fit.best_step} if fit.curves else {}),
    }
    content = to_bytes(fit)
    with tempfile.TemporaryDirectory() as folder:
        names = _write_artifacts(Path(folder), content, result, store.drawn)
        client.log_artifacts(run_id, folder)
    facts = {
        tags.PREDICTIONS: hashlib.sha256(content).hexdigest(),
        tags.TEST_ROWS: hashlib.sha256(fit.test.rows.astype("<i8").tobytes()).hexdigest()[:16],
        tags.DEVICE: fit.device,
        tags.XLA: "yes" if fit.compiled else "no",
        tags.COLLAPSED: "yes" if score.collapsed else "no",
        tags.FILES: json.dumps(names),
    }
    _log(client, result, final, facts)
    _read_back(store, run_id, final, names)
    client.set_tag(run_id, tags.DONE, "yes")
    client.set_terminated(run_id, "FINISHED")


def _log(
    client: RetryingClient,
    result: CellResult,
    final: Mapping[str, float],
    facts: dict[str, str],
) -> None:
    """Log final values, curves, system metrics and tags, in as few calls as MLflow allows."""
    from mlflow.entities import Metric, RunTag

    known = dict(client.get_run(result.run_id).data.tags)
    tags.unfold(known)
    metrics = [Metric(key, value, result.ended, 0) for key, value in final.items()]
    for name, curve in result.fit.curves.items():
        metrics += [Metric(name, value, result.ended, step) for step, value in curve]
    metrics += [Metric(*sample) for sample in result.samples]
    details = tags.fold({name: known[name] for name in tags.FOLDED if name in known} | facts)
    written = [RunTag(key, value) for key, value in details.items()]
    for begin in range(0, len(metrics), BATCH_LIMIT - len(written)):
        batch = metrics[begin : begin + BATCH_LIMIT - len(written)]
        client.log_batch(result.run_id, metrics=batch, tags=[] if begin else written)


def _write_artifacts(
    folder: Path, predictions: bytes, result: CellResult, drawn: bool
) -> list[str]:
    """Write predictions, and one figure if wanted, into a folder; return their names in it.

    The report draws the others from the predictions.
    """
    (folder / PREDICTIONS).write_bytes(predictions)
    if not drawn:
        return [PREDICTIONS]
    name, figure = figures.of_run(result.score, result.fit)
    (folder / "figures").mkdir()
    path = folder / "figures" / f"{name}.png"
    figure.savefig(path, dpi=100, pil_kwargs={"compress_level": 1})  # a third of the time
    return [PREDICTIONS, f"figures/{name}.png"]


def _read_back(
    store: Store, run_id: str, expected: Mapping[str, float], names: Sequence[str]
) -> None:
    """Raise RuntimeError unless the store has these metrics and artifacts of a RUNNING run."""
    run = store.client.get_run(run_id)
    wrong = [key for key, value in expected.items() if run.data.metrics.get(key) != value]
    missing = [*wrong, *missing_artifacts(store, run.info.artifact_uri, names)]
    if missing:
        raise RuntimeError(f"the store did not keep {', '.join(missing)} of run {run_id}")
    if run.info.status != "RUNNING":
        raise RuntimeError(f"run {run_id} was ended as {run.info.status} by another process")


@cache
def versions() -> str:
    """Return the versions of Python and of the libraries that a result depends on."""
    names = ("tensorflow", "keras", "numpy", "scikit-learn", "imbalanced-learn", "mlflow")
    return ", ".join(
        [f"python {platform.python_version()}", *(f"{name} {version(name)}" for name in names)]
    )
