"""The grid of an invocation as a lazy sequence, and the identity of everything in it.

A *cell* is (task with its settings, strategy, seed) and becomes one run. Cells that differ only
in the post-hoc part share one *training*. All cells of a leaderboard share their *conditions*.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark.protocol import arguments
from benchmark.protocol.errors import UserError
from benchmark.protocol.fingerprint import digest, fingerprint
from benchmark.protocol.grammar import StrategySpec
from benchmark.protocol.splits import held_out_rows
from benchmark.protocol.strategy import NETWORK_SLOTS, changed
from benchmark.protocol.task import Budget, Data, Portion, Task

MOST_FACTS = 6000  # characters; tracking stores cut longer values silently
MOST_NAMED = 50  # classes named in the facts; their identity covers all
# with all they import: the code that can change any result
HARNESS = ("benchmark.training.fit", "benchmark.training.score", "benchmark.protocol.splits")

IN_WORDS = {
    "image": "images",
    "table": "a table",
    "binary": "two classes",
    "pixels": "a network that sees pixels",
}


@dataclass(frozen=True)
class Conditions:
    """Everything that all strategies of a comparison share."""

    task: str
    settings: Any  # an instance of the task's settings
    data: str  # path of the real data; "" is synthetic data
    classes: tuple[str, ...]
    counts: tuple[int, ...]  # rows per class that test splits are drawn from
    source: str
    origin: str
    content: str  # hash of the data
    budget: Budget
    portion: Portion
    identity: str
    notes: tuple[str, ...] = ()  # what users should know about the data, as many as fit

    @property
    def settings_text(self) -> str:
        """Settings as ``--settings`` takes them: ``imbalance=10 model=simple``."""
        return format_settings(self.settings)

    def facts(self) -> dict[str, Any]:
        """Return what tells a reader what was compared, as JSON can hold it."""
        return {
            "task": self.task,
            "settings": self.settings_text,
            "data": self.data,
            "source": self.source,
            "origin": self.origin,
            "content": self.content,
            "classes": list(self.classes[:MOST_NAMED]),
            "counts": list(self.counts[:MOST_NAMED]),
            "class_count": len(self.classes),
            "rows": sum(self.counts),
            "steps": self.budget.steps,
            "batch": self.budget.batch,
            "portion": self.portion,
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Plan:
    """What one invocation runs: every strategy with its seeds."""

    conditions: Conditions
    strategies: list[tuple[str, str, str]]  # text in full, label, fingerprint of its code
    seeds: tuple[int, ...]  # of each strategy: 0, 1, ... n - 1
    race: bool = False  # whether seeds are added look by look

    @property
    def most(self) -> int:
        """The largest number of seeds."""
        return max(self.seeds, default=0)

    @property
    def cells(self) -> int:
        """Number of cells."""
        return sum(self.seeds)


@dataclass(frozen=True)
class Cell:
    """One strategy at one seed: one run."""

    strategy: str  # in full
    label: str
    seed: int
    code: str  # fingerprint of the strategy's own modules
    identity: str


@dataclass(frozen=True)
class Training:
    """One training, and the cells that are scored from it."""

    conditions: Conditions
    strategy: str  # text of the training part, in full
    seed: int
    identity: str
    cells: tuple[Cell, ...]

    def __str__(self) -> str:
        labels = ", ".join(cell.label for cell in self.cells)
        return f"{labels} · seed {self.seed}"


def make_conditions(
    name: str, settings: Any, path: str, data: Data, budget: Budget, portion: Portion = "all"
) -> Conditions:
    """Return the conditions of a task on its data, or on a portion of its rows.

    Raises:
        UserError: if path and settings are too long for a tracking store.
    """
    code = fingerprint([*HARNESS, f"tasks.{name}"])
    settings_text = format_settings(settings)
    content = data.digest[:16]
    chosen = format_settings(settings, without=arguments.by_content(type(settings)))
    identity = digest(name, chosen, content, data.source, budget, portion, code)
    tested = data.labels if portion == "all" else data.labels[held_out_rows(data)]
    counts = tuple(np.bincount(tested, minlength=len(data.classes)).tolist())
    conditions = Conditions(
        task=name,
        settings=settings,
        data=path,
        classes=data.classes,
        counts=counts,
        source=data.source,
        origin=data.origin,
        content=content,
        budget=budget,
        portion=portion,
        identity=identity,
    )
    if len(json.dumps(conditions.facts())) > MOST_FACTS:
        raise UserError(
            f"the path of the data ({len(path)} characters) or the settings ({len(settings_text)}) "
            "are too long for a tracking store: move the data, or start in a folder nearer to it"
        )
    return _with_notes(conditions, data.notes)


def _with_notes(conditions: Conditions, notes: Sequence[str]) -> Conditions:
    """Add notes on the data as long as a tracking store holds the facts; count the others."""
    for count in range(len(notes), 0, -1):
        left_out = len(notes) - count
        more = (f"{left_out} more notes: see `inspect`",) if left_out else ()
        noted = dataclasses.replace(conditions, notes=(*notes[:count], *more))
        if len(json.dumps(noted.facts())) <= MOST_FACTS:
            return noted
    return conditions


def format_settings(settings: Any, without: Container[str] = ()) -> str:
    """Format a task's settings in full, as users write them, without empty ones."""
    given = dataclasses.asdict(settings).items()
    shown = {name: value for name, value in given if value != "" and name not in without}
    return arguments.as_text(shown, " ")


