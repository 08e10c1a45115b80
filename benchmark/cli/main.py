"""The command line: one command per MLproject entry point.

Heavy libraries are imported by the commands that need them, so that help and
the listings answer at once.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from benchmark.cli import diagnostics, experiments, listing, results
from benchmark.protocol.errors import UserError


class _Group(click.Group):
    """Prints what a person can mend as one line and exits with status 2."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except UserError as error:
            click.echo(f"error: {error}", err=True)
            sys.exit(2)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Measures which strategy for class imbalance helps, on your data, over several seeds."""
    try:
        Path.home()
    except RuntimeError:  # several libraries need one as soon as they are imported
        raise UserError("there is no home folder: let HOME name one that can be written") from None


for command in (*experiments.COMMANDS, *results.COMMANDS, *diagnostics.COMMANDS, *listing.COMMANDS):
    main.add_command(command)
