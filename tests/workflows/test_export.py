"""From a leaderboard to a registered model that decides as the benchmark did."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from mlflow import MlflowClient
from mlflow.entities import Run
from sklearn.metrics import f1_score

from benchmark.cli.main import main
from benchmark.protocol import grammar, registry
from benchmark.results import comparison, recommendation
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.query import LeaderboardQuery, find_leaderboard
from benchmark.tracking import model_registry, tags
from benchmark.tracking.history import read_fit
from benchmark.training import inference
from benchmark.training.decision import fit_decision
from benchmark.training.predictions import Fit, row_weights
from benchmark.workflows import export, model_card, tracked_data
from benchmark.workflows.execution import worker
from tests import toys
from tests.docs.words import offences
from tests.prices import errors
from tests.stores import copy_of

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def measured(measured: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A copy to write to."""
    return copy_of(measured, tmp_path_factory.mktemp("export"))


def invoke(uri: str, *words: str) -> Any:
    return CliRunner().invoke(main, ["export", "insurance", *words, "--tracking", uri])


def exports(uri: str) -> list[Run]:
    client = MlflowClient(uri)
    numbers = [experiment.experiment_id for experiment in client.search_experiments()]
    return list(client.search_runs(numbers, f"tags.`{tags.KIND}` = 'export'"))


@dataclass(frozen=True)
class Shipped:
    """An exported `class_weight` at seed 1."""

    uri: str
    run: Run
    fit: Fit
    table: Leaderboard
    card: str
    rows: pd.DataFrame  # of test, raw
    decisions: list[int]  # the benchmark's


@pytest.fixture(scope="module")
def shipped(measured: str) -> Shipped:
    words = ["--strategy", "class_weight", "--seed", "1", "--name", "shipped", "--alias", "best"]
    done = invoke(measured, *words)
    assert done.exit_code == 0, done.output
    [run] = [run for run in exports(measured) if run.data.tags[tags.LABEL] == "class_weight"]
    table = find_leaderboard(measured, LeaderboardQuery())
    cell = table.runs[(table.runs["label"] == "class_weight") & (table.runs["seed"] == 1)].iloc[0]
    fit = read_fit(measured, cell["artifacts"], cell["predictions"])
    assert fit
    data = worker.load("insurance", grammar.settings("insurance", ""), "")
    decision = fit_decision(grammar.read("class_weight").strategy, fit)
    return Shipped(
        uri=measured,
        run=run,
        fit=fit,
        table=table,
        card=MlflowClient(measured).get_model_version_by_alias("shipped", "best").description,
        rows=data.rows.iloc[fit.test.rows],
        decisions=decision.decide(fit.test.best, fit.test.rows).tolist(),
    )


@pytest.mark.slow
def test_a_csv_is_decided_as_the_benchmark_did_far_from_this_checkout(
    shipped: Shipped, tmp_path: Path
) -> None:
    shipped.rows.assign(id=7).to_csv(tmp_path / "rows.csv", index=False)
    code = (
        "import mlflow\n"
        "mlflow.models.predict('models:/shipped@best', input_path='rows.csv', content_type='csv',"
        " output_path='answers.json', env_manager='local')\n"
    )
    environment = {**os.environ, "MLFLOW_TRACKING_URI": shipped.uri}
    environment.pop("PYTHONPATH", None)
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True, capture_output=True
    )
    said = json.loads((tmp_path / "answers.json").read_text())["predictions"]
    assert [answer["decision"] for answer in said] == shipped.decisions
    assert set(said[0]) == {"label", "probability", "decision"}


def test_nothing_is_pickled_and_only_code_goes_along(shipped: Shipped, tmp_path: Path) -> None:
    import mlflow.artifacts

    where = "models:/shipped@best"
    folder = Path(mlflow.artifacts.download_artifacts(where, None, None, tmp_path, shipped.uri))
    names = [path for path in folder.rglob("*") if path.is_file()]
    names = [path for path in names if path.parent.name != "__pycache__"]  # of loading it
    kinds = {path.suffix for path in names if "code" not in path.parts}
    assert kinds <= {"", ".json", ".keras", ".py", ".txt", ".yaml", ".yml"}
    assert {path.name for path in (folder / "code").iterdir()} == {"benchmark", "tasks"}
    assert {"network.keras", "model.json", "input_example.json"} <= {path.name for path in names}
    for pin in (folder / "requirements.txt").read_text().split():
        assert re.fullmatch(r"[\w.-]+==[\w.]+", pin)


