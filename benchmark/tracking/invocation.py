"""The run of an invocation: it carries the plan and the leaderboard."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from typing import Any

from benchmark.plan import Conditions
from benchmark.tracking import cells, tags
from benchmark.tracking.store import Store, client_of, pages, resolve


def begin(store: Store, conditions: Conditions, plan: Mapping[str, Any]) -> Store:
    """The run of this invocation: the one that ``mlflow run`` opened, else a new one.

    `plan` has "strategies", a list of texts in full, and "seeds", their number.
    """
    client = client_of(store.uri)
    facts = {
        tags.KIND: "invocation",
        tags.CONDITIONS: conditions.identity,
        tags.PLAN: json.dumps(plan),
        tags.SOURCE: conditions.source,
        "mlflow.runName": f"{len(plan['strategies'])} strategies x {plan['seeds']} seeds",
    }
    opened = _opened_by_mlflow(store)
    if opened:
        for key, value in facts.items():
            client.set_tag(opened, key, value)
        return dataclasses.replace(store, invocation=opened)
    created = client.create_run(store.experiment, tags={**store.tags, **facts})
    return dataclasses.replace(store, invocation=created.info.run_id)


def _opened_by_mlflow(store: Store) -> str:
    """Id of the run that ``mlflow run`` opened in this store, or ""."""
    run_id = os.environ.get("MLFLOW_RUN_ID", "")
    uri = resolve(os.environ.get("MLFLOW_TRACKING_URI", ""))
    return run_id if uri == store.uri else ""


def end(store: Store, status: str, texts: Mapping[str, str], note: str) -> None:
    """Logs files (name -> text) and the note, and ends the run if we began it."""
    client = client_of(store.uri)
    for name, text in texts.items():
        client.log_text(store.invocation, text, name)
    client.set_tag(store.invocation, tags.NOTE, note)
    client.set_experiment_tag(store.experiment, tags.NOTE, note)
    if store.invocation != _opened_by_mlflow(store):
        client.set_terminated(store.invocation, status)


def end_leftovers(store: Store, status: str, reason: str) -> int:
    """Ends runs of this invocation that are still RUNNING; returns how many."""
    client = client_of(store.uri)
    query = f"tags.`{tags.INVOCATION}` = '{store.invocation}' AND attributes.status = 'RUNNING'"
    left = [found.info.run_id for found in pages(client, [store.experiment], query)]
    for run_id in left:
        cells.fail(store, run_id, reason, status)
    return len(left)
