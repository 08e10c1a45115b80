"""The members of a suite: data sets with a model each, checked before anything runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.protocol import grammar, grid, registry
from benchmark.protocol.errors import UserError
from benchmark.protocol.grammar import StrategySpec
from benchmark.protocol.grid import Plan
from benchmark.protocol.splits import restrict
from benchmark.protocol.task import Data, Splits, Task
from benchmark.workflows.execution.worker import load
from benchmark.workflows.suite.properties import measure
from benchmark.workflows.suite.sources import LeftOut, Named, Source

FEWEST_ROWS = 100
FEWEST_IN_SPLIT = 2  # rows of the rarest class in validation and test


@dataclass(frozen=True)
class Member:
    """A data set with a model, and what is run on it.

    Attributes:
        name: of the data set.
        model: "" where the task has one alone.
        properties: of the data: see `properties.measure`.
    """

    name: str
    model: str
    plan: Plan
    properties: dict[str, float]

    def __str__(self) -> str:
        return f"{self.name}, {self.model}" if self.model else self.name


@dataclass(frozen=True)
class Wanted:
    """What is run on every data set."""

    specs: tuple[StrategySpec, ...]
    models: tuple[str, ...]  # empty: the one that the settings name
    seeds: int
    steps: int | None


def prepare(named: Sequence[Named], wanted: Wanted) -> Iterator[Member | LeftOut]:
    """Load and check each data set; yield its members, or why it is left out."""
    conditions: dict[str, str] = {}
    for source in named:
        if isinstance(source, LeftOut):
            yield source
            continue
        try:
            members = _members(source, wanted)
        except UserError as error:
            yield LeftOut(source.name, str(error).removeprefix(f"{source.data}: "))
            continue
        identity = members[0].plan.conditions.identity
        if identity in conditions:
            yield LeftOut(source.name, f"the same data as {conditions[identity]}")
            continue
        conditions[identity] = source.name
        yield from members


def _members(source: Source, wanted: Wanted) -> list[Member]:
    """Return a data set with each model.

    Raises:
        UserError: if it cannot be used.
    """
    task = registry.task(source.task)
    text = source.settings
    members: list[Member] = []
    properties: dict[str, float] = {}
    for model in wanted.models or ("",):
        chosen = grammar.settings(source.task, f"{text} model={model}" if model else text)
        settings, _ = task.complete(chosen, "real" if source.data else "synthetic")
        data = load(source.task, settings, source.data)
        if not members:
            splits = restrict(task.split(data, settings, 0), data, "all")
            _require_enough(data, splits)
            properties = measure(task, data, splits)
        plan = _plan(source, task, settings, data, wanted)
        members.append(Member(source.name, _model(settings), plan, properties))
    return members


def _model(settings: object) -> str:
    return str(getattr(settings, "model", ""))


def _plan(source: Source, task: Task, settings: object, data: Data, wanted: Wanted) -> Plan:
    """Plan the strategies that suit the data and the model."""
    budget = task.budget(settings, data.source)
    if wanted.steps is not None:
        budget = dataclasses.replace(budget, steps=wanted.steps)
    specs = grid.suitable_specs(task, settings, data.classes, wanted.specs)
    if not specs:
        raise UserError("no strategy suits it")
    conditions = grid.make_conditions(source.task, settings, source.data, data, budget)
    return grid.make_plan(conditions, specs, wanted.seeds)


def _require_enough(data: Data, splits: Splits) -> None:
    """Raise UserError for data whose scores would say nothing."""
    if len(data.labels) < FEWEST_ROWS:
        raise UserError(f"{len(data.labels)} rows: {FEWEST_ROWS} are the least that is measured")
    for part in ("validation", "test"):
        fewest = np.bincount(splits.y[getattr(splits, part)], minlength=len(data.classes)).min()
        if fewest < FEWEST_IN_SPLIT:
            raise UserError(
                f"{fewest} rows of a class in the {part} split: {FEWEST_IN_SPLIT} are the least"
            )
