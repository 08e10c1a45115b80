"""What a run costs each part of a cluster. docs/cluster.md has the figures that this prints:

uv run pytest -s -n 0 -m slow --full-faults tests/cluster/test_costs.py
"""

from __future__ import annotations

import re
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from tests.cluster.conftest import PASSWORD, Cluster

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
INSURANCE = ROOT.parent / "shared" / "data" / "insurance"
FIVE = "none,undersample,oversample,class_weight,focal"  # a training each
SEEDS = 200
REQUEST = re.compile(r'"([A-Z]+) (\S+) HTTP/')
STATEMENT = re.compile(r"LOG:  (?:statement|execute [^:]+): ([A-Z]+)")
REQUESTS, FILES = 20, 2  # of a run, as the page says
FLAT = 5e6  # bytes by which a process may grow in the last 500 of 1,000 runs


@dataclass(frozen=True)
class Spent:
    """What the server's host has done until now."""

    requests: Counter[str]
    statements: Counter[str]
    rows: int
    files: int
    bytes: int
    seconds: float  # of processor

    def __sub__(self, earlier: Spent) -> Spent:
        return Spent(*(getattr(self, name) - getattr(earlier, name) for name in vars(self)))


def spent(cluster: Cluster, database: psycopg.Connection[Any]) -> Spent:
    host = cluster.hosts["server"]
    [rows] = database.execute("SELECT sum(n_tup_ins) FROM pg_stat_user_tables").fetchall()
    files = [file for file in (host.folder / "artifacts").rglob("*") if file.is_file()]
    calls = Counter(
        f"{method} {re.sub('[0-9a-f]{32}', 'ID', path).partition('?')[0]}"
        for method, path in REQUEST.findall(host.log("mlflow.log"))
    )
    del calls["GET /health"]
    return Spent(
        requests=calls,
        statements=Counter(STATEMENT.findall(host.log("postgres.log"))),
        rows=int(rows[0]),
        files=len(files),
        bytes=sum(file.stat().st_size for file in files),
        seconds=sum(map(processor_seconds, host.processes)),
    )


def processor_seconds(process: subprocess.Popen[str]) -> float:
    """Of a process and those that it has started."""
    if process.poll() is not None:
        return 0.0
    first = psutil.Process(process.pid)
    times = [each.cpu_times() for each in (first, *first.children(recursive=True))]
    return sum(each.user + each.system for each in times)


@pytest.fixture
def database(cluster: Cluster) -> Iterator[psycopg.Connection[Any]]:
    """A connection to the store's database, which logs every statement meanwhile."""
    address = f"host={cluster.hosts['server'].address} user=mlflow dbname=postgres"
    with psycopg.connect(f"{address} password={PASSWORD}", autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET log_statement = 'all'")
        connection.execute("SELECT pg_reload_conf()")
        yield connection
        connection.execute("ALTER SYSTEM RESET log_statement")
        connection.execute("SELECT pg_reload_conf()")


def test_what_a_run_costs_the_server(cluster: Cluster, database: psycopg.Connection[Any]) -> None:
    if not INSURANCE.exists():
        pytest.skip(f"no data in {INSURANCE}")
    cluster.start_scheduler()
    cluster.start_worker("one", "one")
    costs = []
    for seeds, steps in ((1, "100"), (4, "150")):  # what a benchmark costs once cancels out
        before = spent(cluster, database)
        words = ["--task", "insurance", "--data", str(INSURANCE), "--strategies", FIVE]
        status, output = cluster.run(*words, "--seeds", str(seeds), "--steps", steps)
        assert status == 0, output
        time.sleep(2)  # PostgreSQL counts with a delay
        costs.append(spent(cluster, database) - before)
    more, runs = costs[1] - costs[0], 5 * (4 - 1)
    print(f"\nper run, of {runs} that are more:")
    for counted in (more.requests, more.statements):
        for kind, count in [*counted.most_common(), ("in all", counted.total())]:
            print(f"{count / runs:8.2f} {kind}")
    print(f"{more.rows / runs:8.1f} rows\n{more.files / runs:8.2f} files")
    print(
        f"{more.bytes / runs:8.0f} bytes\n{more.seconds / runs:8.2f} s of the server's processors"
    )
    assert 0 < more.requests.total() <= REQUESTS * runs
    assert 0 < more.files <= FILES * runs


@dataclass(frozen=True)
class Usage:
    """Of the coordinator and the scheduler, when so many runs were done."""

    runs: int
    seconds: tuple[float, ...]
    bytes: tuple[float, ...]


def test_a_thousand_short_runs(cluster: Cluster) -> None:
    scheduler = cluster.start_scheduler()
    for name in ("one", "two"):
        cluster.start_worker(name, name)
    coordinator = cluster.start("--strategies", FIVE, "--seeds", str(SEEDS))
    usages = list(watch(cluster, coordinator, scheduler))
    status, output = cluster.finish(coordinator)
    assert status == 0, output
    for usage in usages[:: max(1, len(usages) // 20)]:
        print(usage)
    first, last = usages[0], usages[-1]
    half = next(usage for usage in usages if usage.runs >= last.runs / 2)
    for n, name in enumerate(("coordinator", "scheduler")):
        per_run = (last.seconds[n] - first.seconds[n]) / (last.runs - first.runs)
        print(f"{name}: {1000 * per_run:.1f} ms of processor per run")
        assert last.bytes[n] - half.bytes[n] < FLAT


def watch(
    cluster: Cluster, coordinator: subprocess.Popen[str], scheduler: subprocess.Popen[str]
) -> Iterator[Usage]:
    """Look every second until all runs are done."""
    runs = 0
    while runs < 5 * SEEDS and coordinator.poll() is None:
        time.sleep(1)
        counts = re.findall(rf"^ *(\d+)/{5 * SEEDS} ", cluster.said(), re.MULTILINE)
        runs = int(counts[-1]) if counts else 0
        both = [psutil.Process(process.pid) for process in (coordinator, scheduler)]
        if runs:
            seconds = tuple(sum(process.cpu_times()[:2]) for process in both)
            yield Usage(runs, seconds, tuple(process.memory_info().rss for process in both))
