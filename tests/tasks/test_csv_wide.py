"""Tables of many columns: checks that stay cheap, no overflow, a network that fits them."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from benchmark.protocol import progress
from benchmark.protocol.strategy import NONE
from benchmark.protocol.task import Budget, Network
from benchmark.training import compiled as compiling
from benchmark.training import fit as fitting
from benchmark.training.job import TrainingJob
from tasks.csv import TASK, Settings
from tasks.tables import leakage, models
from tests.slow import slow_but

ROWS, COLUMNS = 400, 1200
RNG = np.random.default_rng(0)
YES = RNG.random(ROWS) < 0.2


def write(path: Path, columns: np.ndarray[Any, Any], **more: Any) -> Path:
    named = pd.DataFrame(columns).add_prefix("c")
    frame = pd.concat([named, pd.DataFrame({"y": np.where(YES, "yes", "no"), **more})], axis=1)
    pd.concat([frame, frame[:2]]).to_csv(path, index=False)
    return path


def test_trees_are_grown_for_suspicious_columns_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grown: list[int] = []
    tree = leakage._auc

    def counted(x: Any, *others: Any) -> float:
        grown.append(x.shape[1])
        return tree(x, *others)

    monkeypatch.setattr(leakage, "_auc", counted)
    refund = np.where(YES, 9, 1) + RNG.normal(size=ROWS)
    band = np.where(YES, RNG.uniform(0.4, 0.5, ROWS), RNG.choice([0.2, 0.8], ROWS))
    file = write(
        tmp_path / "t.csv", RNG.normal(size=(ROWS, COLUMNS)), refund=refund, band=band, state=YES
    )
    notes = TASK.load(Settings(), file).notes  # 3 ** 1200 ways to differ overflow no number
    assert [note.split("'")[1] for note in notes if "ROC AUC" in note] == [
        "refund",
        "band",
        "state",
    ]
    assert len(grown) < 10
    assert not any("ways to differ" in note for note in notes)


def test_bars_show_how_many_columns_are_read_and_examined(tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", RNG.normal(size=(ROWS, COLUMNS)))
    terminal = io.StringIO()
    with progress.shown_on(Console(file=terminal, force_terminal=True, width=100)):
        TASK.load(Settings(), file)
    for title in ("Reading columns", "Looking for leaks"):
        lines = [line for line in re.split("[\r\n]", terminal.getvalue()) if title in line]
        assert f"{COLUMNS:,} of {COLUMNS:,}" in lines[-1]


@pytest.mark.parametrize(
    "words",
    slow_but([False], [False, True]),
    ids=["whole numbers", "words"],
)
def test_a_network_of_many_columns_has_few_layers_and_learns(tmp_path: Path, words: bool) -> None:
    values = RNG.integers(0, 4, (ROWS, 300))
    values[:, :30] = np.where(RNG.random((ROWS, 30)) < 0.8, YES[:, None], ~YES[:, None])
    file = write(tmp_path / "t.csv", np.array(list("abcd"))[values] if words else values)
    settings = Settings(rare=5)
    data = TASK.load(settings, file)
    splits = TASK.split(data, settings, 0)
    assert len(splits.categorical) == (300 if words else 0)
    network = models.mlp(splits, 2, Budget(10, 64))
    assert isinstance(network, Network) and len(network.model.layers) < 20
    job = TrainingJob(TASK, settings, splits, 2, NONE, Budget(150, 64), 0)
    fit = fitting.fit(job, lambda steps: None)
    # at the last step: the best one may be the first look, if all rows are ranked right by then
    predicted = fit.test.last[:, 1] - fit.test.last[:, 0]
    yes = fit.test.labels == 1
    assert predicted[yes].mean() > predicted[~yes].mean() + 1


def test_seeds_with_other_rare_levels_share_a_program(tmp_path: Path) -> None:
    """A level that training rows lack moves the codes of all columns after it."""
    words = np.array([f"w{number}" for number in range(40)])
    table = pd.DataFrame(words[np.minimum(RNG.zipf(1.5, (ROWS, 12)), 40) - 1]).add_prefix("c")
    table.assign(y=np.where(YES, "yes", "no")).to_csv(tmp_path / "t.csv", index=False)
    settings = Settings(target="y")
    data = TASK.load(settings, tmp_path / "t.csv")
    splits = [TASK.split(data, settings, seed) for seed in range(2)]
    levels = [own.x[own.train][:, own.categorical].max(axis=0) for own in splits]
    assert len(levels[0]) == 12 and levels[0].tolist() != levels[1].tolist()
    compiling._cache.clear()
    for seed, own in enumerate(splits):
        job = TrainingJob(TASK, settings, own, 2, NONE, Budget(5, 64), seed)
        fitting.fit(job, lambda steps: None)
    [network] = compiling._cache.values()
    assert len(network.programs) == 1
