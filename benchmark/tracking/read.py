"""What a store holds, as flat records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from benchmark.tracking import tags
from benchmark.tracking.store import pages, reachable


def tracked(uri: str, tasks: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Every cell and invocation of the tasks' experiments, newest first, as flat records.

    Invocations that ``mlflow run`` opened lie in its own experiment; all are searched.
    """
    client = reachable(uri)
    known = client.search_experiments()
    numbers = [experiment.experiment_id for experiment in known]
    wanted = {experiment.experiment_id for experiment in known if experiment.name in set(tasks)}
    for kind in ("cell", "invocation"):
        for found in pages(client, numbers, f"tags.`{tags.KIND}` = '{kind}'"):
            if kind == "invocation" or found.info.experiment_id in wanted:
                yield {
                    "status": found.info.status,
                    "started": found.info.start_time,
                    **found.data.params,
                    **found.data.tags,
                    **found.data.metrics,
                }
