"""Options that several commands share, and the files that they name."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.protocol import registry
from benchmark.protocol.errors import UserError
from benchmark.protocol.text import PROGRAM, SYNTHETIC

if TYPE_CHECKING:
    from matplotlib.figure import Figure


SYNTHETIC_ALIASES = (SYNTHETIC, "stand-in")  # values of --data that ask for synthetic data
MAX_DIGITS = 9  # of a number on the command line

Command = Callable[..., None]

tracking_option = click.option(
    "--tracking",
    metavar="ADDRESS",
    default="",
    help="MLflow store [default: $MLFLOW_TRACKING_URI, else sqlite:///mlflow.db]",
)
cost_option = click.option(
    "--cost",
    metavar="COSTS",
    default="",
    help="of a false positive and a false negative: fp=1,fn=10, or fn=amount for a column of the "
    "data; of more classes: a CSV file with the actual ones in rows, or ACTUAL>PREDICTED=5",
)
by_option = click.option(
    "--by",
    metavar="COLUMN",
    multiple=True,
    help="of the data, or several: measures in its subgroups, such as regions",
)
portion_option = click.option(
    "--portion",
    type=click.Choice(["all", "confirmation"]),
    default="all",
    show_default=True,
    help="rows to test on; `confirmation`: those that no search has seen",
)


def combined(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Combine options into one decorator; a command lists them in this order."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def examples(*lines: str) -> str:
    """Return examples of commands, to stand below the help of one."""
    return "\b\n" + "\n".join(["Examples:", *(f"  {shlex.join(PROGRAM)} {line}" for line in lines)])


def say(text: str) -> None:
    """Tell the user what is about to happen, before heavy libraries are loaded."""
    from benchmark.results.report.console import console

    console(stderr=True).print(text, markup=False, highlight=False)


def find_data(task: str, given: str) -> str:
    """Return where a task's data lies, or "" for synthetic data.

    It is the place that was given, else data/TASK, else $SKEWBENCH_DATA/TASK if it exists.
    """
    if given in SYNTHETIC_ALIASES:
        return ""
    if given:
        try:
            place = Path(given).expanduser()
        except RuntimeError:  # no such user, or no home folder
            raise UserError(f"--data {given}: there is no such home folder") from None
        if "MLFLOW_RUN_ID" in os.environ and not place.is_absolute() and not place.exists():
            raise UserError(
                f"data={given}: no such file or folder in {Path.cwd()}, where `mlflow run` starts: "
                "give its whole path"
            )
        return str(place)
    places = [Path("data") / task]
    if os.environ.get("SKEWBENCH_DATA"):
        places.append(Path(os.environ["SKEWBENCH_DATA"]) / task)
    return next((str(place) for place in places if place.exists()), "")


def complete_settings(task: str, chosen: Any, path: str) -> Any:
    """Complete settings for the data at `path`, or synthetic data; say what was chosen."""
    settings, line = registry.task(task).complete(chosen, "real" if path else "synthetic")
    if line:
        click.echo(line, err=True)
    return settings


def parse_count(option: str, text: str, least: int) -> int:
    """Parse the whole number of an option, at least `least`."""
    plain = text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS
    if not plain or int(text) < least:
        raise UserError(f"{option} must be a whole number, at least {least}, not {text[:20]!r}")
    return int(text)


def parse_optional_count(option: str, text: str, least: int) -> int | None:
    """Parse the whole number of an option that may be left out."""
    return parse_count(option, text, least) if text else None


def make_folder(path: str) -> Path:
    """Make a folder that the user named, unless it is there."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write to {path}: {error.strerror}") from None
    return Path(path)


def write_text(path: str, text: str) -> None:
    """Write a file that the user named."""
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from None
    click.echo(f"wrote {path}", err=True)


def write_figure(path: str, figure: Figure) -> None:
    """Write a figure to a file that the user named, in the format of its suffix."""
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:  # ValueError: an unknown format
        raise UserError(f"cannot write {path}: {error}") from None
    click.echo(f"wrote {path}", err=True)
