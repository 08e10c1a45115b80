"""Leaderboards from tracked runs; no formatting.

A leaderboard holds the runs of one set of conditions (task, settings, data, budget, code of
harness and task), and of each strategy only those of its newest code, so that nothing is
averaged or compared that was not measured under the same conditions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from benchmark.metrics import stats
from benchmark.protocol import arguments, grammar, grid, registry
from benchmark.protocol.errors import UserError
from benchmark.protocol.grid import Conditions
from benchmark.protocol.task import Portion
from benchmark.protocol.text import SYNTHETIC, command
from benchmark.results.measures import (
    COUNTS,
    MEASURES,
    MORE_CLASSES,
    ROWS,
    TUNED_THRESHOLD,
    TWO_CLASSES,
    Headings,
)
from benchmark.results.row_errors import RowErrors
from benchmark.tracking import tags
from benchmark.tracking.invocation import plan_of
from benchmark.tracking.records import Record, read_runs

if TYPE_CHECKING:
    import pandas as pd

# facts that make two leaderboards comparable: the content of the data, not its place
ALIKE = ("task", "settings", "source", "content", "steps", "batch", "portion")


@dataclass(frozen=True)
class Leaderboard:
    """The runs under one set of conditions.

    Attributes:
        conditions: their identity.
        facts: the conditions in words, see ``Conditions.facts``.
        devices, versions: on what and with what the runs were made.
        runs: one row per planned cell: strategy (in full), label, seed, state
            (finished, failed or missing), reason, collapsed; training_part, run (id), artifacts
            (address), predictions and test_rows (hashes), "" if there are none; and every metric.
        older: number of runs of the same task, data and budget by older code, left out.
        newest: when its newest run started, milliseconds.
        repeated: whether it is looked at more than once, at several numbers of seeds.
        row_errors: how much of each measure's error comes from the choice of test rows.
    """

    conditions: str
    facts: dict[str, Any]
    devices: tuple[str, ...]
    versions: tuple[str, ...]
    runs: pd.DataFrame
    older: int
    newest: int
    repeated: bool = False
    row_errors: RowErrors = field(default_factory=RowErrors)

    @property
    def level(self) -> float:
        """Significance level: half of the usual one where results are looked at repeatedly."""
        return stats.LEVEL / 2 if self.repeated else stats.LEVEL

    @property
    def binary(self) -> bool:
        """Whether the task has two classes."""
        return self.class_count == 2

    @property
    def class_count(self) -> int:
        """Number of classes; of many, the facts name only the first."""
        return int(self.facts.get("class_count", len(self.facts["classes"])))

    @property
    def words(self) -> Headings:
        """Names of its measures."""
        return TWO_CLASSES if self.binary else MORE_CLASSES

    @property
    def command(self) -> str:
        """The command that reproduces it."""
        return command(
            "run",
            task=self.facts["task"],
            data=self.facts["data"] or SYNTHETIC,
            settings=self.facts["settings"],
            strategies=", ".join(self.runs["label"].drop_duplicates()),
            seeds=self.runs["seed"].max() + 1,
            steps=self.facts["steps"],
            portion="" if self.portion == "all" else self.portion,
        )

    @property
    def portion(self) -> Portion:
        """The rows that it was tested on: "all", or those of a search's confirmation."""
        portion: Portion = self.facts.get("portion", "all")
        return portion

    @property
    def changed_settings(self) -> list[str]:
        """Settings that differ from the task's defaults, ``name=value`` each."""
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

    @property
    def mixed(self) -> dict[str, tuple[str, ...]]:
        """Where its runs differ in what they were made on or with: devices, versions by package."""
        found: dict[str, set[str]] = {"device": set(self.devices)}
        for versions in self.versions:
            for package in versions.split(", "):
                name, _, version = package.rpartition(" ")
                found.setdefault(name, set()).add(version)
        return {name: tuple(sorted(kinds)) for name, kinds in found.items() if len(kinds) > 1}

    def at(self, seeds: int, strategies: Collection[str]) -> Leaderboard:
        """The first seeds of some strategies (in full)."""
        runs = self.runs[self.runs["strategy"].isin(strategies) & (self.runs["seed"] < seeds)]
        return replace(self, runs=runs, row_errors=self.row_errors.until(seeds))

    def counts(self) -> dict[str, int]:
        """Numbers of runs planned, finished, failed, missing; the first is the sum of the rest."""
        states = self.runs["state"].value_counts()
        return {"planned": len(self.runs)} | {
            state: int(states.get(state, 0)) for state in ("finished", "failed", "missing")
        }

    def summary(self) -> pd.DataFrame:
        """One row per strategy (label), best mean F1 first.

        Columns: (metric, "mean"), (metric, "std") over seeds, and ("runs", state).
        A standard deviation needs two seeds; it is missing for one.
        """
        groups = self.runs.groupby("label", sort=False)
        numbers = groups[list(MEASURES)].agg(["mean", "std"])
        for state in ("finished", "failed", "missing"):
            is_state = self.runs["state"] == state
            numbers["runs", state] = is_state.groupby(self.runs["label"]).sum()
        numbers["runs", "collapsed"] = groups["collapsed"].sum()
        return numbers.sort_values(("test/f1", "mean"), ascending=False, kind="stable")


def _parse_settings(settings: str) -> dict[str, str]:
    """Settings as written: name -> value."""
    try:
        words = grammar.split_words(settings, "settings")
    except UserError:  # whatever a store holds
        words = settings.split()
    return {name: value for name, _, value in (word.partition("=") for word in words)}


