"""A search from the command line to what it leaves in MLflow, on a task of 360 rows."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from click.testing import Result
from mlflow import MlflowClient
from mlflow.entities import Run

from benchmark.protocol import grammar, registry
from benchmark.protocol.splits import held_out_rows
from benchmark.protocol.strategy import Strategy
from benchmark.protocol.task import Splits
from benchmark.results import leaderboard, objective
from benchmark.results.objective import Objective
from benchmark.tracking import tags
from benchmark.training import fit
from benchmark.workflows.search import storage, trial
from tests import stores, toys
from tests.workflows.search.conftest import Command

KNOWN_WEIGHT = 9.0


def runs(uri: str, kind: str) -> list[Run]:
    client = MlflowClient(uri)
    numbers = [experiment.experiment_id for experiment in client.search_experiments()]
    return stores.unfolded(client.search_runs(numbers, f"tags.`{tags.KIND}` = '{kind}'"))


def chosen(result: Result) -> str:
    """The strategy that is printed as text for ``run --strategies``."""
    [line] = [line for line in result.output.splitlines() if "--strategies '" in line]
    return line.split("'")[1]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Splits]:
    """The splits of all trainings that really happen."""
    found: list[Splits] = []
    original = fit.fit

    def noted(*given: Any) -> fit.Fit:
        found.append(given[0].splits)
        return original(*given)

    monkeypatch.setattr(fit, "fit", noted)
    return found


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An objective without training, best at KNOWN_WEIGHT; a list of the strategies it judged."""
    judged: list[str] = []

    def on_validation(goal: Objective, strategy: Strategy, fit: Any) -> float:
        weight = float(strategy.weigh(np.array([0, 1]), 2)[1])
        judged.append(f"{weight:.3g}")
        return -abs(math.log(weight / KNOWN_WEIGHT))

    monkeypatch.setattr(Objective, "on_validation", on_validation)
    monkeypatch.setattr(trial, "_fit", lambda *_: None)
    return judged


@pytest.mark.slow
def test_a_known_optimum_is_found_within_five_percent_in_forty_trials(
    search: Command, planted: list[str], store_uri: str
) -> None:
    result = search("--trials", "40", "--seeds", "2", "--space", "positive=1..50")
    assert result.exit_code == 0, result.output
    [dimension] = grammar.calls(chosen(result))
    assert float(dimension.given["positive"]) == pytest.approx(KNOWN_WEIGHT, rel=0.05)
    assert len(runs(store_uri, "trial")) == 40


@pytest.mark.drawn
def test_trials_are_flat_runs_that_show_parameters_state_and_pruning(
    search: Command, planted: list[str], store_uri: str
) -> None:
    result = search("--trials", "30", "--seeds", "3")
    assert result.exit_code == 0, result.output
    found = runs(store_uri, "trial")
    [of_search] = runs(store_uri, "search")
    assert of_search.info.status == "FINISHED"
    states = Counter(one.data.tags[tags.STATE] for one in found)
    assert states["COMPLETE"] + states["PRUNED"] == 30 and states["PRUNED"] > 0
    for one in found:
        assert "mlflow.parentRunId" not in one.data.tags
        assert one.data.tags[tags.SEARCH] == of_search.data.tags[tags.SEARCH]
        assert (
            one.info.status
            == {"COMPLETE": "FINISHED", "PRUNED": "KILLED"}[one.data.tags[tags.STATE]]
        )
        weight = one.data.params["positive"]
        assert one.data.tags[tags.STRATEGY] == f"class_weight(positive={weight})"
        expected = -abs(math.log(float(weight) / KNOWN_WEIGHT))
        assert one.data.metrics["val/f1"] == pytest.approx(expected, abs=0.01)
        history = MlflowClient(store_uri).get_metric_history(one.info.run_id, "seed")
        assert len(history) == (
            3 if one.data.tags[tags.STATE] == "COMPLETE" else history[-1].step + 1
        )
    best = max(
        (one for one in found if one.data.tags[tags.STATE] == "COMPLETE"),
        key=lambda one: one.data.metrics["val/f1"],
    )
    assert best.data.tags[tags.STRATEGY] == chosen(result)
    files = {item.path for item in MlflowClient(store_uri).list_artifacts(of_search.info.run_id)}
    assert files == {"search.md", "curve.svg", "history.svg"}
    assert chosen(result) in of_search.data.tags[tags.NOTE]
    assert "--against none,class_weight,threshold" in of_search.data.tags[tags.NOTE]


