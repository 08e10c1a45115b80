"""What a study is: one question, the arms that answer it, and how to read the answer.

A module in ``studies/`` fills in one ``Study`` and exports it as ``STUDY``. A study plans
cells and reads tables; what trains, tracks and compares is the harness.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmark.protocol.task import Data

if TYPE_CHECKING:
    from benchmark.metrics.stats import Difference
    from benchmark.results.leaderboard import Leaderboard


from functools import cache
from types import ModuleType

from benchmark.protocol import arguments
from benchmark.protocol.errors import UserError
from benchmark.protocol.registry import modules_in


@dataclass(frozen=True)
class Arm:
    """Strategies under one set of conditions."""

    name: str
    strategies: str  # as ``--strategies`` takes them
    settings: Mapping[str, Any] = field(default_factory=dict)  # changes to the person's


@dataclass(frozen=True)
class Measured:
    """An arm and what came of it."""

    arm: Arm
    table: Leaderboard
    store: str  # where its runs are


@dataclass(frozen=True)
class Line:
    """One line of the figure: a mean and its 95 % interval at every place."""

    name: str
    places: Sequence[float]
    values: Sequence[Difference]


@dataclass(frozen=True)
class Answer:
    """What a study found.

    Attributes:
        paragraph: in words, made by rule from the numbers.
        headings, rows: the table, as text.
        lines, x, y: the figure and the names of its axes.
        ticks: places on the x axis -> their names; the axis is logarithmic without zero.
    """

    paragraph: str
    headings: tuple[str, ...]
    rows: list[list[str]]
    lines: list[Line]
    x: str
    y: str
    ticks: Mapping[float, str]


@dataclass(frozen=True)
class Study:
    """One question.

    arms:   (the task's settings, its data) -> arms; UserError if the task cannot answer
    answer: (arms as measured) -> Answer
    """

    question: str
    arms: Callable[[Any, Data], list[Arm]]
    answer: Callable[[list[Measured]], Answer]


@cache
def studies() -> dict[str, ModuleType]:
    """Name -> module of every registered study."""
    return {module.__name__.split(".")[-1]: module for module in modules_in("studies")}


def study(name: str) -> Study:
    """The study of that name. Raises UserError with the near miss if there is none."""
    if name not in studies():
        raise UserError(f"unknown study {name!r}: {arguments.suggest(name, studies())}")
    found = studies()[name].STUDY
    assert isinstance(found, Study)
    return found
