"""Progress of a suite in the terminal: a bar over all runs, a line for each member that is done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from benchmark.protocol.grid import Training
from benchmark.workflows.execution.tracked_training import Outcome


class Display:
    """A bar over all runs, a line for each failure and each member whose runs have all ended."""

    def __init__(
        self, progress: Progress, trainings: Sequence[Training], names: Mapping[str, str]
    ) -> None:
        self._progress, self._names = progress, names
        self._member = {training.identity: names[_of(training)] for training in trainings}
        self._left = Counter(names[_of(t)] for t in trainings for _ in t.cells)
        self._failed: Counter[str] = Counter()
        self._bar = progress.add_task("[bold]runs", total=sum(self._left.values()))
        self._members = len(self._left)

    def report(self, training: str, name: str, steps: int) -> None:
        """Show which training is going on."""
        self._progress.update(self._bar, description=f"[bold]runs[/] {self._member[training]}")

    def ended(self, outcomes: Sequence[Outcome]) -> None:
        """Count the outcomes of a training; print failures, and the member if it is done."""
        if not outcomes:
            return
        member = self._member[outcomes[0].training]
        for outcome in outcomes:
            if outcome.status != "finished":
                self._failed[member] += 1
                what = f"{member}: {outcome.cell.label} · seed {outcome.cell.seed}"
                self._print(f"[red]failed[/]  {escape(what)}: {escape(outcome.reason)}")
        self._left[member] -= len(outcomes)
        self._progress.advance(self._bar, len(outcomes))
        if not self._left[member]:
            done = sum(left == 0 for left in self._left.values())
            failed = f"  [red]{self._failed[member]} failed[/]" if self._failed[member] else ""
            width = len(str(self._members))
            self._print(f"{done:>{width}}/{self._members}  {escape(member)}{failed}")

    def _print(self, line: str) -> None:
        self._progress.console.print(line, highlight=False, soft_wrap=True)


def _of(training: Training) -> str:
    return training.conditions.identity


@contextmanager
def display(
    console: Console, trainings: Sequence[Training], names: Mapping[str, str]
) -> Iterator[Display]:
    """Show progress until the block ends; without a terminal, only lines.

    Args:
        names: identity of the conditions -> the member.
    """
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
        yield Display(progress, trainings, names)