def test_the_same_command_goes_on_and_trials_are_the_total(
    search: Command, planted: list[str], store_uri: str
) -> None:
    search("--trials", "3")
    judged = len(planted)
    assert judged
    again = search("--trials", "3")
    assert "3 asked for, 3 finished before" in again.output and len(planted) == judged
    search("--trials", "5")
    assert len(runs(store_uri, "trial")) == 5
    assert sorted(int(one.data.tags[tags.TRIAL]) for one in runs(store_uri, "trial")) == [*range(5)]
    search("--trials", "2", "--objective", "average_precision")  # is another search
    assert len(runs(store_uri, "trial")) == 7


def test_a_run_that_was_not_logged_is_logged_by_the_next_command(
    search: Command, planted: list[str], store_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(trial.trials, "log", lambda *_: None)  # as if killed before it
        broken.setattr("benchmark.workflows.search.runner._log_missing", lambda *_: None)
        search("--trials", "3")
    assert not runs(store_uri, "trial")
    search("--trials", "3")
    assert len(runs(store_uri, "trial")) == 3


def test_a_failed_trial_is_recorded_and_the_search_goes_on(
    search: Command, planted: list[str], store_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter(range(100))

    def fit(*_: object) -> None:
        if next(times) == 2:  # the first seed of the second trial
            raise ValueError("a bad number")

    monkeypatch.setattr(trial, "_fit", fit)
    result = search("--trials", "4")
    assert result.exit_code == 0, result.output
    found = {one.data.tags[tags.TRIAL]: one for one in runs(store_uri, "trial")}
    assert Counter(one.info.status for one in found.values()) == {"FINISHED": 3, "FAILED": 1}
    assert "ValueError: a bad number" in found["1"].data.tags[tags.ERROR]
    assert "1 failed" in result.output


def test_a_storage_that_is_lost_is_one_line_and_the_search_goes_on_later(
    search: Command, planted: list[str], store_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: object, **__: object) -> None:
        raise optuna.exceptions.StorageInternalError("it is away")

    with monkeypatch.context() as broken:
        broken.setattr(optuna.Trial, "report", lost)
        broken.setattr(optuna.Study, "tell", lost)
        result = search("--trials", "2")
    assert result.exit_code == 2
    assert "was lost (it is away): when it is back" in result.output.splitlines()[-1]
    assert search("--trials", "2").exit_code == 0
    assert len(runs(store_uri, "trial")) == 2


def test_if_every_trial_fails_it_says_why(
    search: Command, planted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fit(*_: object) -> None:
        raise ValueError("a bad number")

    monkeypatch.setattr(trial, "_fit", fit)
    result = search("--trials", "2")
    assert result.exit_code == 2
    assert "none of 2 trials was completed: ValueError: a bad number" in result.output


def test_no_trial_has_a_test_split_or_sees_a_held_out_label(
    search: Command, seen: list[Splits], toy: Path
) -> None:
    result = search("--trials", "2", strategy="oversample+focal(gamma=1)+threshold(beta=1)")
    assert result.exit_code == 0, result.output
    data = registry.task("toy").load(None, toy / "data.npz")
    held = held_out_rows(data)
    assert len(seen) == 4
    for splits in seen:
        assert len(splits.test) == 0
        used = np.concatenate([splits.train, splits.validation])
        assert not held[used].any()
        others = np.setdiff1d(np.arange(len(data.labels)), used)
        assert (splits.y[others] == -1).all() and (splits.y[used] == data.labels[used]).all()


@pytest.mark.slow
def test_what_is_chosen_is_run_on_fresh_seeds_and_on_held_out_rows(
    search: Command, seen: list[Splits], store_uri: str, toy: Path
) -> None:
    result = search("--trials", "2", fresh=2, strategy="class_weight")
    assert result.exit_code == 0, result.output
    data = registry.task("toy").load(None, toy / "data.npz")
    confirming = [splits for splits in seen if len(splits.test)]
    assert confirming and all(held_out_rows(data)[splits.test].all() for splits in confirming)
    cells = runs(store_uri, "cell")
    labels = {one.data.tags[tags.LABEL] for one in cells}
    assert labels == {chosen(result), "class_weight", "none", "threshold"}
    assert {one.data.tags[tags.SEED] for one in cells} == {"0", "1"}
    facts = json.loads(cells[0].data.tags[tags.FACTS])
    assert facts["portion"] == "confirmation"
    assert facts["counts"] == np.bincount(data.labels[held_out_rows(data)]).tolist()
    [table] = leaderboard.leaderboards(store_uri, ["toy"])  # of cells alone
    assert table.counts() == {"planned": 8, "finished": 8, "failed": 0, "missing": 0}
    assert "--portion confirmation" in table.command
    assert f"| {chosen(result)} |" in runs(store_uri, "search")[0].data.tags[tags.NOTE]


def test_decisions_are_searched_on_one_training_a_seed(
    search: Command, seen: list[Splits], store_uri: str
) -> None:
    result = search("--trials", "4", strategy="logit_shift+threshold")
    assert result.exit_code == 0, result.output
    assert len(seen) == 2 and len(runs(store_uri, "trial")) == 4


@pytest.mark.slow
def test_on_labels_without_a_meaning_nothing_is_claimed(
    search: Command, toy: Path, store_uri: str
) -> None:
    with np.load(toy / "data.npz") as arrays:
        x, y = arrays["x"], np.random.default_rng(3).permutation(arrays["y"])
    np.savez(toy / "data.npz", x=x, y=y)
    toys.forget(toy)
    result = search("--trials", "6", fresh=4, strategy="class_weight")
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    assert "It does not rank rows significantly better than chance, so there is no claim" in said
    assert "better │" not in result.output


def of_three_classes(toy: Path, every: int) -> None:
    """Makes the toy task one of three classes; every so many rows are of the third."""
    text = toys.TEMPLATE.read_text().replace("(0, 1)", "(0, 1, 2)")
    (toy / "toy.py").write_text(text.replace('("negative", "positive")', '("a", "b", "c")'))
    with np.load(toy / "data.npz") as arrays:
        x, y = arrays["x"], arrays["y"]
    y[1::every] = 2
    np.savez(toy / "data.npz", x=x, y=y)
    toys.forget(toy)


def test_a_class_that_some_seed_of_the_search_lacks_is_found_out_before(
    search: Command, toy: Path, store_uri: str
) -> None:
    of_three_classes(toy, every=24)
    result = search("--seeds", "20")
    assert result.exit_code == 2
    assert "no row of class 'c' is in the search's validation" in result.output.splitlines()[-1]
    assert not runs(store_uri, "search")


@pytest.mark.slow
def test_of_three_classes_every_one_gets_a_weight(
    search: Command, toy: Path, store_uri: str
) -> None:
    of_three_classes(toy, every=6)
    result = search("--trials", "2", "--against", "none", fresh=2)
    assert result.exit_code == 0, result.output
    trial = runs(store_uri, "trial")[0]
    first, second = trial.data.params["weights.1"], trial.data.params["weights.2"]
    assert trial.data.tags[tags.STRATEGY] == f"class_weight(weights=(1, {first}, {second}))"
    labels = {one.data.tags[tags.LABEL] for one in runs(store_uri, "cell")}
    assert labels == {chosen(result), "class_weight", "none"}


@pytest.mark.drawn
def test_importance_is_drawn_where_there_are_several_numbers(
    search: Command, store_uri: str, planted: list[str]
) -> None:
    result = search("--trials", "12", strategy="class_weight+threshold")
    assert result.exit_code == 0, result.output
    [of_search] = runs(store_uri, "search")
    files = {item.path for item in MlflowClient(store_uri).list_artifacts(of_search.info.run_id)}
    assert "importance.svg" in files


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--strategy", "none"], "strategy 'none' has nothing to search"),
        (["--objective", "f3"], "unknown objective 'f3'"),
        (["--cost", "fp=1"], "a cost needs both sides, and fn is missing"),
        (["--storage", "postgresql+psycopg://me:secret@127.0.0.1:1/it"], "cannot be reached"),
        (["--storage", "sqlite:////nowhere/at/all.db"], "cannot be reached"),
        (["--tracking", "sqlite:////nowhere/at/all.db"], "tracking store sqlite:////nowhere"),
        (["--fresh", "x"], "--fresh must be a whole number"),
        (["--trials", "0"], "--trials must be a whole number"),
        (["--space", "positive=x"], "--space is written like"),
        (["--against", "nonee"], "unknown strategy 'nonee'"),
        (["--strategy", "smote(k=1)+focall"], "did you mean 'focal'?"),
    ],
)
def test_what_is_wrong_is_one_line_and_leaves_nothing_behind(
    words: Sequence[str], said: str, search: Command, store_uri: str
) -> None:
    result = search(*words)
    assert result.exit_code == 2
    line = result.output.splitlines()[-1]
    assert line.startswith("error: ") and said in line and "secret" not in result.output
    assert not runs(store_uri, "search") and not runs(store_uri, "trial")
    assert not Path(store_uri.removeprefix("sqlite:///")).with_name("optuna.db").exists()


def test_a_storage_beside_the_store_is_the_default(tmp_path: Path) -> None:
    assert storage.default_storage(f"sqlite:///{tmp_path}/mlflow.db") == (
        f"sqlite:///{tmp_path}/optuna.db"
    )
    assert storage.default_storage("http://127.0.0.1:5000") == f"sqlite:///{Path.cwd()}/optuna.db"


def test_every_objective_has_a_line_that_says_what_it_is() -> None:
    for make in objective.OBJECTIVES.values():
        assert (make.__doc__ or "").strip()
