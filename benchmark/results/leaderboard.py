"""Tracked runs in, tables out; no formatting.

A table holds the runs of one set of conditions (task, settings, data, budget, code
of harness and task), and of each strategy only what its newest code made, so that
nothing is averaged or compared that was not measured alike.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from benchmark.protocol import arguments, grammar, grid, registry
from benchmark.protocol.errors import UserError
from benchmark.protocol.grid import Conditions
from benchmark.results.measures import (
    COUNTS,
    MEASURES,
    MORE_CLASSES,
    ROWS,
    TUNED_THRESHOLD,
    TWO_CLASSES,
    Headings,
)
from benchmark.tracking import tags
from benchmark.tracking.invocation import plan_of
from benchmark.tracking.store import Record, read_runs

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Leaderboard:
    """All that is known under one set of conditions.

    Attributes:
        facts: the conditions in words, see ``Conditions.facts``.
        devices, versions: on what and with what the runs were made.
        runs: one row a planned cell: strategy (in full), label, seed, state
            (finished, failed or missing), reason, collapsed; training_part, run (id), predictions
            and test_rows (hashes), "" if there are none; and every metric.
        older: runs of the same task, data and budget that older code made, left out.
        newest: when its newest run started, milliseconds.
    """

    conditions: str  # identity
    facts: dict[str, Any]
    devices: tuple[str, ...]
    versions: tuple[str, ...]
    runs: pd.DataFrame
    older: int
    newest: int

    @property
    def binary(self) -> bool:
        """Whether it is of two classes."""
        return self.class_count == 2

    @property
    def class_count(self) -> int:
        """Classes; the facts name the first of many."""
        return int(self.facts.get("class_count", len(self.facts["classes"])))

    @property
    def words(self) -> Headings:
        """How its measures are called."""
        return TWO_CLASSES if self.binary else MORE_CLASSES

    @property
    def command(self) -> str:
        """What reproduces the table."""
        facts = self.facts
        words = ["uv", "run", "python", "-m", "benchmark", "run", "--task", facts["task"]]
        words += ["--data", facts["data"] or "stand-in", "--settings", facts["settings"]]
        words += ["--strategies", ", ".join(self.runs["label"].drop_duplicates())]
        words += ["--seeds", str(self.runs["seed"].max() + 1), "--steps", str(facts["steps"])]
        if facts.get("portion", "all") != "all":
            words += ["--portion", facts["portion"]]
        return shlex.join(words)

    @property
    def changed_settings(self) -> list[str]:
        """Those of its settings, ``name=value``, that the task has otherwise by default."""
        task = self.facts["task"]
        if task not in registry.tasks():
            return []
        usual = _parse_settings(grid.format_settings(registry.task(task).settings()))
        given = _parse_settings(self.facts["settings"])
        return [
            arguments.as_text({name: value}, "")
            for name, value in given.items()
            if usual.get(name) != value
        ]

    def counts(self) -> dict[str, int]:
        """Cells planned, finished, failed and missing; the first is the sum of the others."""
        states = self.runs["state"].value_counts()
        return {"planned": len(self.runs)} | {
            state: int(states.get(state, 0)) for state in ("finished", "failed", "missing")
        }

    def summary(self) -> pd.DataFrame:
        """One row a strategy (label), best mean F1 first.

        Columns: (metric, "mean"), (metric, "std") over seeds, and ("cells", state).
        A standard deviation needs two seeds; it is missing for one.
        """
        groups = self.runs.groupby("label", sort=False)
        numbers = groups[list(MEASURES)].agg(["mean", "std"])
        for state in ("finished", "failed", "missing"):
            is_state = self.runs["state"] == state
            numbers["cells", state] = is_state.groupby(self.runs["label"]).sum()
        numbers["cells", "collapsed"] = groups["collapsed"].sum()
        return numbers.sort_values(("test/f1", "mean"), ascending=False, kind="stable")


def _parse_settings(settings: str) -> dict[str, str]:
    """Name -> value of settings as they are written."""
    try:
        words = grammar.split_words(settings, "settings")
    except UserError:  # whatever a store holds
        words = settings.split()
    return {name: value for name, _, value in (word.partition("=") for word in words)}


def leaderboard(uri: str, conditions: Conditions) -> Leaderboard:
    """The leaderboard of one set of conditions, of which an invocation is tracked."""
    mine = [one for one in _all_tables(uri) if one.conditions == conditions.identity]
    return mine[0]


def leaderboards(uri: str, tasks: Iterable[str]) -> list[Leaderboard]:
    """The leaderboards of the tasks in a store; of those that differ in code, the newest.

    Raises:
        UserError: if the store has no run of these tasks or cannot be reached.
    """
    wanted = set(tasks)
    alike: dict[tuple[str, ...], list[Leaderboard]] = {}
    for one in _all_tables(uri):
        if one.facts["task"] in wanted:
            # where the data lies does not matter, its content does
            names = ("task", "settings", "source", "content", "steps", "batch", "portion")
            alike.setdefault(tuple(str(one.facts.get(name)) for name in names), []).append(one)
    if not alike:
        raise UserError(f"{uri} has no runs of {', '.join(sorted(wanted))}: start with `run`")
    newest = []
    for same in alike.values():
        first, *others = sorted(same, key=lambda one: -one.newest)
        older = sum(one.counts()["finished"] for one in others)
        newest.append(replace(first, older=first.older + older))
    return sorted(newest, key=lambda one: (one.facts["task"], one.changed_settings))


def _all_tables(uri: str) -> list[Leaderboard]:
    cells, invocations = _by_conditions(uri, "cell"), _by_conditions(uri, "invocation")
    return [
        _table(identity, cells.get(identity, []), invocations.get(identity, []))
        for identity in {**invocations, **cells}
    ]


def _by_conditions(uri: str, kind: str) -> dict[str, list[Record]]:
    groups: dict[str, list[Record]] = {}
    for record in read_runs(uri, kind):
        groups.setdefault(record.conditions, []).append(record)
    return groups


def _table(identity: str, cells: list[Record], invocations: list[Record]) -> Leaderboard:
    """Both lists are of one set of conditions, newest first."""
    import pandas as pd

    current, planned = _planned(cells, invocations)
    found: dict[tuple[str, int], Record] = {}
    older = 0
    for cell in cells:
        text, seed = cell.tags[tags.STRATEGY], int(cell.tags[tags.SEED])
        if cell.tags[tags.CODE] != current[text][1]:
            older += tags.DONE in cell.tags
        elif (text, seed) not in found or _better(cell, found[text, seed]):
            found[text, seed] = cell
    labels = [label for label, _ in current.values()]
    unique = {
        text: label if labels.count(label) == 1 else text for text, (label, _) in current.items()
    }
    keys = {**dict.fromkeys(planned), **dict.fromkeys(found)}
    counted = [cell for cell in found.values() if tags.DONE in cell.tags]
    return Leaderboard(
        conditions=identity,
        facts=(cells + invocations)[0].facts,
        devices=_distinct(counted, tags.DEVICE),
        versions=_distinct(counted, tags.VERSIONS),
        runs=pd.DataFrame([_row(unique[key[0]], key, found.get(key)) for key in keys]),
        older=older,
        newest=max(record.started for record in cells + invocations),
    )


def _planned(
    cells: list[Record], invocations: list[Record]
) -> tuple[dict[str, tuple[str, str]], list[tuple[str, int]]]:
    """Strategy -> its newest (label, code), and the (strategy, seed) that these should have."""
    current: dict[str, tuple[str, str]] = {}
    planned = []
    for record in invocations:
        strategies, seeds = plan_of(record)
        for text, label, code in strategies:
            if current.setdefault(text, (label, code)) == (label, code):
                planned += [(text, seed) for seed in range(seeds)]
    for cell in cells:  # of invocations that were deleted
        label_and_code = (cell.tags[tags.LABEL], cell.tags[tags.CODE])
        current.setdefault(cell.tags[tags.STRATEGY], label_and_code)
    return current, planned


def _better(cell: Record, kept: Record) -> bool:
    """Whether an older run of the same cell counts instead: a done one does."""
    return tags.DONE in cell.tags and tags.DONE not in kept.tags


def _distinct(cells: list[Record], name: str) -> tuple[str, ...]:
    return tuple(sorted({cell.tags[name] for cell in cells if name in cell.tags}))


def _row(label: str, key: tuple[str, int], cell: Record | None) -> dict[str, Any]:
    row: dict[str, Any] = {"label": label, "strategy": key[0], "seed": key[1], "state": "missing"}
    row |= {"reason": "never run, or deleted", "collapsed": False}
    row |= {"training_part": "", "run": "", "predictions": "", "test_rows": ""}
    row |= dict.fromkeys([*MEASURES, *COUNTS, ROWS, TUNED_THRESHOLD], float("nan"))
    if cell is None:
        return row
    row |= {"training_part": cell.tags[tags.TRAINING_PART], "run": cell.run}
    row |= {"predictions": cell.tags.get(tags.PREDICTIONS, "")}
    row |= {"test_rows": cell.tags.get(tags.TEST_ROWS, "")}
    if tags.DONE in cell.tags:
        collapsed = cell.tags[tags.COLLAPSED] == "yes"
        final = ("test/", "test_last_step/", "training/", "seconds/")
        metrics = {name: value for name, value in cell.metrics.items() if name.startswith(final)}
        return row | {"state": "finished", "reason": "", "collapsed": collapsed} | metrics
    if cell.status == "FAILED":
        return row | {"state": "failed", "reason": cell.tags.get(tags.ERROR, "unknown")}
    return row | {"reason": f"left {cell.status}"}
