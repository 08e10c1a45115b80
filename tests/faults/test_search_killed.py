"""A search that is killed, and one that two processes share."""

from __future__ import annotations

import random
import signal
import sys
import time
from collections import Counter

import optuna
import pytest

from benchmark.tracking import tags
from tests.faults.harness import Bench, finish, group, started, wait_for, workers

pytestmark = pytest.mark.slow

WORDS = ["--task", "toy", "--strategy", "class_weight+slow(seconds=0.5)", "--seeds", "2"]
SOON = {"SKEWBENCH_HEARTBEAT": "1"}


def command(bench: Bench, trials: int, processes: int = 1) -> list[str]:
    given = ["--steps", "20", "--tracking", bench.uri, "--trials", str(trials), "--fresh", "0"]
    given += ["--workers", str(processes)]
    return [sys.executable, "-m", "benchmark", "search", *WORDS, *given]


def require_each_trial_once(bench: Bench, trials: int) -> None:
    """As many as asked for, each finished once, in Optuna's storage and in MLflow."""
    storage = bench.uri.replace("mlflow.db", "optuna.db")
    [summary] = optuna.get_all_study_summaries(storage)
    study = optuna.load_study(study_name=summary.study_name, storage=storage)
    finished = [trial for trial in study.trials if trial.state.name in ("COMPLETE", "PRUNED")]
    assert len(finished) == trials
    assert all(trial.state.is_finished() for trial in study.trials)
    assert len({tuple(trial.params.values()) for trial in finished}) == trials
    # what was lost was tried again with the same parameters
    lost = [trial.params for trial in study.trials if trial.state.name == "FAIL"]
    assert all(params in [t.params for t in finished] for params in lost if params)
    runs = bench.runs("trial")
    done = Counter(int(r.data.tags[tags.TRIAL]) for r in runs if tags.DONE in r.data.tags)
    assert done == Counter({trial.number: 1 for trial in finished})
    assert "RUNNING" not in bench.statuses("trial") + bench.statuses("search")


def begun(bench: Bench) -> bool:
    return bench.marks("begun") > 0


def test_a_search_killed_in_the_middle_of_a_trial_goes_on(bench: Bench, full: bool) -> None:
    kills = 10 if full else 2
    trials, chance = 2 + kills, random.Random(kills)
    for _ in range(kills):
        before = bench.marks("begun")
        with started(bench.program(*command(bench, trials=trials), **SOON)) as process:
            wait_for(lambda now=before: bench.marks("begun") > now)
            time.sleep(chance.uniform(0, 1.5))
            process.kill()
            wait_for(lambda number=process.pid: not group(number), 30)
    status, output = finish(bench.program(*command(bench, trials=trials), **SOON), 300)
    assert status == 0, output
    require_each_trial_once(bench, trials)


def test_two_processes_share_a_search_and_one_is_killed(bench: Bench) -> None:
    words = command(bench, trials=10, processes=2)
    with (
        started(bench.program(*words, **SOON)) as one,
        started(bench.program(*words, **SOON)) as two,
    ):
        wait_for(lambda: bench.marks("begun") > 4)
        two.send_signal(signal.SIGKILL)
        status, output = finish(one, 300)
        assert status == 0, output
    status, output = finish(bench.program(*words, **SOON), 300)  # nothing is left but to say so
    assert status == 0 and "10 asked for, 10 finished before" in output, output
    require_each_trial_once(bench, 10)


def test_a_worker_that_is_killed_costs_no_trial(bench: Bench) -> None:
    with started(bench.program(*command(bench, trials=4), **SOON)) as process:
        wait_for(lambda: begun(bench))
        for worker in workers(process.pid):
            worker.kill()
        status, output = finish(process, 300)
    assert status == 0, output
    require_each_trial_once(bench, 4)


def test_a_search_that_is_stopped_leaves_nothing_running(bench: Bench) -> None:
    with started(bench.program(*command(bench, trials=4), **SOON)) as process:
        wait_for(lambda: begun(bench))
        process.send_signal(signal.SIGTERM)
        status, output = finish(process, 60)
    assert status == 130 and "Traceback" not in output, output
    assert bench.statuses("search") == {"KILLED": 1}
    status, output = finish(bench.program(*command(bench, trials=4), **SOON), 300)
    assert status == 0, output
    require_each_trial_once(bench, 4)
