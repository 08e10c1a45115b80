"""Progress in the terminal: what is trained, how far it is, and how long it still takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from benchmark.protocol.grid import Training
from benchmark.workflows.execution.tracked_training import Outcome


class Display:
    """A bar for all steps, one for each active training, and a line for each finished run."""

    def __init__(self, progress: Progress, trainings: Sequence[Training]) -> None:
        self._progress = progress
        self._steps = {t.identity: t.conditions.budget.steps for t in trainings}
        self._done = dict.fromkeys(self._steps, 0)
        self._runs = sum(len(t.cells) for t in trainings)
        self._ended = 0
        self._bars: dict[str, TaskID] = {}
        self._total = progress.add_task(
            "[bold]all optimizer steps", total=sum(self._steps.values())
        )

    def report(self, training: str, name: str, steps: int) -> None:
        """Show how many steps a training has done."""
        if self._done[training] == self._steps[training]:
            return  # a late report of a training that ended
        if training not in self._bars:
            self._bars[training] = self._progress.add_task(
                escape(name), total=self._steps[training]
            )
        self._progress.update(self._bars[training], completed=steps)
        self._advance(training, steps)

    def ended(self, outcomes: list[Outcome]) -> None:
        """Print the outcomes of a training that ended, and remove its bar."""
        for outcome in outcomes:
            self._ended += 1
            self._progress.console.print(self._line(outcome), highlight=False)
        training = outcomes[0].training if outcomes else ""
        if training in self._bars:
            self._progress.remove_task(self._bars.pop(training))
        if training:
            self._advance(training, self._steps[training])

    def _advance(self, training: str, steps: int) -> None:
        self._done[training] = steps
        self._progress.update(self._total, completed=sum(self._done.values()))

    def _line(self, outcome: Outcome) -> str:
        count = f"{self._ended:>{len(str(self._runs))}}/{self._runs}"
        name = escape(f"{outcome.cell.label} · seed {outcome.cell.seed}")
        if outcome.status == "failed":
            return f"{count}  [red]failed[/]  {name}: {escape(outcome.reason)}"
        if outcome.status == "unlogged":
            return f"{count}  [red]not in the store[/]  {name}"
        f1, ap = outcome.metrics["test/f1"], outcome.metrics["test/average_precision"]
        time = f"{outcome.seconds:.0f} s" if outcome.seconds else "shared"
        return f"{count}  {name:<44} F1 {f1:.3f}  average precision {ap:.3f}  {time}"


@contextmanager
def display(console: Console, trainings: Sequence[Training]) -> Iterator[Display]:
    """Show progress until the block ends; without a terminal, only lines."""
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with progress:
        yield Display(progress, trainings)
