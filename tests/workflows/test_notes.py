"""What is known about the data goes with its results: leaderboard, report and model card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from click.testing import CliRunner
from mlflow import MlflowClient

from benchmark.cli.main import main
from benchmark.protocol import grammar, grid
from benchmark.protocol.task import Budget
from tasks.csv import TASK, Settings


def invoke(*words: str) -> Any:
    shown = CliRunner().invoke(main, [*words])
    assert shown.exit_code == 0, shown.output
    return shown


def test_a_leak_is_told_in_leaderboard_report_and_card(tmp_path: Path, store_uri: str) -> None:
    rng = np.random.default_rng(0)
    yes = rng.random(400) < 0.2
    frame = pd.DataFrame({"a": rng.normal(size=400), "refund": yes * 9 + rng.normal(size=400)})
    file = tmp_path / "customers.csv"
    frame.assign(y=np.where(yes, "yes", "no")).to_csv(file, index=False)
    words = ["--data", str(file), "--settings", "model=logistic", "--tracking", store_uri]
    run = ["run", "--task", "csv", "--strategies", "none", "--seeds", "2", "--workers", "0"]
    told = "column 'refund' alone predicts the class"
    assert told in invoke(*run, *words).stdout
    page, report = tmp_path / "board.md", tmp_path / "board.html"
    invoke("leaderboard", "--output", str(page), "--html", str(report), "--tracking", store_uri)
    assert told in page.read_text() and "## csv (customers.csv), model=logistic" in page.read_text()
    assert told.replace("'", "&#39;") in report.read_text()
    invoke("export", "csv", *words, "--strategy", "none", "--name", "shop")
    card = MlflowClient(store_uri).get_model_version_by_alias("shop", "champion").description
    assert f"- Data: {told}" in card and "see the notes on the data under Limits" in card


def test_notes_that_a_store_cannot_hold_are_counted(tmp_path: Path) -> None:
    data = TASK.synthetic(Settings())
    many = data.__class__(**vars(data) | {"notes": tuple(f"{n}: " + "x" * 300 for n in range(40))})
    settings = grammar.settings("csv", "")
    facts = grid.make_conditions("csv", settings, "", many, Budget(9, 9)).facts()
    *kept, last = facts["notes"]
    assert kept == list(many.notes[: len(kept)]) and 5 < len(kept) < 40
    assert last == f"{40 - len(kept)} more notes: see `inspect`"
