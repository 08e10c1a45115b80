"""Rows 7 and *Shows* 3: a shared server on PostgreSQL, with authentication."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest
import requests

from tests.faults import postgres
from tests.faults.harness import Bench, finish, started, wait_for
from tests.faults.servers import Server, serving

pytestmark = pytest.mark.slow

PASSWORD = "a-password-of-twenty-four"
CONFIGURATION = """[mlflow]
default_permission = NO_PERMISSIONS
database_uri = sqlite:///{folder}/basic_auth.db
admin_username = admin
admin_password = {password}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
"""
GRID = ["--strategies", "slow(seconds=2),threshold,oversample", "--workers", "2", "--seeds"]


@pytest.fixture(scope="module")
def database() -> Iterator[postgres.Postgres]:
    """A PostgreSQL cluster."""
    programs = postgres.binaries()
    if programs is None:
        pytest.skip("no PostgreSQL here: Debian's package is postgresql")
    with postgres.cluster(programs) as running:
        yield running


@pytest.fixture(scope="module")
def shared(
    database: postgres.Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """An MLflow server on it that asks who you are."""
    folder = tmp_path_factory.mktemp("shared")
    configuration = folder / "auth.ini"
    configuration.write_text(CONFIGURATION.format(folder=folder, password=PASSWORD))
    environment = {
        "MLFLOW_AUTH_CONFIG_PATH": str(configuration),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "another-secret",
    }
    server = Server(folder, database.uri, ("--app-name", "basic-auth"), environment)
    with serving(server) as running:
        yield running


@pytest.fixture
def member(bench: Bench, shared: Server, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A benchmark that knows the password."""
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "admin")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    return replace(bench, uri=shared.uri)


def test_07_strangers_are_refused_in_one_line(member: Bench, shared: Server) -> None:
    anyone = requests.get(f"{shared.uri}/api/2.0/mlflow/experiments/search?max_results=1")
    assert anyone.status_code == 401
    status, output = member.run("--workers", "0", MLFLOW_TRACKING_PASSWORD="wrong")
    assert status == 2
    assert output.splitlines()[-1].startswith(f"error: tracking store {shared.uri}")
    assert "authenticated" in output.splitlines()[-1]


def test_07_a_database_that_is_stopped_and_killed_loses_nothing(
    member: Bench, bench: Bench, database: postgres.Postgres, full: bool
) -> None:
    seeds = 8 if full else 5
    grid = [*GRID, str(seeds)]
    with started(member.start(*grid)) as process:
        wait_for(lambda: member.marks("begun") >= 2)
        database.stop()
        time.sleep(10)
        database.start()
        wait_for(lambda: member.marks("begun") >= (5 if full else 4))
        database.kill()
        time.sleep(2)
        database.start()
        status, output = finish(process, 300)
    assert status == 0, output
    assert PASSWORD not in output
    assert len(member.runs()) == len(member.results()) == 3 * seeds
    member.require_sound()
    with psycopg.connect(database.uri) as connection:
        points = "SELECT count(*), count(DISTINCT (run_uuid, key, step)) FROM metrics"
        every, different = connection.execute(points).fetchone() or (0, -1)
    assert every == different > 0
    for run in [*member.runs(), *member.runs("invocation")]:
        assert PASSWORD not in str(run.to_dictionary())
    status, output = bench.run(*grid)
    assert status == 0, output
    assert member.results() == bench.results()
