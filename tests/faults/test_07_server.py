"""Rows 7 and 8: the tracking server goes away, for a while or for good, or loses answers."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from mlflow import MlflowClient

from benchmark.workflows.execution import outbox
from tests.faults.conftest import Here
from tests.faults.harness import finish, started, wait_for
from tests.faults.servers import Action, Proxy, Server, proxy

pytestmark = pytest.mark.slow

CREATE = "/api/2.0/mlflow/runs/create"
BATCH = "/api/2.0/mlflow/runs/log-batch"


@pytest.fixture
def between(server: Server) -> Iterator[Proxy]:
    """A proxy before the server."""
    with proxy(server.port) as made:
        yield made


@pytest.fixture
def there(here: Here, between: Proxy, server: Server) -> Here:
    """Runs are tracked through the proxy and read from behind it. There are none yet."""
    client = MlflowClient(server.uri)
    for experiment in client.search_experiments():
        for run in client.search_runs([experiment.experiment_id]):
            client.delete_run(run.info.run_id)
    return Here(replace(here.bench, uri=server.uri), between.uri, here.trained)


def test_07_an_answer_to_create_run_that_is_lost_makes_no_second_run(
    there: Here, between: Proxy
) -> None:
    asked = count()
    between.script = lambda path: "lose" if path == CREATE and next(asked) < 3 else "pass"
    result = there.run("none,threshold")
    assert result.exit_code == 0, result.output
    assert Counter(action for _, action in between.seen)["lose"] == 3
    assert len(there.bench.runs()) == 2
    assert len(there.bench.runs("invocation")) == 1
    there.bench.require_sound()


@pytest.mark.parametrize("action", ["threshold", "lose", "break", "refuse"])
def test_07_answers_that_are_lost_on_the_way_change_nothing(
    action: Action, there: Here, between: Proxy, here: Here
) -> None:
    chance = random.Random(7)
    between.script = lambda path: action if chance.random() < 0.15 and "/api/" in path else "pass"
    result = there.run("none,threshold", seeds=2)
    assert result.exit_code == 0, result.output
    between.script = lambda path: "pass"
    assert Counter(done for _, done in between.seen)[action] > 3
    assert len(there.bench.runs()) == 4
    there.bench.require_sound()
    there.bench.require_no_metric_twice()
    assert here.run("none,threshold", seeds=2).exit_code == 0
    assert there.bench.results() == here.bench.results()


@pytest.mark.parametrize("seconds", [2, 60])
def test_07_server_is_down_for_a_while(
    seconds: int, there: Here, checkout: Path, server: Server, full: bool
) -> None:
    if seconds > 2 and not full:
        pytest.skip("takes a minute: with --full-faults")
    words = ["--strategies", "none,slow(seconds=1)", "--seeds", "3", "--workers", "2"]
    bench = replace(there.bench, checkout=checkout)
    with started(bench.start(*words)) as process:
        wait_for(lambda: bench.marks("begun"))
        back = server.away(seconds)
        status, output = finish(process, 300)
        back.join()
    assert status == 0, output
    assert len(bench.runs()) == len(bench.results()) == 6
    bench.require_sound()
    bench.require_no_metric_twice()


def test_08_what_a_lost_server_did_not_take_is_kept_and_logged_at_the_next_start(
    there: Here, between: Proxy, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKEWBENCH_PATIENCE", "1")

    def lost_in_the_middle(path: str) -> Action:
        # after the parameters of two cells and the measures of the first
        batches = sum(earlier == BATCH for earlier, _ in between.seen)
        return "break" if batches >= 3 else "pass"

    between.script = lost_in_the_middle
    result = there.run("none,threshold,oversample")
    assert result.exit_code == 2, result.output
    last = result.output.splitlines()[-1]
    assert last.startswith("error: the tracking store has not answered for")
    assert str(outbox.folder(between.uri)) in last
    assert "3 runs are not in it; the results of 2 of them are kept" in last
    assert len(list(outbox.folder(between.uri).iterdir())) == 2
    assert there.trained == [0]

    between.script = lambda path: "pass"
    result = there.run("none,threshold")
    assert result.exit_code == 0, result.output
    assert result.output.count("logged a saved result") == 2
    assert "trainings to go: 0" in result.output
    assert there.trained == [0]
    assert not list(outbox.folder(between.uri).iterdir())
    assert len(there.bench.results()) == 2
    there.bench.require_sound()
    there.bench.require_no_metric_twice()
    assert there.run("none,threshold,oversample").exit_code == 0
    assert here.run("none,threshold,oversample").exit_code == 0
    assert there.bench.results() == here.bench.results()
