"""What a store holds of cells: finished ones, earlier attempts, kept predictions."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.protocol.errors import without_passwords
from benchmark.protocol.grid import Conditions, Training
from benchmark.tracking import tags
from benchmark.tracking.store import Store, bare_client, pages
from benchmark.training import predictions

if TYPE_CHECKING:
    from mlflow.entities import Run


PREDICTIONS = "predictions.npz"
SECONDS = "seconds/"  # of a stage of the training that a cell shares
ATTEMPTS = 3  # at a training whose worker dies
WORKER_DIED = "its worker died: killed, out of memory, crashed, or hung beyond the time limit"
LOOKS_AT_ONCE = 16  # at the artifacts of different runs


@dataclass(frozen=True)
class FinishedCell:
    """What there is to know of a done cell before others are run."""

    run_id: str
    cell: str  # identity
    training_part: str
    seed: int
    seconds: dict[str, float]  # by stage, see ``Fit.seconds``
    lost: tuple[str, ...]  # artifacts that it should have and has not


def finished_cells(store: Store, conditions: Conditions) -> list[FinishedCell]:
    """The cells that are done under these conditions."""
    query = f"tags.`{tags.CONDITIONS}` = '{conditions.identity}' AND tags.`{tags.DONE}` = 'yes'"
    done = list(pages(store.client, [store.experiment], query))
    with ThreadPoolExecutor(LOOKS_AT_ONCE) as pool:
        lost = list(pool.map(lambda found: _lost_files(store, found), done))
    return [
        FinishedCell(
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


def fail_damaged(store: Store, done: Iterable[FinishedCell]) -> list[FinishedCell]:
    """Fails those whose artifacts are lost, so that they count no more; returns them."""
    damaged = [one for one in done if one.lost]
    for one in damaged:
        store.client.delete_tag(one.run_id, tags.DONE)
        fail(store, one.run_id, f"the store has lost its {', '.join(one.lost)}")
    return damaged


def _lost_files(store: Store, found: Run) -> list[str]:
    names = json.loads(found.data.tags.get(tags.FILES, f'["{PREDICTIONS}"]'))
    return absent_artifacts(store, found, names)


def absent_artifacts(store: Store, found: Run, names: Iterable[str]) -> list[str]:
    """Those of the names that are no artifacts of the run."""
    from mlflow.store.artifact import artifact_repository_registry as repositories

    def listed() -> set[str]:
        # the client would ask for the run again before it lists
        where = repositories.get_artifact_repository(found.info.artifact_uri, store.uri)
        folders = {name.rpartition("/")[0] for name in names}
        return {item.path for folder in folders for item in where.list_artifacts(folder or None)}

    there = store.client.repeated(listed)
    return [name for name in names if name not in there]


@dataclass(frozen=True)
class TrainingHistory:
    """What was made of a training before."""

    done: frozenset[str]  # identities of its cells
    attempts: int  # of this invocation
    reason: str  # why the last of them came to nothing


def training_history(store: Store, training: Training) -> TrainingHistory:
    """Looks up a training; ends the runs that a dead worker left of it."""
    client = store.client
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
            reason = WORKER_DIED + attempt_text(attempts)
            end_abandoned(store, one, "FAILED" if attempts == ATTEMPTS else "KILLED", reason)
    return TrainingHistory(done, attempts, reason)


def attempt_text(attempt: int) -> str:
    """Says in a reason which attempt it was."""
    return f" (attempt {attempt} of {ATTEMPTS})"


def earlier_fit(store: Store, training: Training) -> predictions.Fit | None:
    """The fit of a done cell that shares the training; None if its predictions are lost."""
    client = store.client
    query = f"tags.`{tags.TRAINING}` = '{training.identity}' AND tags.`{tags.DONE}` = 'yes'"
    found = next(pages(client, [store.experiment], query), None)
    if found is None:
        return None
    return read_fit(store.uri, found.info.run_id, found.data.tags.get(tags.PREDICTIONS, ""))


def read_fit(uri: str, run_id: str, digest: str) -> predictions.Fit | None:
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
            return predictions.from_bytes(content)
        except Exception:  # whatever a store raises: what cannot be read is as good as lost
            return None


def fail(store: Store, run_id: str, reason: str, status: str = "FAILED") -> None:
    """Ends a run without results, with the reason on it."""
    client = store.client
    client.set_tag(run_id, tags.ERROR, without_passwords(reason)[: tags.LIMIT])
    client.set_terminated(run_id, status)


def end_abandoned(store: Store, found: Run, status: str, reason: str) -> None:
    """Ends a run that was left RUNNING; one that was complete but for that is finished."""
    if tags.DONE in found.data.tags:
        store.client.set_terminated(found.info.run_id, "FINISHED")
    else:
        fail(store, found.info.run_id, reason, status)
