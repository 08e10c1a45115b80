"""Bars of long work."""

from __future__ import annotations

import io
import time

import pytest
from rich.console import Console

from benchmark.protocol import progress


@pytest.fixture
def file() -> io.StringIO:
    return io.StringIO()


def shown(
    file: io.StringIO, total: int | None, done: int, terminal: bool = True, seconds: float = 5
) -> str:
    """What is written once so many items are done, or until that many seconds later."""
    console = Console(file=file, force_terminal=terminal, width=100)
    with (
        console.status("reading the data"),
        progress.shown_on(console),
        progress.bar("columns", total) as advance,
    ):
        advance(done)
        end = time.monotonic() + seconds
        while f"{done:,}" not in file.getvalue() and time.monotonic() < end:
            time.sleep(0.05)
    return file.getvalue()


def test_a_bar_is_below_what_is_going_on(file: io.StringIO) -> None:
    text = shown(file, 3000, 1200)
    frame = text[: text.index("1,200 of 3,000")]
    assert frame.rindex("reading the data") < frame.rindex("columns")
    assert frame[frame.rindex("reading the data") :].count("\n") == 1


def test_what_nobody_can_count_is_counted_as_it_comes(file: io.StringIO) -> None:
    assert "1,240,000" in shown(file, None, 1_240_000)


def test_little_work_has_no_bar(file: io.StringIO) -> None:
    assert "columns" not in shown(file, progress.SHOWN_FROM - 1, 100, seconds=0.3)


def test_without_a_terminal_there_is_no_bar(file: io.StringIO) -> None:
    assert "columns" not in shown(file, 3000, 1200, terminal=False, seconds=0.3)
