"""Tracked runs in, tables out; no formatting.

A table holds the runs of one set of conditions (task, settings, data, budget,
code), so that nothing is compared that was not measured alike. Of several runs
of a cell, the newest decides which code counts and a done one among them wins.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from benchmark import registry
from benchmark.errors import UserError
from benchmark.tracking import read, tags

COLUMNS = {
    "test/f1": "F1",
    "test/f1_at_half": "F1 at 0.5",
    "test/f1_tuned": "F1 at tuned cut",
    "test/average_precision": "average precision",
    "test/roc_auc": "ROC AUC",
    "test/precision": "precision",
    "test/recall": "recall",
    "test/balanced_accuracy": "balanced accuracy",
    "test/mcc": "MCC",
    "test/brier": "Brier",
    "training/seconds": "training time (s)",
}


@dataclass(frozen=True)
class Table:
    """All that is known under one set of conditions.

    Attributes:
        runs: one row a planned cell: label, seed, state (finished, failed or
            missing), reason, collapsed, and every metric.
        older: runs under the same settings and data that older code made.
    """

    conditions: str  # identity
    task: str
    settings: str
    data: str
    source: str
    origin: str
    content: str
    steps: int
    batch: int
    devices: tuple[str, ...]
    runs: pd.DataFrame
    seeds: int
    older: int

    @property
    def command(self) -> str:
        """What reproduces the table."""
        strategies = ",".join(self.runs["label"].drop_duplicates())
        words = ["uv", "run", "python", "-m", "benchmark", "run", "--task", self.task]
        words += ["--data", self.data] if self.source == "real" else ["--data", "stand-in"]
        words += ["--settings", self.settings, "--strategies", strategies]
        words += ["--seeds", str(self.seeds), "--steps", str(self.steps)]
        return shlex.join(words)

    def counts(self) -> dict[str, int]:
        """Cells planned, finished, failed and missing; the first is the sum of the others."""
        states = self.runs["state"].value_counts()
        return {"planned": len(self.runs)} | {
            state: int(states.get(state, 0)) for state in ("finished", "failed", "missing")
        }

    def summary(self) -> pd.DataFrame:
        """One row a strategy, best mean F1 first.

        Columns: (metric, "mean"), (metric, "std") over seeds, and ("cells", state).
        A standard deviation needs two seeds; it is missing for one.
        """
        groups = self.runs.groupby("label", sort=False)
        numbers = groups[list(COLUMNS)].agg(["mean", "std"])
        for state in ("finished", "failed", "missing"):
            numbers["cells", state] = (
                (self.runs["state"] == state).groupby(self.runs["label"]).sum()
            )
        numbers["cells", "collapsed"] = groups["collapsed"].sum()
        return numbers.sort_values(("test/f1", "mean"), ascending=False, kind="stable")


def tables(uri: str, tasks: Iterable[str]) -> list[Table]:
    """The leaderboards of the tasks in a store, newest conditions of each kind.

    Raises:
        UserError: if the store has no run of these tasks or cannot be reached.
    """
    wanted = list(tasks)
    records = list(read.tracked(uri, wanted))
    cells = [record for record in records if record[tags.KIND] == "cell"]
    if not cells:
        raise UserError(f"{uri} has no runs of {', '.join(wanted)}: start with `run --task ...`")
    plans: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        if record[tags.KIND] == "invocation":
            plan = json.loads(record[tags.PLAN])
            plans.setdefault(record[tags.CONDITIONS], []).append(plan)
    return [
        _table(group, plans.get(group[0][tags.CONDITIONS], []), older)
        for group, older in _newest_code(cells)
    ]


def _newest_code(cells: list[dict[str, Any]]) -> list[tuple[list[dict[str, Any]], int]]:
    """Cells by conditions, and how many cells older code left under the same ones."""
    alike: dict[tuple[str, ...], dict[str, list[dict[str, Any]]]] = {}
    for cell in sorted(cells, key=lambda cell: -int(cell["started"])):
        names = ("task", "settings", tags.CONTENT, tags.SOURCE, "steps", "batch")
        same = alike.setdefault(tuple(cell[name] for name in names), {})
        same.setdefault(cell[tags.CONDITIONS], []).append(cell)
    result = []
    for by_code in alike.values():
        newest, *older = by_code.values()
        result.append((newest, sum(map(len, older))))
    return sorted(result, key=lambda pair: (pair[0][0]["task"], pair[0][0]["settings"]))


def _table(cells: list[dict[str, Any]], plans: list[dict[str, Any]], older: int) -> Table:
    """`cells` and `plans` are of one set of conditions, newest first."""
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for cell in cells:
        key = (cell[tags.STRATEGY], int(cell["seed"]))
        kept = found.setdefault(key, cell)
        same_code = kept[tags.CELL] == cell[tags.CELL]
        if same_code and tags.DONE in cell and tags.DONE not in kept:
            found[key] = cell
    planned = {
        (text, seed): None
        for plan in plans
        for text in plan["strategies"]
        for seed in range(plan["seeds"])
    }
    rows = [_row(key, found.get(key)) for key in {**planned, **dict.fromkeys(found)}]
    newest = cells[0]
    return Table(
        conditions=newest[tags.CONDITIONS],
        task=newest["task"],
        settings=newest["settings"],
        data=newest["data"],
        source=newest[tags.SOURCE],
        origin=newest[tags.ORIGIN],
        content=newest[tags.CONTENT],
        steps=int(newest["steps"]),
        batch=int(newest["batch"]),
        devices=tuple(sorted({c[tags.DEVICE] for c in cells if tags.DEVICE in c})),
        runs=pd.DataFrame(rows),
        seeds=max(seed for _, seed in {**planned, **dict.fromkeys(found)}) + 1,
        older=older,
    )


def _row(key: tuple[str, int], cell: Mapping[str, Any] | None) -> dict[str, Any]:
    text, seed = key
    label = cell["strategy"] if cell else registry.read(text).label
    row: dict[str, Any] = {"label": label, "strategy": text, "seed": seed, "state": "missing"}
    row |= {"reason": "never run, or deleted", "collapsed": False}
    row |= dict.fromkeys(COLUMNS, float("nan"))
    if cell is None:
        return row
    if tags.DONE in cell:
        metrics = {name: value for name, value in cell.items() if _is_final(name, value)}
        collapsed = cell[tags.COLLAPSED] == "yes"
        return row | {"state": "finished", "reason": "", "collapsed": collapsed} | metrics
    if cell["status"] == "FAILED":
        return row | {"state": "failed", "reason": cell.get(tags.ERROR, "unknown")}
    return row | {"reason": f"left {cell['status']}"}


def _is_final(name: str, value: Any) -> bool:
    final = name.startswith(("test/", "test_last_step/", "training/"))
    return final and isinstance(value, float)
