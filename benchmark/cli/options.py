"""Options that several commands have, and what is given with them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import click

from benchmark.errors import UserError

STAND_IN = "stand-in"

Command = Callable[..., None]


def together(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """One decorator that gives a command all of these options, listed in this order."""

    def give(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return give


portion_option = click.option(
    "--portion",
    type=click.Choice(["all", "confirmation"]),
    default="all",
    show_default=True,
    help="of the rows to test on; `confirmation`: those that no search has seen",
)


def find_data(task: str, given: str) -> str:
    """Where a task's data lies: as given, else data/TASK, else $SKEWBENCH_DATA/TASK, else ""."""
    if given == STAND_IN:
        return ""
    if given:
        try:
            return str(Path(given).expanduser())
        except RuntimeError:  # nobody of that name, or no home
            raise UserError(f"--data {given}: there is no such home folder") from None
    places = [Path("data") / task]
    if os.environ.get("SKEWBENCH_DATA"):
        places.append(Path(os.environ["SKEWBENCH_DATA"]) / task)
    return next((str(place) for place in places if place.exists()), "")


def count(option: str, text: str, least: int) -> int:
    plain = text.isascii() and text.isdigit() and len(text) < 10
    if not plain or int(text) < least:
        raise UserError(f"{option} must be a whole number, at least {least}, not {text[:20]!r}")
    return int(text)