def test_the_card_has_the_numbers_of_the_leaderboard(shipped: Shipped) -> None:
    for name, heading in (("test/f1", "F1"), ("test/roc_auc", "ROC AUC"), ("test/ece", "ECE")):
        it = comparison.mean(shipped.table, "class_weight", name)
        own = shipped.table.runs.set_index(["label", "seed"]).loc[("class_weight", 1), name]
        line = f"| {heading} | {it.mean:.3f} [{it.low:.3f}, {it.high:.3f}] | {own:.3f} |"
        assert line in shipped.card
    assert "SYNTHETIC DATA" in shipped.card
    assert offences(shipped.card) == []
    assert "mlflow models serve -m models:/shipped@best --env-manager local" in shipped.card


def test_the_lines_of_the_card_work_where_the_user_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
    monkeypatch.chdir(tmp_path)
    lines = [line for line in model_card._use("models:/m@best", "sqlite:///m.db") if "uv " in line]
    assert len(lines) == 2
    assert all(line.startswith(f"uv run --project {ROOT} mlflow models ") for line in lines)


def test_the_card_says_how_many_rows_it_was_trained_on(shipped: Shipped) -> None:
    """Those of the training split, and how many a strategy made of them only if it resamples."""
    task, settings = registry.task("insurance"), grammar.settings("insurance", "")
    data = worker.load("insurance", settings, "")
    rows = len(task.split(data, settings, 1).train)
    assert f"- trained on {rows:,} rows; threshold and checkpoint" in shipped.card
    assert "resampled" not in shipped.card
    advice = recommendation.recommend(shipped.uri, shipped.table, None)
    advice = recommendation.with_strategy(advice, "class_weight")
    decision = fit_decision(grammar.read("class_weight").strategy, shipped.fit)
    fit = replace(shipped.fit, trained_rows=2 * rows)
    card = model_card.card(advice, 1, fit, decision, "models:/it@best", shipped.uri)
    assert f"- trained on {rows:,} rows, resampled to {2 * rows:,}; threshold" in card


def test_the_card_of_weighted_test_rows_says_what_they_stand_for(shipped: Shipped) -> None:
    test = shipped.fit.test
    weights = row_weights(test.labels, np.array([50, 1]) / 51)
    weighted = replace(shipped.fit, test=replace(test, weights=weights))
    advice = replace(recommendation.recommend(shipped.uri, shipped.table, None), label="none")
    decision = fit_decision(grammar.read("class_weight").strategy, weighted)
    card = model_card.card(advice, 1, weighted, decision, "models:/it@best", shipped.uri)
    negatives, positives = np.bincount(test.labels)
    for count in (negatives, positives):
        assert f" {count:,} ({count / len(test.labels):.2%})".replace("%", " %") in card
    assert ", weighted to 50:1\n" in card and "weighted" not in shipped.card
    f1 = f1_score(test.labels, decision.decide(test.best, test.rows), sample_weight=weights)
    assert f"| {f1:.3f} |\n" in card
    assert f"The rarest class has {positives:,} test rows" in card


def test_the_run_says_what_it_is(shipped: Shipped) -> None:
    assert shipped.run.info.status == "FINISHED"
    assert shipped.run.data.tags[tags.SEED] == "1"
    client = MlflowClient(shipped.uri)
    files = {item.path for item in client.list_artifacts(shipped.run.info.run_id)}
    assert model_registry.CARD in files


def test_costs_go_with_the_model(measured: str) -> None:
    given = ["--cost", "fn=50", "--strategy", "none", "--name", "dear", "--seed", "0"]
    done = invoke(measured, *given)
    assert done.exit_code == 0, done.output
    card = MlflowClient(measured).get_model_version_by_alias("dear", "champion").description
    expected = recommendation.recommend(
        measured, find_leaderboard(measured, LeaderboardQuery()), errors(1, 50)
    ).expected
    assert expected
    own = [candidate for candidate in expected.candidates if candidate.label == "none"]
    candidate = expected.choose(own)
    assert f"from a probability of {candidate.thresholds[0]:.4g}\n" in card
    assert f"| cost per 1,000 rows, fp=1,fn=50 | {candidate.mean:,.1f} [" in card
    assert f"| {candidate.cost[0]:,.1f} |" in card


