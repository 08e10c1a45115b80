"""The members of a stored suite: the leaderboard of each data set with each model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from benchmark.protocol.errors import UserError
from benchmark.protocol.processes import Apply
from benchmark.results import comparison
from benchmark.results.leaderboard import Leaderboard, leaderboards_of
from benchmark.results.predictions import with_predictions
from benchmark.results.suite.questions import QUESTIONS
from benchmark.tracking import suites

PER_PROCESS = 1000  # runs at least; fewer take less time than the start of a process


@dataclass(frozen=True)
class Result:
    """A data set with a model, and its runs.

    Attributes:
        name: of the data set.
        model: "" where the task has one alone.
        properties: of the data.
        baseline: label of `none`; "" if not all its runs are finished.
    """

    name: str
    model: str
    properties: Mapping[str, float]
    table: Leaderboard
    baseline: str


def results(uri: str, suite: str, apply: Apply) -> list[Result]:
    """Return the members of a suite, with their row errors on `QUESTIONS`.

    Of a data set and a model that were planned by different code, the newest counts.

    Args:
        apply: reads the predictions, in processes.

    Raises:
        UserError: if the store has no such suite, or cannot be reached.
    """
    plans = suites.memberships(uri, suite)
    if not plans:
        raise UserError(f"{uri} has no suite {suite!r}: start with `suite run`, see --name")
    newest = sorted(plans.items(), key=lambda item: -item[1][0][1].started)
    chosen: dict[tuple[str, str], str] = {}
    for identity, [(member, _), *_] in newest:
        chosen.setdefault((member.name, member.model), identity)
    tables = {table.conditions: table for table in leaderboards_of(uri, set(chosen.values()))}
    kept = {key: tables[identity] for key, identity in sorted(chosen.items())}
    runs = sum(len(table.runs) for table in kept.values())
    read = apply(partial(_read, uri), kept.values(), runs // PER_PROCESS, "reading the runs")
    return [
        _result(name, model, plans[chosen[name, model]][0][0].properties, table)
        for (name, model), table in zip(kept, read, strict=True)
    ]


def _read(uri: str, table: Leaderboard) -> Leaderboard:
    """Measure row errors at once: predictions of thousands of runs would fill the memory."""
    table = with_predictions(uri, table)
    metrics = [question.metric for question in QUESTIONS]
    return replace(table, row_errors=table.row_errors.only(metrics))


def _result(name: str, model: str, properties: Mapping[str, float], table: Leaderboard) -> Result:
    label = comparison.baseline(table)
    baseline = label if label in comparison.complete(table) else ""
    return Result(name, model, properties, table, baseline or "")
