"""What a store holds, as plain records."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.errors import UserError
from benchmark.tracking import tags
from benchmark.tracking.store import SQLITE, pages, reachable


@dataclass(frozen=True)
class Record:
    """One tracked cell or invocation."""

    run: str  # id
    started: int  # milliseconds
    status: str
    tags: Mapping[str, str]
    metrics: Mapping[str, float]

    @property
    def conditions(self) -> str:
        """Identity of its conditions."""
        return self.tags[tags.CONDITIONS]

    @property
    def facts(self) -> dict[str, Any]:
        """Its conditions in words."""
        facts: dict[str, Any] = json.loads(self.tags[tags.FACTS])
        return facts


def tracked(uri: str, kind: str) -> Iterator[Record]:
    """All runs of a kind ("cell" or "invocation"), newest first.

    Invocations that ``mlflow run`` opened lie in its own experiment, so all are searched.
    A run whose identity was damaged by hand is left out.

    Raises:
        UserError: if there is no such store, or it does not answer.
    """
    if uri.startswith(SQLITE) and not Path(uri.removeprefix(SQLITE)).exists():
        raise UserError(f"there is no tracking store {uri}: start with `run`, or name another")
    client = reachable(uri)
    numbers = [experiment.experiment_id for experiment in client.search_experiments()]
    needed = tags.OF_CELL if kind == "cell" else tags.OF_INVOCATION
    for found in pages(client, numbers, f"tags.`{tags.KIND}` = '{kind}'"):
        if needed <= found.data.tags.keys():
            info, data = found.info, found.data
            yield Record(info.run_id, info.start_time, info.status, data.tags, data.metrics)
