"""Files that a person names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmark.protocol.errors import UserError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


import os
from collections.abc import Callable


def write_figure(path: str, figure: Figure) -> None:
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:  # ValueError: a format that there is not
        raise UserError(f"cannot write {path}: {error}") from None
    click.echo(f"wrote {path}", err=True)


def write(path: str, text: str) -> None:
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from None
    click.echo(f"wrote {path}", err=True)


SYNTHETIC = "stand-in"

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
    if given == SYNTHETIC:
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
