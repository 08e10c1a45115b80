"""Several models of one data set: one command, one table, and a line on who is behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from benchmark.cli.main import main
from benchmark.protocol import grammar
from benchmark.protocol.errors import UserError


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


def test_models_stand_in_one_table_and_the_one_behind_is_named(
    tmp_path: Path, store_uri: str
) -> None:
    rings(tmp_path / "rings.csv")
    words = ["run", "--task", "csv", "--data", str(tmp_path / "rings.csv"), "--workers", "0"]
    words += ["--settings", "target=y model=logistic,hgb", "--strategies", "none,threshold"]
    shown = CliRunner().invoke(main, [*words, "--seeds", "3", "--tracking", store_uri])
    assert shown.exit_code == 0, shown.output
    assert "Models side by side" in shown.output
    assert "Without a strategy, model=hgb ranks rows best" in shown.output
    assert "model=logistic is significantly behind" in shown.output
    told = CliRunner().invoke(main, ["leaderboard", "--task", "csv", "--tracking", store_uri])
    assert told.exit_code == 0 and "## Models side by side" in told.output
    lines = [line for line in told.output.splitlines() if line.startswith(("| hgb", "| logistic"))]
    assert [line.split(" | ")[0] for line in lines] == ["| hgb"] * 2 + ["| logistic"] * 2
