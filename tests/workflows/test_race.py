"""A race gives further seeds only to strategies that may be the best, and changes no number."""

import math
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from benchmark.cli.main import main
from benchmark.protocol.errors import UserError
from benchmark.protocol.grid import Plan
from benchmark.results.leaderboard import Leaderboard, leaderboards
from benchmark.training import fit as fitting
from benchmark.training.predictions import Fit, Predictions
from benchmark.workflows import race
from tests import toys

Tables = Callable[..., Leaderboard]
STRATEGIES = "none,class_weight(positive=2),class_weight(positive=8)"
SIGNAL = {1: 1.9, 2: 2.0, 8: 0.2}  # how well the classes are told apart, by weight


def fit_with_signal(job: Any, on_step: Callable[[int], None]) -> Fit:
    """Predictions that depend on the strategy's weight and on the seed."""
    weights = job.strategy.weigh(np.array([0, 1]), 2)
    signal = SIGNAL[round(float(weights[1] / weights[0]))]
    rng = np.random.default_rng([job.seed, round(100 * signal)])

    def predictions() -> Predictions:
        labels = np.repeat([0, 1], [60, 20])
        logits = np.zeros((80, 2))
        logits[:, 1] = rng.normal(size=80) + signal * (labels - 0.5) * 2
        rounded = logits.astype(np.float32).astype(np.float64)
        return Predictions(np.arange(80) + 80 * job.seed, labels, rounded, rounded, np.ones(80))

    made: Fit = toys.fit(job)
    on_step(job.budget.steps)
    return toys.replace(made, validation=predictions(), test=predictions())


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Hand-made trainings; the list of their seeds."""
    seeds: list[int] = []

    def fit(job: Any, on_step: Callable[[int], None]) -> Fit:
        seeds.append(job.seed)
        return fit_with_signal(job, on_step)

    monkeypatch.setattr(fitting, "fit", fit)
    return seeds


def run(store: str, *words: str) -> Result:
    given = ["--task", "insurance", "--data", "synthetic", "--strategies", STRATEGIES]
    given += ["--seeds", "5", "--steps", "20", "--workers", "0", "--tracking", store]
    return CliRunner().invoke(main, ["run", *given, *words])


def looks(result: Result) -> list[str]:
    text = " ".join(result.output.split())
    return re.findall(r"look at \d+ seeds: expected regret [\d.]+", text)


@pytest.mark.slow
def test_a_race_that_is_stopped_goes_on_and_gives_the_numbers_of_a_plain_run(
    trained: list[int],
    store_uri: str,
    tmp_path: Path,
    fresh_store: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = f"sqlite:///{shutil.copy(fresh_store, tmp_path / 'plain.db')}"
    assert run(plain).exit_code == 0
    assert len(trained) == 15
    [all_runs] = leaderboards(plain, ["insurance"])
    assert not all_runs.repeated
    trained.clear()
    expected = run(plain, "--until-decided")  # all is there: nothing is trained
    assert expected.exit_code == 0 and looks(expected) and not trained

    def stopped(job: Any, on_step: Callable[[int], None]) -> Fit:
        if job.seed == 2:
            raise KeyboardInterrupt
        return fit_with_signal(job, on_step)

    with monkeypatch.context() as patch:
        patch.setattr(fitting, "fit", stopped)
        assert run(store_uri, "--until-decided").exit_code != 0
    raced = run(store_uri, "--until-decided")
    assert raced.exit_code == 0 and looks(raced) == looks(expected)
    assert "dropped: class_weight(positive=8)" in " ".join(raced.output.split())
    [some] = leaderboards(store_uri, ["insurance"])
    assert some.repeated and some.level == 0.025
    assert some.counts()["missing"] == 0 and some.counts()["finished"] < 15
    names = [name for name in some.runs if str(name).startswith("test/")]
    left = some.runs.set_index(["strategy", "seed"])[names]
    assert left.equals(all_runs.runs.set_index(["strategy", "seed"])[names].loc[left.index])


def plan_of(labels: list[str], seeds: int) -> Plan:
    conditions: Any = None
    return Plan(conditions, [(label, label, "v1") for label in labels], (seeds,) * len(labels))


def test_it_ends_when_the_best_is_known_and_goes_on_while_two_may_be(table_of: Tables) -> None:
    rng = np.random.default_rng(1)
    clear = {
        name: {"f1": (centre + 0.005 * rng.normal(size=3)).tolist()}
        for name, centre in (("none", 0.2), ("focal", 0.6), ("smote", 0.3))
    }
    plan = race.first_plan(plan_of(list(clear), 20))
    assert plan.seeds == (3, 3, 3) and plan.race
    look = race.look_at(table_of(clear), plan)
    assert look.decided and race.next_plan(plan, look, 20) is None
    close = clear | {"smote": {"f1": [0.55, 0.66, 0.58]}}
    look = race.look_at(table_of(close), plan)
    assert not look.decided and look.regret > race.DECIDED
    further = race.next_plan(plan, look, 20)
    assert further is not None and dict(
        zip([label for _, label, _ in further.strategies], further.seeds, strict=True)
    ) == {"none": 5, "focal": 5, "smote": 5}
    assert race.next_plan(plan, look, 3) is None  # no more seeds are allowed


def test_only_those_still_in_the_race_are_looked_at(table_of: Tables) -> None:
    plan = plan_of(["none", "focal", "smote"], 5)
    dropped = race.replace(plan, seeds=(5, 5, 3), race=True)
    values = {
        "none": {"f1": [0.2, 0.21, 0.22, 0.2, 0.2]},
        "focal": {"f1": [0.5, 0.51, 0.52, 0.5, 0.5]},
        "smote": {"f1": [0.9, 0.9, 0.9, 0.9, 0.9]},  # by an earlier command
    }
    look = race.look_at(table_of(values), dropped)
    assert "smote" not in look.staying + look.dropped


def test_without_a_baseline_it_ends(table_of: Tables) -> None:
    plan = race.first_plan(plan_of(["none", "focal"], 10))
    table = table_of({"none": {"f1": [0.2, None, 0.2]}, "focal": {"f1": [0.5, 0.5, 0.4]}})
    look = race.look_at(table, plan)
    assert math.isnan(look.regret) and look.decided
    assert "the baseline has runs that are not finished" in str(look)


def test_a_race_needs_the_baseline() -> None:
    with pytest.raises(UserError, match="add none to --strategies"):
        race.first_plan(plan_of(["focal", "smote"], 10))