def leaderboard(uri: str, conditions: Conditions) -> Leaderboard:
    """The leaderboard of one set of conditions, of which an invocation is tracked."""
    return next(table for table in _all_tables(uri) if table.conditions == conditions.identity)


def leaderboards(uri: str, tasks: Iterable[str]) -> list[Leaderboard]:
    """The leaderboards of tasks in a store; of several that differ in code only, the newest.

    Raises:
        UserError: if the store has no run of these tasks or cannot be reached.
    """
    names = set(tasks)
    alike: dict[tuple[str, ...], list[Leaderboard]] = {}
    for table in _all_tables(uri):
        if table.facts["task"] in names:
            alike.setdefault(tuple(str(table.facts.get(fact)) for fact in ALIKE), []).append(table)
    if not alike:
        raise UserError(f"{uri} has no runs of {', '.join(sorted(names))}: start with `run`")
    newest = []
    for same in alike.values():
        first, *others = sorted(same, key=lambda table: -table.newest)
        older = sum(table.counts()["finished"] for table in others)
        newest.append(replace(first, older=first.older + older))
    return sorted(newest, key=lambda table: (table.facts["task"], table.changed_settings))


def leaderboards_of(uri: str, identities: Collection[str]) -> list[Leaderboard]:
    """The leaderboards of these conditions, by identity."""
    return [table for table in _all_tables(uri) if table.conditions in identities]


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
    """Make a leaderboard of records under one set of conditions, both lists newest first."""
    import pandas as pd

    current, planned = _planned(cells, invocations)
    counted: dict[tuple[str, int], Record] = {}
    older = 0
    for cell in cells:
        text, seed = cell.tags[tags.STRATEGY], int(cell.tags[tags.SEED])
        if cell.tags[tags.CODE] != current[text][1]:
            older += tags.DONE in cell.tags
        elif (text, seed) not in counted or _better(cell, counted[text, seed]):
            counted[text, seed] = cell
    labels = [label for label, _ in current.values()]
    unique = {
        text: label if labels.count(label) == 1 else text for text, (label, _) in current.items()
    }
    keys = {**dict.fromkeys(planned), **dict.fromkeys(counted)}
    finished = [cell for cell in counted.values() if tags.DONE in cell.tags]
    return Leaderboard(
        conditions=identity,
        facts=(cells + invocations)[0].facts,
        devices=_distinct(finished, tags.DEVICE),
        versions=_distinct(finished, tags.VERSIONS),
        runs=pd.DataFrame([_row(unique[key[0]], key, counted.get(key)) for key in keys]),
        older=older,
        newest=max(record.started for record in cells + invocations),
        repeated=_repeated(invocations),
    )


def _planned(
    cells: list[Record], invocations: list[Record]
) -> tuple[dict[str, tuple[str, str]], list[tuple[str, int]]]:
    """Newest (label, code) of each strategy, and the (strategy, seed) pairs planned with it."""
    current: dict[str, tuple[str, str]] = {}
    planned = []
    for record in invocations:
        plan = plan_of(record)
        for (text, label, code), seeds in zip(plan.strategies, plan.seeds, strict=True):
            if current.setdefault(text, (label, code)) == (label, code):
                planned += [(text, seed) for seed in range(seeds)]
    for cell in cells:  # of invocations that were deleted
        label_and_code = (cell.tags[tags.LABEL], cell.tags[tags.CODE])
        current.setdefault(cell.tags[tags.STRATEGY], label_and_code)
    return current, planned


def _repeated(invocations: list[Record]) -> bool:
    """Return whether looks were planned, or the same command came back for further seeds."""
    plans = [plan_of(record) for record in invocations]
    counts = {seeds for plan in plans for seeds in plan.seeds if seeds > 1}
    return any(plan.race for plan in plans) or len(counts) > 1


def _better(cell: Record, kept: Record) -> bool:
    """Return whether an older run of the same cell counts instead: a finished one does."""
    return tags.DONE in cell.tags and tags.DONE not in kept.tags


def _distinct(cells: list[Record], name: str) -> tuple[str, ...]:
    return tuple(sorted({cell.tags[name] for cell in cells if name in cell.tags}))


def _row(label: str, key: tuple[str, int], cell: Record | None) -> dict[str, Any]:
    row: dict[str, Any] = {"label": label, "strategy": key[0], "seed": key[1], "state": "missing"}
    row |= {"reason": "never run, or deleted", "collapsed": False}
    row |= dict.fromkeys(("training_part", "run", "artifacts", "predictions", "test_rows"), "")
    row |= dict.fromkeys([*MEASURES, *COUNTS, ROWS, TUNED_THRESHOLD], float("nan"))
    if cell is None:
        return row
    row |= {"training_part": cell.tags[tags.TRAINING_PART]}
    row |= {"run": cell.run, "artifacts": cell.artifacts}
    row |= {"predictions": cell.tags.get(tags.PREDICTIONS, "")}
    row |= {"test_rows": cell.tags.get(tags.TEST_ROWS, "")}
    if tags.DONE in cell.tags:
        collapsed = cell.tags[tags.COLLAPSED] == "yes"
        final = ("test/", "test_last_step/", "training/", "timing/")
        metrics = {name: value for name, value in cell.metrics.items() if name.startswith(final)}
        return row | {"state": "finished", "reason": "", "collapsed": collapsed} | metrics
    if cell.status == "FAILED":
        return row | {"state": "failed", "reason": cell.tags.get(tags.ERROR, "unknown")}
    return row | {"reason": f"left {cell.status}"}
