"""The run of a cell, from its start to its completion."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import platform
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
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
from benchmark.tracking.patience import Patient
from benchmark.tracking.store import Store, bare_client, client_of, pages

if TYPE_CHECKING:
    from mlflow.entities import Metric, Run

PREDICTIONS = "predictions.npz"
SECONDS = "seconds/"  # of a stage of the training that a cell shares
BATCH_LIMIT = 1000  # metrics that MLflow takes in one call
ATTEMPTS = 3  # at a training whose worker dies
LOST = "its worker died: killed, out of memory, crashed, or hung beyond the time limit"
LOOKS_AT_ONCE = 16  # at the artifacts of different runs


@dataclass(frozen=True)
class Finished:
    """What there is to know of a done cell before others are run."""

    run_id: str
    cell: str  # identity
    training_part: str
    seed: int
    seconds: dict[str, float]  # by stage, see ``Fit.seconds``
    lost: tuple[str, ...]  # artifacts that it should have and has not


@dataclass(frozen=True)
class Result:
    """All that is logged of a cell when it is done."""

    run_id: str
    ended: int  # milliseconds; the same however often it is logged, so that nothing is there twice
    fit: fits.Fit
    score: run.Score
    samples: list[Metric]


def finished(store: Store, conditions: Conditions) -> list[Finished]:
    """The cells that are done under these conditions."""
    query = f"tags.`{tags.CONDITIONS}` = '{conditions.identity}' AND tags.`{tags.DONE}` = 'yes'"
    done = list(pages(client_of(store.uri, store.invocation), [store.experiment], query))
    with ThreadPoolExecutor(LOOKS_AT_ONCE) as pool:
        lost = list(pool.map(lambda found: _lost_files(store, found), done))
    return [
        Finished(
            found.info.run_id,
            found.data.tags[tags.CELL],
            found.data.tags[tags.TRAINING_PART],
            int(found.data.tags[tags.SEED]),
            {
                name.removeprefix(SECONDS): value
                for name, value in found.data.metrics.items()
                if name.startswith(SECONDS)
            },
            tuple(names),
        )
        for found, names in zip(done, lost, strict=True)
    ]


def fail_damaged(store: Store, done: Iterable[Finished]) -> list[Finished]:
    """Fails those whose artifacts are lost, so that they count no more; returns them."""
    damaged = [one for one in done if one.lost]
    for one in damaged:
        client_of(store.uri, store.invocation).delete_tag(one.run_id, tags.DONE)
        fail(store, one.run_id, f"the store has lost its {', '.join(one.lost)}")
    return damaged


def _lost_files(store: Store, found: Run) -> list[str]:
    names = json.loads(found.data.tags.get(tags.FILES, f'["{PREDICTIONS}"]'))
    return _absent(store, found, names)


def _absent(store: Store, found: Run, names: Iterable[str]) -> list[str]:
    """Those of the names that are no artifacts of the run."""
    from mlflow.store.artifact import artifact_repository_registry as repositories

    def listed() -> set[str]:
        # the client would ask for the run again before it lists
        where = repositories.get_artifact_repository(found.info.artifact_uri, store.uri)
        folders = {name.rpartition("/")[0] for name in names}
        return {item.path for folder in folders for item in where.list_artifacts(folder or None)}

    there = client_of(store.uri, store.invocation).repeated(listed)
    return [name for name in names if name not in there]


@dataclass(frozen=True)
class Past:
    """What was made of a training before."""

    done: frozenset[str]  # identities of its cells
    attempts: int  # of this invocation
    reason: str  # why the last of them came to nothing


def past(store: Store, training: Training) -> Past:
    """Looks up a training; ends the runs that a dead worker left of it."""
    client = client_of(store.uri, store.invocation)
    query = f"tags.`{tags.TRAINING}` = '{training.identity}'"
    found = list(pages(client, [store.experiment], query))
    done = frozenset(one.data.tags[tags.CELL] for one in found if tags.DONE in one.data.tags)
    mine = [one for one in found if one.data.tags[tags.INVOCATION] == store.invocation]
    attempts = max((int(one.data.tags[tags.ATTEMPT]) for one in mine), default=0)
    reason = ""
    for one in mine:
        if one.data.tags[tags.ATTEMPT] != str(attempts):
            continue
        reason = one.data.tags.get(tags.ERROR, "") or reason
        if one.info.status == "RUNNING":
            reason = LOST + of_attempts(attempts)
            end_left(store, one, "FAILED" if attempts == ATTEMPTS else "KILLED", reason)
    return Past(done, attempts, reason)


def of_attempts(attempt: int) -> str:
    """Says in a reason which attempt it was."""
    return f" (attempt {attempt} of {ATTEMPTS})"


def earlier_fit(store: Store, training: Training) -> fits.Fit | None:
    """The fit of a done cell that shares the training; None if its predictions are lost."""
    client = client_of(store.uri, store.invocation)
    query = f"tags.`{tags.TRAINING}` = '{training.identity}' AND tags.`{tags.DONE}` = 'yes'"
    found = next(pages(client, [store.experiment], query), None)
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
            path = bare_client(uri).download_artifacts(run_id, PREDICTIONS, folder)
            content = Path(path).read_bytes()
            if hashlib.sha256(content).hexdigest() != digest:
                return None  # another file was put in its place, or a link
            return fits.from_bytes(content)
        except Exception:  # whatever a store raises: what cannot be read is as good as lost
            return None


def start(store: Store, training: Training, cell: Cell, attempt: int) -> str:
    """Creates the run of a cell and returns its id."""
    client, conditions = client_of(store.uri, store.invocation), training.conditions
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
            tags.ATTEMPT: str(attempt),
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


def _log_data(client: Patient, run_id: str, conditions: Conditions) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    data = Dataset(
        name=conditions.task,
        digest=conditions.content,
        source_type="local" if conditions.data else "code",
        source=json.dumps({"uri": conditions.data or conditions.origin}),
    )
    client.log_inputs(run_id, [DatasetInput(data, [InputTag("mlflow.data.context", "training")])])


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


def complete(store: Store, result: Result) -> None:
    """Logs all of a cell's results, reads them back and marks the run as done."""
    from mlflow.entities import Metric, RunTag

    client = client_of(store.uri, store.invocation)
    run_id, fit, score = result.run_id, result.fit, result.score
    final = {
        **score.metrics,  # test/f1 comes first: the compare page opens on the first metric
        **{f"{SECONDS}{stage}": seconds for stage, seconds in fit.seconds.items()},
        "training/rows": fit.trained_rows,
        **({"training/best_step": fit.best_step} if fit.curves else {}),
    }
    metrics = [Metric(key, value, result.ended, 0) for key, value in final.items()]
    for name, curve in fit.curves.items():
        metrics += [Metric(name, value, result.ended, step) for step, value in curve]
    metrics += result.samples
    for begin in range(0, len(metrics), BATCH_LIMIT):
        client.log_batch(run_id, metrics=metrics[begin : begin + BATCH_LIMIT])
    predictions = fits.to_bytes(fit)
    with tempfile.TemporaryDirectory() as folder:
        names = _write_artifacts(Path(folder), predictions, fit, score)
        client.log_artifacts(run_id, folder)
    facts = {
        tags.PREDICTIONS: hashlib.sha256(predictions).hexdigest(),
        tags.TEST_ROWS: hashlib.sha256(fit.test.rows.astype("<i8").tobytes()).hexdigest()[:16],
        tags.DEVICE: fit.device,
        tags.XLA: "yes" if fit.compiled else "no",
        tags.COLLAPSED: "yes" if score.collapsed else "no",
        tags.FILES: json.dumps(names),
    }
    client.log_batch(run_id, tags=[RunTag(key, value) for key, value in facts.items()])
    _read_back(store, run_id, final, names)
    client.set_tag(run_id, tags.DONE, "yes")
    client.set_terminated(run_id, "FINISHED")


