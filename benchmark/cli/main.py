"""The command line: one command per MLproject entry point.

Commands import heavy libraries themselves, so that help and listings answer at once.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Any

import click

from benchmark import __version__
from benchmark.cli import diagnostics, experiments, listing, results, suite
from benchmark.cli.options import examples
from benchmark.protocol.errors import UserError

GROUPS = (experiments, suite, results, diagnostics, listing)  # each a group of commands in the help
SHELLS = ("bash", "zsh", "fish")


class _Group(click.Group):
    """Print an error that the user can correct as one line, and exit with status 2."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except UserError as error:
            click.echo(f"error: {error}", err=True)
            sys.exit(2)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by group, with their whole summaries."""
        for group in GROUPS:
            with formatter.section(group.TITLE):
                formatter.write_dl(
                    [(str(command.name), _summary(command)) for command in group.COMMANDS]
                )


def _summary(command: click.Command) -> str:
    """Return the first paragraph of a command's help; click would cut it."""
    return " ".join((command.help or "").partition("\n\n")[0].split())


def _print_completion(context: click.Context, option: click.Parameter, shell: str) -> None:
    """Print the script that lets a shell complete commands, options and names."""
    if not shell or context.resilient_parsing:
        return
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind
    click.echo(kind(main, {}, PROGRAM_NAME, COMPLETION_VARIABLE).source())
    context.exit()


# Objects between two visits of Python's garbage collector, for its 700: imports make hundreds of
# thousands that stay, and visiting them takes a fifth of the time of MLflow's and Dask's
GC_THRESHOLD = 50_000
PROGRAM_NAME = "skewbench"
COMPLETION_VARIABLE = "_SKEWBENCH_COMPLETE"  # click's own name for it


@click.group(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples(
        "run --task catsdogs",
        "run --task csv --data bank.csv --settings target=y",
        "recommend csv --cost fp=1,fn=10",
    ),
)
@click.version_option(__version__, prog_name=PROGRAM_NAME)
@click.option(
    "--completion",
    type=click.Choice(SHELLS),
    is_eager=True,
    expose_value=False,
    callback=_print_completion,
    help='print a script for your shell, e.g. eval "$(skewbench --completion bash)"',
)
def main() -> None:
    """Measure which strategy for class imbalance helps, on your data, over several seeds."""
    gc.set_threshold(GC_THRESHOLD)
    try:
        Path.home()
    except RuntimeError:  # several libraries need one when they are imported
        raise UserError("there is no home folder: set HOME to one that can be written") from None


for group in GROUPS:
    for command in group.COMMANDS:
        main.add_command(command)
