"""Text that terminal, Markdown, HTML and tracked notes share: numbers, lists, commands."""

from __future__ import annotations

import math
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

ROOT = Path(__file__).parents[2]  # of the checkout
PROGRAM = ("uv", "run", "skewbench")  # in it

MOST_IN_RATIO = 5  # classes
UNBOUNDED = (-math.inf, math.inf)  # range of a measure

SYNTHETIC = "synthetic"  # what --data takes in place of a path, for generated data
SYNTHETIC_BANNER = "SYNTHETIC DATA"  # marks all results of it

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
    """A mean with the ends of its interval, which are nan where there is none."""

    @property
    def mean(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...


def interval(
    value: Interval, digits: int = 3, sign: str = "+", within: tuple[float, float] = UNBOUNDED
) -> str:
    """Format a mean and its interval, ``+0.021 [0.004, 0.038]``; the mean alone for one seed.

    Args:
        sign: "+" writes the sign of positive means too, "" does not.
        within: range of what is measured, which the interval does not leave.
    """
    low, high = max(value.low, within[0]), min(value.high, within[1])
    ends = "" if math.isnan(value.low) else f" [{low:,.{digits}f}, {high:,.{digits}f}]"
    return f"{value.mean:{sign},.{digits}f}{ends}"


def share(value: Interval) -> str:
    """Format a mean of 0 to 1, such as a precision, whose interval does not leave that range."""
    return interval(value, sign="", within=(0, 1))


def percent(share: float, digits: int = 0) -> str:
    """Format a share of 1: ``percent(0.256)`` is "26 %"."""
    return f"{share:.{digits}%}".replace("%", " %")


def probability(value: float) -> str:
    """Format a probability that was simulated: "83 %", "> 99 %", "< 1 %"; "-" for nan."""
    if math.isnan(value):
        return "-"
    return "> 99 %" if value > 0.99 else "< 1 %" if value < 0.01 else percent(value)


def listed(names: Sequence[str]) -> str:
    """Join names as in a sentence: "a", "a and b", "a, b and c"; "" for none."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def ratio(shares: Sequence[float]) -> str:
    """Format class shares as a ratio to the smallest: "10:1"; in words for more than a few."""
    if len(shares) > MOST_IN_RATIO:
        return "the population's class shares"
    return ":".join(f"{share / min(shares):.3g}" for share in shares)


def seeds(number: int) -> str:
    """Count seeds: "1 seed", "3 seeds"."""
    return f"{number:,} seed{'s' * (number != 1)}"


def strategies(number: int) -> str:
    """Count strategies: "1 strategy", "3 strategies"."""
    return f"{number:,} strateg{'y' if number == 1 else 'ies'}"


def duration(seconds: float) -> str:
    """Format a time for people: "40 s", "12 min", "3.5 h"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def shorten(text: str, most: int) -> str:
    """Cut the middle of a text that is too long: both ends of a name tell it from others."""
    return _cut(text, most, (most - 1) // 2)


def shorten_all(texts: Sequence[str], most: int) -> list[str]:
    """Cut the middle of texts that are too long, so that different ones stay different."""
    for tail in range((most - 1) // 2, most):
        cut = [_cut(text, most, tail) for text in texts]
        if len(set(cut)) == len(set(texts)):
            return cut
    numbers = {text: f" #{number}" for number, text in enumerate(dict.fromkeys(texts), start=1)}
    return [
        text if len(text) <= most else shorten(text, most - len(numbers[text])) + numbers[text]
        for text in texts
    ]


def _cut(text: str, most: int, tail: int) -> str:
    """Cut the middle, leaving so many letters at the end."""
    return text if len(text) <= most else f"{text[: most - 1 - tail]}…{text[len(text) - tail :]}"


def ranges(numbers: Sequence[int]) -> str:
    """Join numbers, neighbours as a range: "0 to 4, 7"."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][-1] + 1:
            found[-1].append(number)
        else:
            found.append([number])
    return ", ".join(
        f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in found
    )


def runner() -> tuple[str, ...]:
    """Return the words before a program of this project, where the user is.

    `mlflow run` starts in the checkout whoever calls it from where; then the store tells.
    """
    if not (ROOT / "pyproject.toml").exists():  # installed without its checkout
        return ()
    here = Path.cwd().is_relative_to(ROOT)
    if "MLFLOW_RUN_ID" in os.environ:
        here = f"{ROOT}{os.sep}" in os.environ.get("MLFLOW_TRACKING_URI", "")
    return PROGRAM[:2] if here else (*PROGRAM[:2], "--project", str(ROOT))


def install(extra: str) -> str:
    """Build the line for the shell that installs an extra, ``uv sync --extra boosting``."""
    return shlex.join(["uv", "sync", *runner()[2:], "--extra", extra])


def command(name: str, *positional: object, **options: object) -> str:
    """Build a line for the shell, ``uv run skewbench run --task csv --seeds 3``.

    Args:
        positional: arguments that follow the name of the command.
        options: see `option_words`.
    """
    words = [*runner(), PROGRAM[-1], name, *map(str, positional), *option_words(options)]
    return shlex.join(words)


def option_words(options: Mapping[str, object]) -> list[str]:
    """The words of options on the command line, in their order.

    Args:
        options: option -> value; ``top_k`` is written ``--top-k``. None and "" leave an
            option out, True makes a flag of it, False leaves the flag out.
    """
    words: list[str] = []
    for option, value in options.items():
        if value is None or value is False or value == "":
            continue
        words.append(f"--{option.replace('_', '-')}")
        if value is not True:
            words.append(str(value))
    return words


def escape_markdown(text: str) -> str:
    """Escape text so that it cannot leave a table cell or become HTML, a link or an image."""
    for character, harmless in HARMLESS.items():
        text = text.replace(character, harmless)
    return " ".join(text.split())
