"""Searches for costs of classes and of amounts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from mlflow import MlflowClient
from scipy.special import expit

from benchmark.cli.main import main
from benchmark.tracking import tags

ROWS = 900


@pytest.fixture
def file(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, ROWS))
    fraud = rng.random(ROWS) < expit(2 * a - 2)
    kind = np.where(b > 1, "rare", np.where(a + rng.normal(size=ROWS) > 0, "up", "down"))
    amount = [f"{value:.2f} EUR" for value in rng.exponential(80, ROWS)]
    frame = pd.DataFrame({"a": a, "b": b + rng.normal(size=ROWS), "amount": amount})
    frame.assign(fraud=fraud, kind=kind).to_csv(tmp_path / "rows.csv", index=False)
    return tmp_path / "rows.csv"


def search(file: Path, uri: str, settings: str, cost: str) -> Result:
    words = ["search", "--task", "csv", "--data", str(file), "--tracking", uri, "--workers", "0"]
    words += ["--settings", f"{settings} model=logistic", "--cost", cost, "--against", "none"]
    return CliRunner().invoke(main, [*words, "--trials", "2", "--seeds", "1", "--fresh", "2"])


def tracked(uri: str, kind: str) -> list[dict[str, float]]:
    client = MlflowClient(uri)
    numbers = [experiment.experiment_id for experiment in client.search_experiments()]
    found = client.search_runs(numbers, f"tags.`{tags.KIND}` = '{kind}'")
    return [run.data.metrics for run in found]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "cost"),
    [
        ("target=fraud positive=True drop='amount,kind'", "fp=20,fn=amount"),
        ("target=kind drop='amount,fraud'", "rare>up=30,rare>down=30"),
    ],
)
def test_trials_are_judged_by_what_decisions_of_least_expected_cost_cost(
    settings: str, cost: str, file: Path, store_uri: str
) -> None:
    result = search(file, store_uri, settings, cost)
    assert result.exit_code == 0, result.output
    assert "by cost per 1,000 rows" in result.output
    values = [metrics["val/cost"] for metrics in tracked(store_uri, "trial")]
    assert len(values) == 2 and min(values) > 0
    assert "has the lowest cost per 1,000 rows on validation" in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("cost", "said"),
    [
        ("fp=20,fn=amuont", "has no column 'amuont': did you mean 'amount'?"),
        ("fp=20,fn=kind", "column 'kind' is a cost: it must hold a number from 0 in every row"),
        ("no>yes=3", "there are no classes 'no>yes'"),
        ("nowhere.csv", "--cost nowhere.csv: No such file"),
    ],
)
def test_costs_that_the_data_does_not_have_are_one_line(
    cost: str, said: str, file: Path, store_uri: str
) -> None:
    result = search(file, store_uri, "target=fraud positive=True drop='amount,kind'", cost)
    assert result.exit_code == 2
    line = result.output.splitlines()[-1]
    assert line.startswith("error: ") and said in line
    assert not tracked(store_uri, "trial") and not tracked(store_uri, "search")
