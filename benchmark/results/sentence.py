"""One finding in words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sentence:
    """One finding, and the figures that it rests on."""

    text: str
    figures: str = ""
    use: str = ""  # label of the strategy that it recommends, if it recommends one
