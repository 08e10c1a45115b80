"""Progress in the terminal: what is trained, how far it is, and how long it still takes."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column

from benchmark.protocol.grid import Training
from benchmark.protocol.text import duration, shorten
from benchmark.workflows.execution.tracked_training import Outcome

_log = logging.getLogger(__name__)

NARROW = 100  # columns, below which bars and names are shorter
MOST_BARS = 20  # of trainings: a cluster may have hundreds
SHORTEST, LONGEST = 20, 48  # letters of a name
MEASURED = 31  # letters after it
ESTIMATED_AFTER = 5.0  # seconds of steps, after which the time of all can be told
WORTH_TELLING = 20.0  # seconds


class Display:
    """A bar for all steps, one for each active training, and a line for each finished run.

    Of many active trainings only some are shown.
    """

    def __init__(self, progress: Progress, trainings: Sequence[Training]) -> None:
        self._progress = progress
        self._steps = {t.identity: t.conditions.budget.steps for t in trainings}
        self._done = dict.fromkeys(self._steps, 0)
        self._all_done = 0
        self._runs = sum(len(t.cells) for t in trainings)
        self._ended = 0
        self._bars: dict[str, TaskID] = {}
        self._total = progress.add_task(
            "[bold]all optimizer steps", total=sum(self._steps.values())
        )
        self._first: tuple[float, int] | None = None  # when steps were first reported, how many
        self._estimated = False

    def report(self, training: str, name: str, steps: int) -> None:
        """Show how many steps a training has done."""
        if self._done[training] == self._steps[training]:
            return  # a late report of a training that ended
        if training not in self._bars:
            self._bars[training] = self._progress.add_task(
                escape(shorten(name, _name_width(self._progress.console))),
                total=self._steps[training],
                visible=sum(task.visible for task in self._progress.tasks) <= MOST_BARS,
            )
        self._progress.update(self._bars[training], completed=steps)
        self._advance(training, steps)

    def ended(self, outcomes: list[Outcome]) -> None:
        """Print the outcomes of a training that ended, and remove its bar."""
        for outcome in outcomes:
            self._ended += 1
            self._progress.console.print(self._line(outcome), highlight=False)
        for trace in dict.fromkeys(outcome.trace for outcome in outcomes if outcome.trace):
            _log.debug("%s", trace)
        training = outcomes[0].training if outcomes else ""
        if training:
            self._advance(training, self._steps[training])
        if training in self._bars:
            self._progress.remove_task(self._bars.pop(training))

    def _advance(self, training: str, steps: int) -> None:
        self._all_done += steps - self._done[training]
        self._done[training] = steps
        self._progress.update(self._total, completed=self._all_done)
        now = time.monotonic()
        if self._first is None:
            self._first = now, self._all_done
        elif not self._estimated and now - self._first[0] > ESTIMATED_AFTER:
            self._estimate(now - self._first[0], self._all_done - self._first[1])

    def _estimate(self, seconds: float, steps: int) -> None:
        """Tell once, from the first steps, about how long all of them take."""
        self._estimated = True
        left = sum(self._steps.values()) - self._all_done
        remaining = seconds * left / max(1, steps)
        if remaining > WORTH_TELLING:
            said = f"about {duration(remaining)} left for {len(self._steps):,} trainings"
            self._progress.console.print(said, highlight=False)

    def _line(self, outcome: Outcome) -> str:
        count = f"{self._ended:>{len(str(self._runs))}}/{self._runs}"
        name = f"{outcome.cell.label} · seed {outcome.cell.seed}"
        if outcome.status == "failed":
            return f"{count}  [red]failed[/]  {escape(name)}: {escape(outcome.reason)}"
        if outcome.status == "unlogged":
            return f"{count}  [red]not in the store[/]  {escape(name)}"
        f1, ap = outcome.metrics["test/f1"], outcome.metrics["test/average_precision"]
        time = f"{outcome.seconds:.0f} s" if outcome.seconds else "shared"
        width = max(SHORTEST, min(LONGEST, self._progress.console.width - len(count) - MEASURED))
        name = escape(f"{shorten(name, width):<{width}}")
        return f"{count}  {name}  F1 {f1:.3f}  AP {ap:.3f}  {time}"


def _name_width(console: Console) -> int:
    return 34 if console.width < NARROW else LONGEST


@contextmanager
def display(console: Console, trainings: Sequence[Training]) -> Iterator[Display]:
    """Show progress until the block ends; without a terminal, only lines."""
    name = Column(width=_name_width(console), no_wrap=True)
    progress = Progress(
        TextColumn("{task.description}", table_column=name),
        BarColumn(12 if console.width < NARROW else 24),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with progress:
        yield Display(progress, trainings)
