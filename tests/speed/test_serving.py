"""A registered model over HTTP: that it decides as the benchmark did, and how fast."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

from benchmark.cli.main import main
from benchmark.protocol import grammar
from benchmark.results.query import LeaderboardQuery, find_leaderboard
from benchmark.tracking.history import read_fit
from benchmark.training.decision import fit_decision
from benchmark.workflows.execution import worker
from tests.stores import copy_of

ROWS = 1000
PATIENCE = 180  # seconds until the server answers, on a busy machine


@pytest.fixture(scope="module")
def measured(measured: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A copy to write to."""
    return copy_of(measured, tmp_path_factory.mktemp("served-store"))


@pytest.fixture(scope="module")
def served(measured: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of ``mlflow models serve``, started far from this checkout."""
    words = ["export", "insurance", "--strategy", "threshold", "--seed", "0", "--name", "served"]
    done = CliRunner().invoke(main, [*words, "--tracking", measured])
    assert done.exit_code == 0, done.output
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    folder, binaries = tmp_path_factory.mktemp("server"), Path(sys.executable).parent
    environment = {**os.environ, "MLFLOW_TRACKING_URI": measured}
    environment["PATH"] = f"{binaries}{os.pathsep}{environment['PATH']}"
    environment.pop("PYTHONPATH", None)
    words = ["mlflow", "models", "serve", "-m", "models:/served@champion", "--env-manager", "local"]
    words += ["--host", "127.0.0.1", "--port", str(port)]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            words, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        _wait(port, server, folder / "log")
        yield port
    finally:
        os.killpg(server.pid, signal.SIGKILL)  # it has children
        server.wait()


def _wait(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    begun = time.monotonic()
    while time.monotonic() < begun + PATIENCE and server.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"the server did not start: {log.read_text()[-2000:]}")


@pytest.fixture(scope="module")
def rows(measured: str) -> tuple[pd.DataFrame, list[int]]:
    """Raw rows of the test split, and the benchmark's decisions."""
    runs = find_leaderboard(measured, LeaderboardQuery()).runs.set_index(["label", "seed"])
    cell = runs.loc[("threshold", 0)]
    fit = read_fit(measured, cell["artifacts"], cell["predictions"])
    assert fit
    decision = fit_decision(grammar.read("threshold").strategy, fit)
    data = worker.load("insurance", grammar.settings("insurance", ""), "")
    taken = fit.test.rows[:ROWS]
    return data.rows.iloc[taken], decision.decide(fit.test.best, fit.test.rows)[:ROWS].tolist()


@pytest.fixture
def ask(served: int) -> Iterator[Callable[[pd.DataFrame], tuple[int, Any]]]:
    """Asks the server about raw rows: the status and what it answers."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", served)) as connection:

        def asked(frame: pd.DataFrame) -> tuple[int, Any]:
            split = json.loads(frame.to_json(orient="split", index=False))
            body = json.dumps({"dataframe_split": split})
            connection.request("POST", "/invocations", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

        yield asked


@pytest.mark.slow
def test_a_thousand_rows_over_http_get_the_decisions_of_the_benchmark(
    ask: Any, rows: tuple[pd.DataFrame, list[int]]
) -> None:
    frame, decisions = rows
    _, said = ask(frame)
    assert [one["decision"] for one in said["predictions"]] == decisions
    singly = [ask(frame.iloc[[at]])[1]["predictions"][0]["decision"] for at in range(20)]
    assert singly == decisions[:20]


@pytest.mark.benchmark(group="a served model")
@pytest.mark.parametrize("count", [1, ROWS])
def test_latency(
    count: int, ask: Any, rows: tuple[pd.DataFrame, list[int]], benchmark: Any
) -> None:
    status, said = benchmark.pedantic(ask, [rows[0].head(count)], rounds=100, warmup_rounds=5)
    assert status == 200 and len(said["predictions"]) == count


@pytest.mark.slow
def test_rows_that_cannot_be_read_are_the_clients_fault(ask: Any) -> None:
    status, said = ask(pd.DataFrame({"Age": [30]}))
    assert status == 400
    assert "Vehicle_Age" in said["message"]
