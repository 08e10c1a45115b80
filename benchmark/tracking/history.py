"""What a store holds of cells: finished ones, earlier attempts, saved predictions."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse
from urllib.request import url2pathname

from benchmark.protocol.errors import without_passwords
from benchmark.protocol.grid import Conditions, Plan, Training
from benchmark.tracking import tags
from benchmark.tracking.records import Record, read_runs
from benchmark.tracking.store import Store, pages
from benchmark.training.predictions import Fit, from_bytes

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.store.artifact.artifact_repo import ArtifactRepository


PREDICTIONS = "predictions.npz"
SECONDS = "timing/"  # prefix of the metrics that time the stages of a training
ATTEMPTS = 3  # at a training whose worker dies
WORKER_DIED = "its worker died: killed, out of memory, crashed, or hung beyond the time limit"
PARALLEL_LISTINGS = 16  # of the artifacts of different runs
# facts that runs have in common if they differ in code alone; the path of the data does not count
COMPARED_FACTS = ("task", "settings", "source", "content", "steps", "batch", "portion")


@dataclass(frozen=True)
class FinishedCell:
    """What is known of a done cell before others are run."""

    run_id: str
    cell: str  # identity
    strategy: str  # in full
    code: str  # fingerprint of the strategy's own modules
    training_part: str
    seed: int
    seconds: dict[str, float]  # by stage, see ``Fit.seconds``
    lost: tuple[str, ...]  # artifacts that are no longer in the store


def finished_cells(store: Store, conditions: Conditions) -> list[FinishedCell]:
    """Return the cells that are done under these conditions."""
    runs = list(_finished(store.uri, conditions.identity))
    with ThreadPoolExecutor(PARALLEL_LISTINGS) as pool:
        lost = list(pool.map(lambda run: _lost_files(store, run), runs))
    return [_finished_cell(run, names) for run, names in zip(runs, lost, strict=True)]


def is_unfinished(store: Store, plan: Plan) -> bool:
    """Return whether fewer cells are done than a plan has, without a look at their artifacts."""
    done = {
        (run.tags[tags.STRATEGY], run.tags[tags.CODE], int(run.tags[tags.SEED]))
        for run in _finished(store.uri, plan.conditions.identity)
    }
    return any(
        (text, code, seed) not in done
        for (text, _, code), seeds in zip(plan.strategies, plan.seeds, strict=True)
        for seed in range(seeds)
    )


def _finished(uri: str, conditions: str = "") -> Iterator[Record]:
    """Yield the runs that are done, under these conditions or any."""
    return (run for run in read_runs(uri, "cell", conditions) if tags.DONE in run.tags)


def _finished_cell(run: Record, lost: Sequence[str]) -> FinishedCell:
    return FinishedCell(
        run_id=run.run,
        cell=run.tags[tags.CELL],
        strategy=run.tags[tags.STRATEGY],
        code=run.tags[tags.CODE],
        training_part=run.tags[tags.TRAINING_PART],
        seed=int(run.tags[tags.SEED]),
        seconds={
            name.removeprefix(SECONDS): value
            for name, value in run.metrics.items()
            if name.startswith(SECONDS)
        },
        lost=tuple(lost),
    )


def outdated_cells(
    store: Store, plan: Plan, finished: Iterable[FinishedCell]
) -> list[tuple[str, int]]:
    """Return strategy and seed of every finished run of a plan that older code made.

    Such a run agrees with the plan in task, settings, data and budget, but not in the code of
    harness and task (another identity of its conditions) or of the strategy.

    Args:
        finished: the cells that are done under the plan's own conditions.
    """
    codes = {strategy: code for strategy, _, code in plan.strategies}
    outdated = [
        (cell.strategy, cell.seed)
        for cell in finished
        if codes.get(cell.strategy, cell.code) != cell.code
    ]
    compared = _compared(plan.conditions.facts())
    for run in _finished(store.uri):
        strategy, other = run.tags[tags.STRATEGY], run.conditions != plan.conditions.identity
        if other and strategy in codes and _compared(run.facts) == compared:
            outdated.append((strategy, int(run.tags[tags.SEED])))
    seeds = {text: n for (text, _, _), n in zip(plan.strategies, plan.seeds, strict=True)}
    return [(strategy, seed) for strategy, seed in outdated if seed < seeds.get(strategy, 0)]


def _compared(facts: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(facts.get(name)) for name in COMPARED_FACTS)


def fail_damaged(store: Store, cells: Iterable[FinishedCell]) -> list[FinishedCell]:
    """Fail the cells whose artifacts are lost, so that they are run again; return them."""
    damaged = [cell for cell in cells if cell.lost]
    for cell in damaged:
        store.client.delete_tag(cell.run_id, tags.DONE)
        fail(store, cell.run_id, f"the store has lost its {', '.join(cell.lost)}")
    return damaged


def _lost_files(store: Store, run: Record) -> list[str]:
    names = json.loads(run.tags.get(tags.FILES, f'["{PREDICTIONS}"]'))
    return missing_artifacts(store, run.artifacts, names)


def missing_artifacts(store: Store, artifacts: str, names: Iterable[str]) -> list[str]:
    """Return those of the names that are no files at this address of a run."""

    def listed() -> set[str]:
        repository = _files(store.uri, artifacts)
        folders = {name.rpartition("/")[0] for name in names}
        return {
            item.path for folder in folders for item in repository.list_artifacts(folder or None)
        }

    present = store.client.retry(listed)
    return [name for name in names if name not in present]


def _files(uri: str, artifacts: str) -> ArtifactRepository:
    """Return a run's files; MLflow's client would fetch the run again, 14 times as slow."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    return get_artifact_repository(artifacts, uri)


