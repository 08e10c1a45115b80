"""The runs of a search: one for the search, flat beside it one for each finished trial.

Trials are claimed and retried in Optuna's storage. Their runs are written from what is finished
there, so they can be written again if the process that should have done so died.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmark.protocol.grid import Conditions
from benchmark.tracking import tags
from benchmark.tracking.invocation import log_texts, start_owned_run
from benchmark.tracking.store import Store, pages

MAX_NAME_LENGTH = 250  # characters
STATUS = {"COMPLETE": "FINISHED", "PRUNED": "KILLED", "FAIL": "FAILED"}  # as MLflow's own


@dataclass(frozen=True)
class Trial:
    """A finished trial, as its run shows it."""

    number: int
    state: str  # COMPLETE, PRUNED or FAIL
    strategy: str
    chosen: Mapping[str, str]  # by Optuna
    shared: Mapping[str, str]  # what all trials of the search have in common
    metrics: Mapping[str, float]  # means over the seeds that were trained; the objective first
    seeds: Sequence[float]  # the objective at each
    reason: str  # why it failed or was pruned
    started: int  # milliseconds
    ended: int


def start_search(store: Store, conditions: Conditions, search: str, name: str) -> Store:
    """Start the run of this process of a search; return the store with its id."""
    return start_owned_run(
        store,
        {
            tags.KIND: "search",
            tags.SEARCH: search,
            tags.FACTS: json.dumps(conditions.facts()),
            tags.SOURCE: conditions.source,
            "mlflow.runName": f"search: {name}",
        },
    )


def log(store: Store, search: str, trial: Trial) -> None:
    """Log a finished trial as a run."""
    from mlflow.entities import Metric, Param, RunTag

    client = store.client
    chosen = ", ".join(f"{name}={value}" for name, value in trial.chosen.items())
    state = "" if trial.state == "COMPLETE" else f" · {trial.state.lower()}"
    created = client.create_run(
        store.experiment,
        run_name=f"{chosen}{state} · trial {trial.number}"[:MAX_NAME_LENGTH],
        start_time=trial.started,
        tags={
            **store.tags,
            tags.KIND: "trial",
            tags.SEARCH: search,
            tags.TRIAL: str(trial.number),
            tags.STATE: trial.state,
            tags.STRATEGY: trial.strategy,
            tags.INVOCATION: store.invocation,
            **({tags.ERROR: trial.reason} if trial.reason else {}),
        },
    )
    run_id = created.info.run_id
    client.log_batch(
        run_id,
        params=[Param(key, value) for key, value in {**trial.chosen, **trial.shared}.items()],
        metrics=[Metric(key, value, trial.ended, 0) for key, value in trial.metrics.items()]
        + [Metric("seed", value, trial.ended, seed) for seed, value in enumerate(trial.seeds)],
        tags=[RunTag(tags.DONE, "yes")],
    )
    client.set_terminated(run_id, STATUS[trial.state], trial.ended)


def logged(store: Store, search: str) -> dict[int, str]:
    """Return number -> run id of the trials of a search that have a run."""
    query = f"tags.`{tags.SEARCH}` = '{search}' AND tags.`{tags.KIND}` = 'trial'"
    query += f" AND tags.`{tags.DONE}` = 'yes'"
    runs = pages(store.client, [store.experiment], query)
    return {int(run.data.tags[tags.TRIAL]): run.info.run_id for run in runs}


def answer(store: Store, note: str, files: Mapping[str, str]) -> None:
    """Write what a search found on its run."""
    log_texts(store, files)
    store.client.set_tag(store.invocation, tags.NOTE, note[: tags.LIMIT])
