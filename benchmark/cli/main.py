"""The command line: one command per MLproject entry point.

Commands import heavy libraries themselves, so that help and listings answer at once.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from benchmark import __version__
from benchmark.cli import diagnostics, experiments, listing, results, suite
from benchmark.protocol.errors import UserError


class _Group(click.Group):
    """Print an error that the user can correct as one line, and exit with status 2."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except UserError as error:
            click.echo(f"error: {error}", err=True)
            sys.exit(2)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="skewbench")
def main() -> None:
    """Measure which strategy for class imbalance helps, on your data, over several seeds."""
    try:
        Path.home()
    except RuntimeError:  # several libraries need one when they are imported
        raise UserError("there is no home folder: set HOME to one that can be written") from None


for command in (
    *experiments.COMMANDS,
    *suite.COMMANDS,
    *results.COMMANDS,
    *diagnostics.COMMANDS,
    *listing.COMMANDS,
):
    main.add_command(command)
