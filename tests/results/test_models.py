"""Several models of one data set: one command, one table, and a line on who is behind."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from benchmark.cli.main import main
from benchmark.protocol import grammar
from benchmark.protocol.errors import UserError
from benchmark.results.analysis import analyse
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.models import by_models
from tests.results.tables import around


def test_settings_may_name_several_models() -> None:
    assert grammar.per_model("target='my y' model=mlp,hgb positive=1") == [
        "target='my y' positive=1 model=mlp",
        "target='my y' positive=1 model=hgb",
    ]
    for text in ("", "model=mlp", "target=y,positive=1 model=mlp", "target=y z model=mlp,hgb"):
        assert grammar.per_model(text) == [text]
    with pytest.raises(UserError, match="a model is named twice"):
        grammar.per_model("model=hgb,hgb")


def rings(file: Path, rows: int = 1500) -> None:
    """Positive rows lie in a ring, which no line divides from the others."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 2))
    yes = (np.hypot(*x.T) > 1.9) & (rng.random(rows) < 0.9)
    pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": yes.astype(int)}).to_csv(file, index=False)


@pytest.fixture(scope="module")
def two_models(tmp_path_factory: pytest.TempPathFactory, fresh_store: Path) -> tuple[str, str]:
    """A store with `logistic` and `hgb` on rings, and what the run printed."""
    folder = tmp_path_factory.mktemp("models")
    rings(folder / "rings.csv")
    uri = f"sqlite:///{shutil.copy(fresh_store, folder / 'mlflow.db')}"
    words = ["run", "--task", "csv", "--data", str(folder / "rings.csv"), "--workers", "0"]
    words += ["--settings", "target=y model=logistic,hgb", "--strategies", "none,threshold"]
    done = CliRunner().invoke(main, [*words, "--seeds", "3", "--tracking", uri])
    assert done.exit_code == 0, done.output
    return uri, done.output


def test_models_stand_in_one_table_and_the_one_behind_is_named(two_models: tuple[str, str]) -> None:
    uri, shown = two_models
    assert "Models side by side" in shown
    assert "Without a strategy, model=hgb ranks rows best" in shown
    assert "model=logistic is significantly behind" in shown
    told = CliRunner().invoke(main, ["leaderboard", "--task", "csv", "--tracking", uri])
    assert told.exit_code == 0 and "## Models side by side" in told.output
    lines = [line for line in told.output.splitlines() if line.startswith(("| hgb", "| logistic"))]
    assert [line.split(" | ")[0] for line in lines] == ["| hgb"] * 2 + ["| logistic"] * 2


def test_only_a_model_that_is_significantly_behind_is_named(
    table_of: Callable[..., Leaderboard],
) -> None:
    def measured(model: str, centre: float, seed: int) -> Leaderboard:
        values = {"f1": around(0.4, seed), "average_precision": around(centre, seed, 0.02)}
        table = table_of({"none": values})
        return replace(table, facts=table.facts | {"settings": f"model={model}"})

    tables = [measured("hgb", 0.7, 1), measured("mlp", 0.698, 2), measured("logistic", 0.5, 3)]
    [models] = by_models([analyse(table) for table in tables])
    assert models.best in ("hgb", "mlp")
    first, *behind = (sentence.text for sentence in models.sentences())
    assert first.startswith(f"Without a strategy, model={models.best} ranks rows best")
    assert [text.partition(" is significantly behind")[0] for text in behind] == ["model=logistic"]


def recommended(uri: str, *words: str) -> str:
    told = CliRunner().invoke(main, ["recommend", "csv", "--tracking", uri, *words])
    assert told.exit_code == 0, told.output
    return " ".join(told.output.split())


@pytest.mark.parametrize(
    "words, goal, best",
    [
        ((), "best F1", "model=hgb"),
        (("--cost", "fp=1,fn=10"), "lowest expected cost per 1,000 rows", "model=hgb"),
        (
            ("--objective", "recall(precision=0.5)"),
            "best recall at a precision of 0.5",
            "model=hgb",
        ),
    ],
)
def test_the_best_model_is_recommended_with_its_strategy(
    two_models: tuple[str, str], words: tuple[str, ...], goal: str, best: str
) -> None:
    uri, _ = two_models
    told = recommended(uri, *words)
    assert f"Of 2 models, {best} with" in told and f"has the {goal}" in told
    assert "model=logistic with" in told and "Use " in told
    command = told.partition("Export it:")[2]
    assert best in command and "logistic" not in command  # of the one model
    alone = recommended(uri, "--settings", "target=y model=logistic", *words)
    assert "model=logistic" in alone and "model=hgb" not in alone
    both = recommended(uri, "--settings", "target=y model=hgb,logistic", *words)
    assert f"Of 2 models, {best} with" in both
