"""One search by two coordinators on two hosts, with Optuna's storage in PostgreSQL."""

from __future__ import annotations

from collections import Counter

import optuna
import psycopg
import pytest

from benchmark.tracking import tags
from tests.cluster.conftest import PASSWORD, Cluster

pytestmark = pytest.mark.slow

TRIALS = 8


def trials_in(storage: str) -> list[optuna.trial.FrozenTrial]:
    """The trials of the only search in a database, whose connections are closed then."""
    database = optuna.storages.RDBStorage(storage)
    try:
        [summary] = optuna.get_all_study_summaries(database)
        return optuna.load_study(study_name=summary.study_name, storage=database).trials
    finally:
        database.remove_session()
        database.engine.dispose()


@pytest.mark.brief
def test_two_coordinators_on_two_hosts_do_exactly_the_trials_asked_for(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    server = f"postgresql://mlflow@{cluster.hosts['server'].address}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as database:
        database.execute("CREATE DATABASE optuna")
    storage = f"{server}/optuna"
    secret = {"PGPASSWORD": PASSWORD}
    cluster.start_scheduler()
    cluster.start_worker("one", "one", **secret)
    cluster.start_worker("two", "two", **secret)
    words = ["--task", "toy", "--data", "synthetic", "--steps", "20", "--seeds", "1"]
    words += ["--strategy", "class_weight", "--trials", str(TRIALS), "--fresh", "0"]
    words += ["--storage", storage, "--tracking", cluster.tracking]
    words += ["--scheduler", cluster.scheduler]
    both = [
        cluster.hosts[host].python("benchmark", "search", *words, log="search.log", **secret)
        for host in ("desk", "three")
    ]
    for host, process in zip(("desk", "three"), both, strict=True):
        process.communicate(timeout=600)
        assert process.returncode == 0, cluster.hosts[host].log("search.log")
    states = Counter(trial.state.name for trial in trials_in(storage))
    assert states["COMPLETE"] + states["PRUNED"] == TRIALS, states
    assert not states["RUNNING"]
    bench = cluster.bench()
    done = [run for run in bench.runs("trial") if tags.DONE in run.data.tags]
    assert len({run.data.tags[tags.TRIAL] for run in done}) == len(done) == TRIALS
    assert "RUNNING" not in bench.statuses("trial") + bench.statuses("search")
