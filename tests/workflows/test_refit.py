"""Export of a model that is trained on all rows, and of one that adapts to prevalence."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from benchmark.cli.main import main
from benchmark.protocol import grammar
from benchmark.protocol.strategy import NONE
from benchmark.protocol.task import Budget, Splits
from benchmark.training import inference
from benchmark.training.decision import Decision, fit_decision
from benchmark.training.job import TrainingJob
from benchmark.training.predictions import Fit
from benchmark.workflows import refit
from tasks.csv import TASK
from tests import toys


def table(seed: int, rows: int, share: float = 0.15) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    yes = rng.random(rows) < share
    a, b = rng.normal(1.2 * yes, 1, (2, rows))
    return pd.DataFrame({"a": a, "b": b, "y": np.where(yes, "yes", "no")})


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("refit")
    table(0, 2000).to_csv(folder / "rows.csv", index=False)
    store = f"sqlite:///{folder}/mlflow.db"

    def invoke(*words: str) -> str:
        shown = CliRunner().invoke(main, [*words, "--tracking", store])
        assert shown.exit_code == 0, shown.output
        return shown.output

    words = ["--task", "csv", "--data", str(folder / "rows.csv"), "--workers", "0"]
    words += ["--settings", "target=y model=logistic", "--strategies", "none"]
    invoke("run", *words, "--seeds", "3")
    said = invoke("export", "csv", "--refit", "--adapt-prevalence", "--objective",
                  "recall(precision=0.5)")  # fmt: skip
    mlflow.set_tracking_uri(store)
    path = mlflow.artifacts.download_artifacts("models:/skewbench-csv@champion")
    [facts] = Path(path).rglob(inference.FACTS)
    return said, inference.load(facts.parent)


def test_it_is_trained_on_all_rows_and_says_what_that_does_to_the_threshold(exported: Any) -> None:
    said, _ = exported
    said = " ".join(said.split())
    assert "Refit on all 2,000 rows" in said
    assert "out-of-fold predictions of 3 seeds" in said and "on the validation rows of one" in said
    assert "Probabilities are adapted to the prevalence" in said
    assert "This model on fresh rows like these: precision between" in said


def test_its_threshold_is_chosen_on_the_validation_rows_of_all_seeds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chosen_on: list[int] = []

    def decide(fit: Fit) -> Decision:
        chosen_on.append(len(fit.validation.labels))
        return fit_decision(grammar.read("threshold").strategy, fit)

    monkeypatch.setattr(refit, "fit_network", lambda job, on_step: (toys.FIT, None))
    parts = np.split(np.arange(30), 3)
    splits = Splits(np.zeros((30, 2)), toys.LABELS, *parts)
    job = TrainingJob(TASK, None, splits, 2, NONE, Budget(10, 8), 0)
    found = refit.refit(job, decide, toys.FIT, [toys.FIT] * 3)
    assert chosen_on[0] == 90 and found.rows == 30
    assert "of one seed" not in found.note  # all chose the same


def test_it_keeps_the_precision_on_fresh_rows(exported: Any) -> None:
    _, model = exported
    plain = dataclasses.replace(model, facts=dataclasses.replace(model.facts, adapts_from=()))
    fresh = table(1, 8000)
    predicted = inference.predict(plain, fresh.drop(columns="y"))["label"]
    chosen = predicted == "yes"
    assert (fresh["y"] == "yes")[chosen].mean() == pytest.approx(0.5, abs=0.09)
    assert chosen[fresh["y"] == "yes"].mean() > 0.3


def test_it_adapts_to_rows_with_another_prevalence(exported: Any) -> None:
    _, model = exported
    plain = dataclasses.replace(model, facts=dataclasses.replace(model.facts, adapts_from=()))
    fresh = table(2, 3000, share=0.5)
    known, moved = (
        inference.predict(each, fresh.drop(columns="y"))["probability"].mean()
        for each in (plain, model)
    )
    share = (fresh["y"] == "yes").mean()
    assert abs(moved - share) < abs(known - share) / 3
    few = fresh.head(20).drop(columns="y")
    assert inference.predict(plain, few).equals(inference.predict(model, few))
