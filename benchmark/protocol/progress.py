"""How far long work is, for whoever watches the terminal."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

SHOWN_FROM = 500  # items; fewer are done before a bar could be read

_consoles: list[Console] = []  # that say what is going on, the innermost last


@contextmanager
def shown_on(console: Console) -> Iterator[None]:
    """Show bars on this console until the block ends.

    It stacks them below what it shows already; another console would overwrite that.
    """
    _consoles.append(console)
    try:
        yield
    finally:
        _consoles.pop()


@contextmanager
def bar(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a bar on stderr until the block ends, if there is much to do.

    Args:
        total: items; None if nobody knows.

    Yields:
        What advances it by a number of items.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = _consoles[-1] if _consoles else Console(stderr=True)
    # bars of workers would be written into those of the process that started them
    hidden = not console.is_terminal or multiprocessing.parent_process() is not None
    few = total is not None and total < SHOWN_FROM
    count = "{task.completed:,.0f}" if total is None else "{task.completed:,.0f} of {task.total:,}"
    with Progress(
        *(TextColumn("{task.description}"), BarColumn(), TextColumn(count), TimeRemainingColumn()),
        console=console,
        transient=True,
        disable=few or hidden,
    ) as progress:
        number = progress.add_task(title, total=total, visible=total is not None)
        yield lambda items: progress.update(number, advance=items, visible=True)
