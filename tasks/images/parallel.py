"""Work on many files, spread over all cores."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

CHUNK = 16  # files handed to a thread at once
SHOW_PROGRESS_FROM = 500  # files; fewer are done before a bar could be read

Input = TypeVar("Input")
Output = TypeVar("Output")


def in_threads(
    work: Callable[[Input], Output], items: Sequence[Input], title: str
) -> Iterable[Output]:
    """Apply `work` to each item on all cores and yield the results in order.

    A progress bar on stderr is shown if there are many items.
    """
    from rich.console import Console
    from rich.progress import Progress

    # an image takes half a millisecond: handing images over singly would cost a tenth of that
    chunks = [items[start : start + CHUNK] for start in range(0, len(items), CHUNK)]
    quiet = len(items) < SHOW_PROGRESS_FROM
    console = Console(stderr=True)
    with (
        Progress(console=console, transient=True, disable=quiet) as progress,
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        bar = progress.add_task(title, total=len(items))
        for results in pool.map(lambda chunk: [work(item) for item in chunk], chunks):
            progress.advance(bar, len(results))
            yield from results