def _write_artifacts(
    folder: Path, predictions: bytes, fit: fits.Fit, score: run.Score
) -> list[str]:
    (folder / PREDICTIONS).write_bytes(predictions)
    drawn = figures.of_cell(fit.curves, score.labels, score.logits, score.decisions, fit.class_rows)
    (folder / "figures").mkdir()
    for name, figure in drawn.items():
        path = folder / "figures" / f"{name}.png"
        figure.savefig(path, dpi=100, pil_kwargs={"compress_level": 1})  # a third of the time
    return [PREDICTIONS, *(f"figures/{name}.png" for name in drawn)]


def _read_back(
    store: Store, run_id: str, expected: Mapping[str, float], names: Sequence[str]
) -> None:
    found = client_of(store.uri, store.invocation).get_run(run_id)
    wrong = [key for key, value in expected.items() if found.data.metrics.get(key) != value]
    missing = [*wrong, *_absent(store, found, names)]
    if missing:
        raise RuntimeError(f"the store did not keep {', '.join(missing)} of run {run_id}")
    if found.info.status != "RUNNING":
        raise RuntimeError(f"run {run_id} was ended as {found.info.status} by another process")


def fail(store: Store, run_id: str, reason: str, status: str = "FAILED") -> None:
    """Ends a run without results, with the reason on it."""
    client = client_of(store.uri, store.invocation)
    client.set_tag(run_id, tags.ERROR, without_passwords(reason)[: tags.LIMIT])
    client.set_terminated(run_id, status)


def end_left(store: Store, found: Run, status: str, reason: str) -> None:
    """Ends a run that was left RUNNING; one that was complete but for that is finished."""
    if tags.DONE in found.data.tags:
        client_of(store.uri, store.invocation).set_terminated(found.info.run_id, "FINISHED")
    else:
        fail(store, found.info.run_id, reason, status)


@cache
def versions() -> str:
    """Python and the libraries that a result depends on."""
    names = ("tensorflow", "keras", "numpy", "scikit-learn", "imbalanced-learn", "mlflow")
    return ", ".join(
        [f"python {platform.python_version()}", *(f"{name} {version(name)}" for name in names)]
    )