@dataclass(frozen=True)
class TrainingHistory:
    """Earlier runs of a training."""

    done: frozenset[str]  # identities of its cells
    attempts: int  # of this invocation
    reason: str  # why the last attempt failed


def training_history(store: Store, training: Training) -> TrainingHistory:
    """Look up a training; end the runs that a dead worker left of it."""
    query = f"tags.`{tags.TRAINING}` = '{training.identity}'"
    runs = list(pages(store.client, [store.experiment], query))
    done = frozenset(run.data.tags[tags.CELL] for run in runs if tags.DONE in run.data.tags)
    current = [run for run in runs if run.data.tags[tags.INVOCATION] == store.invocation]
    attempts = max((int(run.data.tags[tags.ATTEMPT]) for run in current), default=0)
    reason = ""
    for run in current:
        if run.data.tags[tags.ATTEMPT] != str(attempts):
            continue
        reason = run.data.tags.get(tags.ERROR, "") or reason
        if run.info.status == "RUNNING":
            reason = WORKER_DIED + attempt_text(attempts)
            end_abandoned(store, run, "FAILED" if attempts == ATTEMPTS else "KILLED", reason)
    return TrainingHistory(done, attempts, reason)


def attempt_text(attempt: int) -> str:
    """Format the attempt for the end of a reason."""
    return f" (attempt {attempt} of {ATTEMPTS})"


def earlier_fit(store: Store, training: Training) -> Fit | None:
    """Return the fit of a done cell that shares the training; None if there is none left."""
    query = f"tags.`{tags.TRAINING}` = '{training.identity}' AND tags.`{tags.DONE}` = 'yes'"
    run = next(pages(store.client, [store.experiment], query), None)
    if run is None:
        return None
    return read_fit(store.uri, run.info.artifact_uri, run.data.tags.get(tags.PREDICTIONS, ""))


def read_fit(uri: str, artifacts: str, digest: str) -> Fit | None:
    """Return the fit that a run saved; None if it is lost, or not what was written.

    Args:
        uri: address of the store.
        artifacts: address of the run's files.
        digest: SHA-256 of the file, from the run's tag PREDICTIONS.
    """
    try:
        content = _content(uri, artifacts)
        if hashlib.sha256(content).hexdigest() != digest:
            return None  # the file was replaced, perhaps by a link
        return from_bytes(content)
    except Exception:  # whatever a store raises: what cannot be read is as good as lost
        return None


def _content(uri: str, artifacts: str) -> bytes:
    """Return the bytes of a run's predictions; on this machine they are read where they lie."""
    place = urlparse(artifacts)
    if place.scheme == "file":
        path = Path(url2pathname(place.path), PREDICTIONS)
        if path.is_symlink():
            raise OSError(f"{path} is a link")
        return path.read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        files = _files(uri, artifacts)
        fetched: str = files.download_artifacts(PREDICTIONS, folder)  # type: ignore[no-untyped-call]
        return Path(fetched).read_bytes()


def fail(store: Store, run_id: str, reason: str, status: str = "FAILED") -> None:
    """End a run without results, with the reason on it."""
    client = store.client
    client.set_tag(run_id, tags.ERROR, without_passwords(reason)[: tags.LIMIT])
    client.set_terminated(run_id, status)


def end_abandoned(store: Store, run: Run, status: str, reason: str) -> None:
    """End a run that was left RUNNING: FINISHED if it is complete, else with this status."""
    if tags.DONE in run.data.tags:
        store.client.set_terminated(run.info.run_id, "FINISHED")
    else:
        fail(store, run.info.run_id, reason, status)
