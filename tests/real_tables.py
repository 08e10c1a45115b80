"""Real tables of ../shared/data by name, opened with a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.protocol import grammar, registry
from benchmark.protocol.task import Data, Task

DATA = Path(__file__).parents[2] / "shared" / "data"
TEN = (
    *("kc1", "pc1", "qsar_biodeg", "steel_plates_fault", "vehicle0", "wilt", "wine_quality"),
    *("yeast-2_vs_8", "yeast1", "yeast3"),
)


def opened(table: str, model: str) -> tuple[Task, Any, Data]:
    """Return the task, its settings and its data; "insurance" is the task of that name."""
    if table == "insurance":
        name, text, file = table, f"model={model}", DATA / "insurance" / "train.csv"
    else:
        file = DATA / "tables" / f"{table}.csv"
        target = pd.read_csv(file, nrows=1).columns[-1]
        name, text = "csv", f"model={model} target='{target}'"
    task, settings = registry.task(name), grammar.settings(name, text)
    return task, settings, task.load(settings, file)
