"""Runs of a store as plain records.

A store in a database is asked by three queries, as MLflow's client makes an object of every metric
and every tag: 270 runs of a SQLite store take 0.09 s of the processor in place of 0.44.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.protocol.errors import UserError
from benchmark.tracking import tags
from benchmark.tracking.store import SQLITE, connect, pages, without_gc

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True)
class Record:
    """One tracked cell or invocation."""

    run: str  # id
    artifacts: str  # address of its files
    started: int  # milliseconds
    status: str
    tags: Mapping[str, str]
    metrics: Mapping[str, float]

    @property
    def conditions(self) -> str:
        """The identity of its conditions."""
        return self.tags[tags.CONDITIONS]

    @property
    def facts(self) -> dict[str, Any]:
        """Its conditions for readers, see ``Conditions.facts``."""
        facts: dict[str, Any] = json.loads(self.tags[tags.FACTS])
        return facts


def read_runs(uri: str, kind: str, conditions: str = "") -> Iterator[Record]:
    """Yield all runs of a kind ("cell" or "invocation"), newest first.

    All experiments are searched: ``mlflow run`` opens invocations in its own.
    A run whose identity was damaged by hand is left out.

    Args:
        conditions: identity of those that the runs were made under; "" for any.

    Raises:
        UserError: if the store does not exist or does not answer.
    """
    if uri.startswith(SQLITE) and not Path(uri.removeprefix(SQLITE)).exists():
        raise UserError(f"there is no tracking store {uri}: start with `run`, or name another")
    client = connect(uri)
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    needed = tags.OF_CELL if kind == "cell" else tags.OF_INVOCATION
    marks = {tags.KIND: kind} | ({tags.CONDITIONS: conditions} if conditions else {})
    found: Iterable[Record]
    if "://" not in uri or uri.startswith(("http://", "https://")):
        found = _from_client(client, experiments, marks)
    else:
        found = client.retry(lambda: _from_database(uri, experiments, marks))
    return (record for record in found if needed <= record.tags.keys())


def _from_client(client: Any, experiments: list[str], marks: Mapping[str, str]) -> Iterator[Record]:
    """Yield runs as a server or Databricks gives them."""
    query = " AND ".join(f"tags.`{name}` = '{text}'" for name, text in marks.items())
    for run in pages(client, experiments, query):
        info, data = run.info, run.data
        yield Record(
            info.run_id, info.artifact_uri, info.start_time, info.status, data.tags, data.metrics
        )


def _from_database(uri: str, experiments: Sequence[str], marks: Mapping[str, str]) -> list[Record]:
    """Return runs from MLflow's tables."""
    import sqlalchemy

    engine = sqlalchemy.create_engine(uri)
    try:
        with engine.connect() as connection, without_gc():
            return list(_queried(connection, experiments, marks))
    finally:
        engine.dispose()


def _queried(
    connection: Connection, experiments: Sequence[str], marks: Mapping[str, str]
) -> Iterator[Record]:
    from mlflow.store.tracking.dbmodels.models import SqlLatestMetric, SqlRun, SqlTag
    from sqlalchemy import select

    tag: Any = SqlTag
    marked = [
        SqlRun.run_uuid.in_(select(tag.run_uuid).where(tag.key == name, tag.value == text))
        for name, text in marks.items()
    ]
    chosen = (
        SqlRun.experiment_id.in_(list(map(int, experiments))),
        SqlRun.lifecycle_stage == "active",
        *marked,
    )
    which = select(SqlRun.run_uuid).where(*chosen)
    runs = connection.execute(
        select(SqlRun.run_uuid, SqlRun.artifact_uri, SqlRun.start_time, SqlRun.status)
        .where(*chosen)
        .order_by(SqlRun.start_time.desc(), SqlRun.run_uuid)
    ).all()
    tags_of: dict[str, dict[str, str]] = {run: {} for run, *_ in runs}
    metrics_of: dict[str, dict[str, float]] = {run: {} for run, *_ in runs}
    # tags before metrics: the tag that a run is done is written after all of its metrics
    query = select(SqlTag.run_uuid, SqlTag.key, SqlTag.value).where(SqlTag.run_uuid.in_(which))
    for run, name, text in connection.execute(query):
        if run in tags_of:  # else it began after the first query
            tags_of[run][name] = text
    metric = SqlLatestMetric
    columns = select(metric.run_uuid, metric.key, metric.value, metric.is_nan)
    for run, name, value, is_nan in connection.execute(columns.where(metric.run_uuid.in_(which))):
        if run in metrics_of:
            metrics_of[run][name] = float("nan") if is_nan else value
    for run, artifacts, started, status in runs:
        tags.unfold(tags_of[run])
        yield Record(run, artifacts, started, status, tags_of[run], metrics_of[run])
