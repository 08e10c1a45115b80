"""Suites in a store: a run of its own, and a plan for each data set with a model."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmark.protocol.grid import Plan
from benchmark.tracking import invocation, tags
from benchmark.tracking.lease import owner_tags
from benchmark.tracking.records import Record, read_runs
from benchmark.tracking.store import Store

EXPERIMENT = "suites"


@dataclass(frozen=True)
class Membership:
    """What a plan is in a suite.

    Attributes:
        suite: name of the suite.
        name: of the data set.
        model: "" where the task has one alone.
        properties: of the data.
    """

    suite: str
    name: str
    model: str
    properties: Mapping[str, float]

    def as_text(self) -> str:
        """As JSON."""
        return json.dumps(dataclasses.asdict(self))


def start(store: Store, name: str) -> Store:
    """Start the run of an invocation of a suite; return the store with its id."""
    facts = {tags.SUITE: json.dumps({"suite": name}), tags.KIND: "suite"}
    return invocation.start_owned_run(store, facts | {"mlflow.runName": f"suite {name}"})


def record(store: Store, plan: Plan, membership: Membership) -> str:
    """Record a plan as a run of its own, which the suite's run owns; return its id."""
    facts = {
        **store.tags,
        **invocation.tags_of(plan),
        **owner_tags(),
        tags.INVOCATION: store.invocation,
        tags.SUITE: membership.as_text(),
        "mlflow.runName": f"suite {membership.suite}: {membership.name} {membership.model}".strip(),
    }
    return str(store.client.create_run(store.experiment, tags=facts).info.run_id)


def end(store: Store, plans: Sequence[str], status: str) -> None:
    """End the runs of plans, and that of the suite."""
    for run_id in plans:
        store.client.set_terminated(run_id, status)
    invocation.end(store, status)


def memberships(uri: str, suite: str) -> dict[str, list[tuple[Membership, Record]]]:
    """Return the plans that belong to a suite by their conditions, newest first."""
    found: dict[str, list[tuple[Membership, Record]]] = {}
    for plan in read_runs(uri, "invocation"):
        if tags.SUITE in plan.tags:
            membership = Membership(**json.loads(plan.tags[tags.SUITE]))
            if membership.suite == suite:
                found.setdefault(plan.conditions, []).append((membership, plan))
    return found