def test_amounts_and_subgroups_go_with_the_model(measured: str) -> None:
    given = ["--cost", "fp=3000,fn=Annual_Premium", "--strategy", "none", "--name", "amounts"]
    done = invoke(measured, *given, "--by", "Gender", "--by", "Age")
    assert done.exit_code == 0, done.output  # the logged model decides test as it should
    card = MlflowClient(measured).get_model_version_by_alias("amounts", "champion").description
    assert "**none**, deciding each row by the least expected cost" in card
    assert "**This model on fresh rows like these costs between " in card
    assert "## Subgroups: none by Gender\n" in card and "## Subgroups: none by Age\n" in card
    assert "- Fairness was examined between the subgroups above alone." in card
    assert offences(card) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--cost", "fn=Anual_Premium"], "did you mean 'Annual_Premium'?"),
        (["--cost", "fn=Gender"], "column 'Gender' is a cost: it must hold a number from 0"),
        (["--by", "Sex", "--strategy", "none"], "--by: synthetic customers has no column 'Sex'"),
    ],
)
def test_columns_that_cannot_be_used_are_one_line(
    words: list[str], said: str, measured: str
) -> None:
    before = len(exports(measured))
    done = invoke(measured, *words)
    assert done.exit_code == 2 and said in done.stderr and len(exports(measured)) == before


WRONG = {
    "another training": (
        lambda patch: patch.setattr(export, "fit_network", _otherwise(export.fit_network)),
        "trained again, the strategy does not predict what its run has",
    ),
    "other data": (
        lambda patch: patch.setattr(tracked_data, "load", _other_data(tracked_data.load)),
        "has changed since it was measured",
    ),
}


def _otherwise(fit_network: Any) -> Any:
    def fit(*given: Any) -> Any:
        found, network = fit_network(*given)
        best = found.test.best.copy()
        best[-1, -1] = np.nextafter(best[-1, -1], 9)
        return replace(found, test=replace(found.test, best=best)), network

    return fit


def _other_data(load: Any) -> Any:
    return lambda *given: replace(load(*given), digest="0" * 64)


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_repeated_is_refused_before_anything_is_logged(
    case: str, measured: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = len(exports(measured))
    change, words = WRONG[case]
    change(monkeypatch)
    done = invoke(measured, "--name", "wrong", "--strategy", "none")
    assert done.exit_code == 2
    assert words in done.stderr
    assert len(exports(measured)) == before


def test_a_model_that_decides_otherwise_is_not_registered(
    measured: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = inference.predict

    def one_wrong(model: inference.SavedModel, rows: pd.DataFrame) -> pd.DataFrame:
        found = said(model, rows)
        found.loc[len(found) - 1, "decision"] = 1 - found["decision"].iloc[-1]
        return found

    monkeypatch.setattr(inference, "predict", one_wrong)
    done = invoke(measured, "--name", "wrong", "--strategy", "none")
    assert "decides otherwise than the benchmark" in str(done.exception)
    client = MlflowClient(measured)
    assert "wrong" not in [model.name for model in client.search_registered_models()]
    assert {run.info.status for run in exports(measured)} >= {"FAILED"}


@pytest.mark.parametrize("option", ["--name", "--alias"])
def test_names_that_the_registry_refuses_are_refused_before_training(
    option: str, measured: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "fit_network", lambda *_: pytest.fail("it was trained"))
    done = invoke(measured, "--strategy", "none", option, "a/b:c")
    assert done.exit_code == 2
    [line] = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert f"{option} 'a/b:c': " in line


def test_a_seed_that_was_not_run_is_named(measured: str) -> None:
    done = invoke(measured, "--strategy", "none", "--seed", "7")
    assert done.exit_code == 2 and "none has no run with seed 7: it has [0, 1]" in done.stderr


@pytest.mark.parametrize("best", [0, 1])
def test_the_seed_is_chosen_on_validation(
    best: int, measured: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = find_leaderboard(measured, LeaderboardQuery())
    advice = recommendation.with_strategy(recommendation.recommend(measured, table, None), "none")
    good, bad = (replace(toys.PREDICTIONS, best=sign * perfect()) for sign in (1, -1))
    chosen, other = (
        replace(toys.FIT, validation=one, test=two) for one, two in ((good, bad), (bad, good))
    )
    of_run = dict(zip(table.runs["artifacts"], table.runs["seed"], strict=True))
    monkeypatch.setattr(
        export, "read_fit", lambda uri, run, digest: chosen if of_run[run] == best else other
    )
    found = export._choose(export.ExportRequest(measured, advice, None, "", ""))
    assert (found.seed, found.fit) == (best, chosen)


def perfect() -> Any:
    return np.stack([-toys.LABELS, toys.LABELS], axis=1).astype(float)
