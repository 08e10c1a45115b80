"""Formatting that terminal, Markdown and commands share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol


def escape_markdown(text: str) -> str:
    """Text that cannot break out of a table cell or become HTML, a link or an image."""
    for character, harmless in HARMLESS.items():
        text = text.replace(character, harmless)
    return " ".join(text.split())


HARMLESS = {
    "&": "&amp;",
    **{character: f"\\{character}" for character in "\\`*|"},
    "](": "]\\(",
    "://": ":&#47;&#47;",
    "@": "&#64;",
    "<": "&lt;",
    ">": "&gt;",
}


class Interval(Protocol):
    """A mean with the ends of its interval."""

    @property
    def mean(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...


def interval(value: Interval, digits: int = 3, sign: str = "+") -> str:
    """Format a mean and its interval, ``+0.021 [0.004, 0.038]``; the mean alone for one seed."""
    ends = "" if math.isnan(value.low) else f" [{value.low:,.{digits}f}, {value.high:,.{digits}f}]"
    return f"{value.mean:{sign},.{digits}f}{ends}"


def listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def seeds(number: int) -> str:
    return f"{number} seed{'s' * (number != 1)}"
