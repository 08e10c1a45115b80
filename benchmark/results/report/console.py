"""The terminal: how wide it is, what is printed and logged, and what is going on right now."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.text import Text

from benchmark.protocol.progress import shown_on

PIPED_WIDTH = 120  # columns where neither a terminal nor $COLUMNS says
MESSAGES = "benchmark.messages"  # logger of all that is printed beside results

# of tables: a line below the headings, and no others, leaves most room for what they hold
LINES: dict[str, Any] = {"box": SIMPLE_HEAD, "pad_edge": False, "show_edge": False}
LINES |= {"padding": (0, 1, 0, 0)}

_log = logging.getLogger(__name__)
_messages = logging.getLogger(MESSAGES)


class _LoggedConsole(Console):
    """A console whose messages go to the log, too."""

    def print(self, *objects: Any, **options: Any) -> None:
        super().print(*objects, **options)
        for each in objects:
            text = Text.from_markup(each).plain if isinstance(each, str) else None
            if text is not None and text.strip():
                _messages.info(text)


def console(stderr: bool = False) -> Console:
    """Return a console as wide as the terminal, or as $COLUMNS says; messages go to stderr.

    Notebooks get lines of plain text: rich would make a box of HTML of each, and keep every
    frame of a moving bar.
    """
    stream = sys.stderr if stderr else sys.stdout
    known = stream.isatty() or os.environ.get("COLUMNS", "").isdigit()
    kind = _LoggedConsole if stderr else Console
    return kind(
        stderr=stderr,
        width=None if known else PIPED_WIDTH,
        force_jupyter=False,
        force_terminal=False if "ipykernel" in sys.modules else None,  # it sets $FORCE_COLOR
    )


@contextmanager
def phase(console: Console, doing: str) -> Iterator[None]:
    """Say what is going on while it does: `doing` is like "reading the data".

    A terminal shows it until it ends, other outputs get a line.
    """
    began = time.perf_counter()
    if console.is_terminal and not console.is_dumb_terminal:
        with console.status(doing), shown_on(console):
            yield
    else:
        console.print(f"{doing} ...", highlight=False)
        yield
    _log.debug("%s: %.1f s", doing, time.perf_counter() - began)
