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
from benchmark.protocol.text import seeds, strategies
from benchmark.tracking import tags
from benchmark.tracking.history import end_abandoned
from benchmark.tracking.lease import owner_tags
from benchmark.tracking.records import Record
from benchmark.tracking.retry import StoreUnavailableError
from benchmark.tracking.store import Store, pages, resolve

if TYPE_CHECKING:
    from matplotlib.figure import Figure


SHORT_PATIENCE = 2.0  # seconds: a user who stops a benchmark does not want to wait


def start_invocation(store: Store, plan: Plan) -> Store:
    """Start the run of this invocation, which carries its plan; return the store with its id."""
    return start_owned_run(store, tags_of(plan))


def tags_of(plan: Plan) -> dict[str, str]:
    """Return the tags of a run that carries a plan."""
    return {
        tags.CONDITIONS: plan.conditions.identity,
        tags.FACTS: json.dumps(plan.conditions.facts()),
        tags.SOURCE: plan.conditions.source,
        **_plan_tags(plan),
        "mlflow.runName": f"{plan.conditions.task}: {strategies(len(plan.strategies))}, "
        f"{seeds(plan.most)}",
        tags.KIND: "invocation",
    }


def start_owned_run(store: Store, facts: Mapping[str, str]) -> Store:
    """Start a run that names this process as its owner; return the store with its id.

    It is the run that ``mlflow run`` opened, if it did, else a new one.

    Args:
        facts: its tags.
    """
    from mlflow.entities import RunTag

    client = store.client
    facts = {**facts, **owner_tags()}
    opened = _opened_by_mlflow(store)
    if opened:
        client.log_batch(opened, tags=[RunTag(key, value) for key, value in facts.items()])
        return dataclasses.replace(store, invocation=opened)
    created = client.create_run(store.experiment, tags={**store.tags, **facts})
    return dataclasses.replace(store, invocation=created.info.run_id)


def start_run(store: Store, kind: str, name: str) -> str:
    """Start a run without an owner, such as a study's or an export's; return its id.

    It is the run that ``mlflow run`` opened, if it did, else a new one.
    """
    client = store.client
    opened = _opened_by_mlflow(store)
    if opened:
        client.set_tag(opened, tags.KIND, kind)
        return opened
    created = client.create_run(
        store.experiment, tags={**store.tags, tags.KIND: kind, "mlflow.runName": name}
    )
    return str(created.info.run_id)


def replan(store: Store, plan: Plan) -> None:
    """Replace the plan of the invocation by one that goes further."""
    from mlflow.entities import RunTag

    pieces = [RunTag(name, value) for name, value in _plan_tags(plan).items()]
    store.client.log_batch(store.invocation, tags=pieces)


@dataclasses.dataclass(frozen=True)
class Planned:
    """What an invocation planned, as its run says.

    Attributes:
        strategies: (text, label, code) of each.
        seeds: number of seeds of each.
        race: whether seeds were added look by look.
    """

    strategies: list[tuple[str, str, str]]
    seeds: list[int]
    race: bool


def plan_of(record: Record) -> Planned:
    """Return the plan of an invocation."""
    pieces: list[str] = []
    while f"{tags.PLAN}.{len(pieces)}" in record.tags:
        pieces.append(record.tags[f"{tags.PLAN}.{len(pieces)}"])
    plan = json.loads("".join(pieces))
    strategies = [(text, label, code) for text, label, code in plan["strategies"]]
    seeds = plan["seeds"]  # one number for all in stores of version 0.1
    of_each = [seeds] * len(strategies) if isinstance(seeds, int) else seeds
    return Planned(strategies, of_each, plan.get("race", False))


def _plan_tags(plan: Plan) -> dict[str, str]:
    return _pieces(
        json.dumps({"strategies": plan.strategies, "seeds": plan.seeds, "race": plan.race})
    )


def _pieces(text: str) -> dict[str, str]:
    starts = range(0, len(text), tags.LIMIT)
    return {
        f"{tags.PLAN}.{number}": text[start : start + tags.LIMIT]
        for number, start in enumerate(starts)
    }


def _opened_by_mlflow(store: Store) -> str:
    """Return the id of the run that ``mlflow run`` opened in this store, or ""."""
    run_id = os.environ.get("MLFLOW_RUN_ID", "")
    uri = resolve(os.environ.get("MLFLOW_TRACKING_URI", ""))
    return run_id if uri == store.uri else ""


def log_texts(store: Store, files: Mapping[str, str]) -> None:
    """Log files (name -> text) on the invocation's run."""
    for name, text in files.items():
        store.client.log_text(store.invocation, text, name)


def describe(store: Store, note: str, files: Mapping[str, str]) -> None:
    """Write the note (Markdown) on the run and its experiment, and files (name -> text)."""
    client = store.client
    log_texts(store, files)
    if len(note) > tags.LIMIT:
        note = note[: note.rfind("\n", 0, tags.LIMIT)] + "\n\n(shortened: see the artifacts)"
    client.set_tag(store.invocation, tags.NOTE, note)
    client.set_experiment_tag(store.experiment, tags.NOTE, note)


def end(store: Store, status: str) -> None:
    """End the run; one that ``mlflow run`` opened is left to it unless it was stopped."""
    if status == "KILLED" or store.invocation != _opened_by_mlflow(store):
        store.client.set_terminated(store.invocation, status)


def cancel(store: Store) -> None:
    """End the run as if it had never been asked for."""
    store.client.delete_tag(store.invocation, tags.KIND)
    end(store, "KILLED")


def end_unfinished(store: Store, status: str, reason: str) -> None:
    """End runs of this invocation that are still RUNNING, in any experiment."""
    experiments = [experiment.experiment_id for experiment in store.client.search_experiments()]
    query = f"tags.`{tags.INVOCATION}` = '{store.invocation}' AND attributes.status = 'RUNNING'"
    for run in list(pages(store.client, experiments, query)):
        end_abandoned(store, run, status, reason)


def abort(store: Store, status: str, reason: str) -> None:
    """End all runs of this invocation, without waiting for a store that does not answer."""
    store.client.patience = SHORT_PATIENCE
    with suppress(StoreUnavailableError):
        end_unfinished(store, status, reason)
        end(store, status)


def log_study(store: Store, name: str, note: str, files: Mapping[str, str]) -> str:
    """Log the answer of a study as a finished run; return its id."""
    run_id = start_run(store, "study", f"study: {name}")
    for path, text in files.items():
        store.client.log_text(run_id, text, path)
    _finish(store, run_id, note)
    return run_id


def log_figures(
    store: Store, kind: str, name: str, note: str, figures: Mapping[str, Figure]
) -> str:
    """Log a page and figures (name -> figure) as a finished run; return its id."""
    run_id = start_run(store, kind, name)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / f"{kind}.md").write_text(note, encoding="utf-8")
        for title, figure in figures.items():
            figure.savefig(Path(folder) / f"{title}.png", dpi=100)
        store.client.log_artifacts(run_id, folder)
    _finish(store, run_id, note)
    return run_id


def _finish(store: Store, run_id: str, note: str) -> None:
    store.client.set_tag(run_id, tags.NOTE, note[: tags.LIMIT])
    if run_id != _opened_by_mlflow(store):
        store.client.set_terminated(run_id, "FINISHED")
