"""The run of an invocation: it carries the plan and the leaderboard."""

from __future__ import annotations

import dataclasses
import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.protocol.grid import Plan
from benchmark.tracking import history, lease, tags
from benchmark.tracking.retry import StoreUnavailableError
from benchmark.tracking.store import Record, Store, pages, resolve

if TYPE_CHECKING:
    from matplotlib.figure import Figure


SHORT_PATIENCE = 2.0  # seconds: who stops a benchmark does not want to wait


def begin(store: Store, plan: Plan) -> Store:
    """The run of this invocation: the one that ``mlflow run`` opened, else a new one."""
    return adopt(
        store,
        {
            tags.CONDITIONS: plan.conditions.identity,
            tags.FACTS: json.dumps(plan.conditions.facts()),
            tags.SOURCE: plan.conditions.source,
            **_pieces(json.dumps({"strategies": plan.strategies, "seeds": plan.seeds})),
            "mlflow.runName": f"{plan.conditions.task}: {len(plan.strategies)} strategies, "
            f"{plan.seeds} seed{'s' * (plan.seeds > 1)}",
            tags.KIND: "invocation",
        },
    )


def adopt(store: Store, facts: Mapping[str, str]) -> Store:
    """A run of this process, with these tags: the one that ``mlflow run`` opened, or a new one."""
    from mlflow.entities import RunTag

    client = store.client
    facts = {**facts, **lease.owner()}
    opened = _opened_by_mlflow(store)
    if opened:
        client.log_batch(opened, tags=[RunTag(key, value) for key, value in facts.items()])
        return dataclasses.replace(store, invocation=opened)
    created = client.create_run(store.experiment, tags={**store.tags, **facts})
    return dataclasses.replace(store, invocation=created.info.run_id)


def plan_of(record: Record) -> tuple[list[tuple[str, str, str]], int]:
    """The strategies (text, label, code) and the number of seeds that an invocation planned."""
    pieces: list[str] = []
    while f"{tags.PLAN}.{len(pieces)}" in record.tags:
        pieces.append(record.tags[f"{tags.PLAN}.{len(pieces)}"])
    plan = json.loads("".join(pieces))
    return [(text, label, code) for text, label, code in plan["strategies"]], plan["seeds"]


def _pieces(text: str) -> dict[str, str]:
    starts = range(0, len(text), tags.LIMIT)
    return {
        f"{tags.PLAN}.{number}": text[start : start + tags.LIMIT]
        for number, start in enumerate(starts)
    }


def _opened_by_mlflow(store: Store) -> str:
    """Id of the run that ``mlflow run`` opened in this store, or ""."""
    run_id = os.environ.get("MLFLOW_RUN_ID", "")
    uri = resolve(os.environ.get("MLFLOW_TRACKING_URI", ""))
    return run_id if uri == store.uri else ""


def attach(store: Store, files: Mapping[str, str]) -> None:
    """Logs files (name -> text) on the invocation's run."""
    for name, text in files.items():
        store.client.log_text(store.invocation, text, name)


def describe(store: Store, note: str, files: Mapping[str, str]) -> None:
    """Writes the note (Markdown) on the run and its experiment, and files (name -> text)."""
    client = store.client
    attach(store, files)
    if len(note) > tags.LIMIT:
        note = note[: note.rfind("\n", 0, tags.LIMIT)] + "\n\n(cut here: see the artifacts)"
    client.set_tag(store.invocation, tags.NOTE, note)
    client.set_experiment_tag(store.experiment, tags.NOTE, note)


def end(store: Store, status: str) -> None:
    """Ends the run; one that ``mlflow run`` began is left to it unless it was stopped."""
    if status == "KILLED" or store.invocation != _opened_by_mlflow(store):
        store.client.set_terminated(store.invocation, status)


def withdraw(store: Store) -> None:
    """Ends the run as if it had never been asked for."""
    store.client.delete_tag(store.invocation, tags.KIND)
    end(store, "KILLED")


def end_leftovers(store: Store, status: str, reason: str) -> None:
    """Ends runs of this invocation that are still RUNNING."""
    query = f"tags.`{tags.INVOCATION}` = '{store.invocation}' AND attributes.status = 'RUNNING'"
    for found in list(pages(store.client, [store.experiment], query)):
        history.end_abandoned(store, found, status, reason)


def break_off(store: Store, status: str, reason: str) -> None:
    """Ends all runs of this invocation. A store that does not answer now is not waited for."""
    store.client.patience = SHORT_PATIENCE
    with suppress(StoreUnavailableError):
        end_leftovers(store, status, reason)
        end(store, status)


def note_study(store: Store, name: str, note: str, files: Mapping[str, str]) -> str:
    """A finished run that carries the answer of a study; returns its id."""
    client = store.client
    run_id = begin_other(store, "study", f"study: {name}")
    for path, text in files.items():
        client.log_text(run_id, text, path)
    client.set_tag(run_id, tags.NOTE, note[: tags.LIMIT])
    if run_id != _opened_by_mlflow(store):
        client.set_terminated(run_id, "FINISHED")
    return run_id


def note_figures(
    store: Store, kind: str, name: str, note: str, figures: Mapping[str, Figure]
) -> str:
    """A finished run that carries a page and figures; returns its id."""
    client = store.client
    run_id = begin_other(store, kind, name)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / f"{kind}.md").write_text(note, encoding="utf-8")
        for name, figure in figures.items():
            figure.savefig(Path(folder) / f"{name}.png", dpi=100)
        client.log_artifacts(run_id, folder)
    client.set_tag(run_id, tags.NOTE, note[: tags.LIMIT])
    if run_id != _opened_by_mlflow(store):
        client.set_terminated(run_id, "FINISHED")
    return run_id


def begin_other(store: Store, kind: str, name: str) -> str:
    """The run of what is no benchmark: the one that ``mlflow run`` opened, else a new one."""
    client = store.client
    opened = _opened_by_mlflow(store)
    if opened:
        client.set_tag(opened, tags.KIND, kind)
        return opened
    made = client.create_run(
        store.experiment, tags={**store.tags, tags.KIND: kind, "mlflow.runName": name}
    )
    return str(made.info.run_id)