def require_suitable(
    task: Task, settings: Any, classes: Sequence[str], specs: Sequence[StrategySpec]
) -> None:
    """Raise UserError for the first strategy that cannot run on this task."""
    for spec in specs:
        lacking = _lacking(task, settings, classes, spec)
        if lacking:
            model = "" if task.is_network(settings) else " and a model that is not a network"
            if not task.sees_pixels(settings):
                model += " and features of a frozen network"
            raise UserError(
                f"strategy {spec.label!r} needs {' and '.join(lacking)}, but this task has "
                f"{IN_WORDS[task.kind]} and {len(classes)} classes{model}: leave it out"
            )


def suitable_specs(
    task: Task, settings: Any, classes: Sequence[str], specs: Sequence[StrategySpec]
) -> list[StrategySpec]:
    """Return the strategies that can run on this task."""
    return [spec for spec in specs if not _lacking(task, settings, classes, spec)]


def _lacking(task: Task, settings: Any, classes: Sequence[str], spec: StrategySpec) -> list[str]:
    traits = {task.kind, *(["binary"] if len(classes) == 2 else [])}
    if task.kind == "image" and task.sees_pixels(settings):
        traits.add("pixels")
    lacking = [IN_WORDS[need] for need in sorted(spec.strategy.needs - traits)]
    taken = {"loss"} if task.takes_loss(settings) else set()
    network_slots = [slot for slot in NETWORK_SLOTS if slot not in taken]
    if changed(spec.strategy, network_slots) and not task.is_network(settings):
        lacking.append("a network")
    return lacking


def plan_trainings(
    conditions: Conditions, specs: Sequence[StrategySpec], seeds: Sequence[int]
) -> Iterator[Training]:
    """Yield the trainings of the grid, seed by seed: every strategy has a first result early."""
    by_training: dict[str, list[StrategySpec]] = {}
    for spec in specs:
        by_training.setdefault(spec.training, []).append(spec)
    for seed in seeds:
        for text, sharing in by_training.items():
            code = fingerprint(sharing[0].training_modules)
            yield Training(
                conditions=conditions,
                strategy=text,
                seed=seed,
                identity=digest("training", conditions.identity, text, seed, code),
                cells=tuple(_make_cell(conditions, spec, seed) for spec in sharing),
            )


def longest_first(trainings: Sequence[Training], seconds: Mapping[str, float]) -> list[Training]:
    """Sort trainings by duration, so that no worker is left with a long one at the end.

    Args:
        seconds: training part -> duration at another seed; an unknown one counts as the longest.
    """
    return sorted(trainings, key=lambda training: -seconds.get(training.strategy, math.inf))


def make_plan(conditions: Conditions, specs: Sequence[StrategySpec], seeds: int) -> Plan:
    """Return the plan of an invocation."""
    strategies = [(spec.text, spec.label, code_of(spec)) for spec in specs]
    return Plan(conditions, strategies, (seeds,) * len(strategies))


def code_of(spec: StrategySpec) -> str:
    """Return the fingerprint of the modules that define the strategy's functions."""
    return fingerprint([*spec.training_modules, *spec.decision_modules])


def _make_cell(conditions: Conditions, spec: StrategySpec, seed: int) -> Cell:
    code = code_of(spec)
    identity = digest("cell", conditions.identity, spec.text, seed, code)
    return Cell(spec.text, spec.label, seed, code, identity)
