"""What the terminal shows of trainings under way and of runs that ended."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console
from rich.progress import Progress

from benchmark.protocol.grid import Cell, Training
from benchmark.workflows.execution.progress import MOST_BARS, Display, display
from benchmark.workflows.execution.tracked_training import Outcome

METRICS = {"test/f1": 0.25, "test/average_precision": 0.5}


def training(name: str, *labels: str, steps: int = 100) -> Training:
    conditions: Any = SimpleNamespace(budget=SimpleNamespace(steps=steps))
    cells = tuple(Cell(label, label, 0, "v1", f"{name} {label}") for label in labels)
    return Training(conditions, "none", 0, name, cells)


TRAININGS = [training("a", "none", "threshold"), training("b", "focal", steps=300)]


def outcome(number: int, cell: int = 0, status: Any = "finished", **given: Any) -> Outcome:
    of = TRAININGS[number]
    values = {"metrics": METRICS, "reason": "", "seconds": 0.0} | given
    return Outcome(of.identity, of.cells[cell], status, **values)


@pytest.fixture
def progress() -> Progress:
    return Progress(console=Console(file=io.StringIO(), width=140), disable=True)


@pytest.fixture
def shown(progress: Progress) -> Display:
    return Display(progress, TRAININGS)


def bars(progress: Progress) -> dict[str, tuple[float, float | None]]:
    return {task.description: (task.completed, task.total) for task in progress.tasks}


def printed(progress: Progress) -> list[str]:
    file: Any = progress.console.file
    return [line.rstrip() for line in file.getvalue().splitlines()]


def test_every_training_under_way_has_a_bar(shown: Display, progress: Progress) -> None:
    shown.report("a", "none · seed 0", 40)
    shown.report("b", "focal [bold]", 10)
    assert bars(progress) == {
        "[bold]all optimizer steps": (50, 400),
        "none · seed 0": (40, 100),
        r"focal \[bold]": (10, 300),
    }


def test_of_many_trainings_under_way_some_are_shown(progress: Progress) -> None:
    many = [training(str(number), "none") for number in range(MOST_BARS + 10)]
    shown = Display(progress, many)
    for each in many:
        shown.report(each.identity, "none", 40)
    assert sum(task.visible for task in progress.tasks) == 1 + MOST_BARS
    assert progress.tasks[0].completed == 40 * len(many)


def test_a_training_that_ended_is_counted_whole_and_loses_its_bar(
    shown: Display, progress: Progress
) -> None:
    shown.report("a", "none · seed 0", 40)
    shown.ended([outcome(0, seconds=12.0), outcome(0, 1)])
    assert bars(progress) == {"[bold]all optimizer steps": (100, 400)}
    shown.report("a", "none · seed 0", 60)  # a late report
    assert bars(progress) == {"[bold]all optimizer steps": (100, 400)}
    first, second = printed(progress)
    assert first.startswith("1/3  none · seed 0") and first.endswith("12 s")
    assert "F1 0.250  AP 0.500" in first
    assert second.startswith("2/3  threshold · seed 0") and second.endswith("shared")


def test_a_run_without_results_says_why(shown: Display, progress: Progress) -> None:
    shown.ended([outcome(0, status="failed", metrics={}, reason="at [device:GPU:0]")])
    shown.ended([outcome(1, status="unlogged", metrics={}, reason="the store is lost")])
    assert printed(progress) == [
        "1/3  failed  none · seed 0: at [device:GPU:0]",
        "2/3  not in the store  focal · seed 0",
    ]


def test_a_training_of_which_nothing_was_left_prints_nothing(
    shown: Display, progress: Progress
) -> None:
    shown.ended([])
    assert printed(progress) == []


def test_without_a_terminal_there_are_lines_alone() -> None:
    console = Console(file=io.StringIO(), width=140)
    with display(console, TRAININGS) as shown:
        shown.report("a", "none · seed 0", 40)
        shown.ended([outcome(0)])
    file: Any = console.file
    assert len(file.getvalue().splitlines()) == 1
