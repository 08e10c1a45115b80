"""Commands that list tasks, strategies and studies, and fetch data."""

from __future__ import annotations

from pathlib import Path

import click

from benchmark.cli import types
from benchmark.cli.options import examples, parse_count
from benchmark.protocol import arguments, grammar, registry
from benchmark.protocol.errors import UserError
from benchmark.protocol.strategy import BASELINE, FAMILIES, SLOTS, family
from benchmark.protocol.text import command
from benchmark.results import study

SUITE = "suite"  # in the place of a task
WEIGHTS = "weights"  # in the place of a task


@click.command()
def tasks() -> None:
    """List the tasks with their settings and defaults."""
    for name in registry.tasks():
        kind = registry.task(name)
        _entry(name, kind.summary, arguments.describe(kind.settings).replace(", ", " "))


@click.command()
def strategies() -> None:
    """List the strategies by family, with their arguments and defaults."""
    groups: dict[str, list[str]] = {BASELINE: []}
    groups |= {FAMILIES[slot]: [] for slot in SLOTS}
    for name in registry.strategies():
        groups[family(grammar.read(name).strategy)].append(name)
    for group, names in groups.items():
        if not names:
            continue
        _heading(group[0].upper() + group[1:])
        for name in names:
            function = registry.strategies()[name]
            summary = (function.__doc__ or "").strip().split("\n\n")[0]
            _entry(name, " ".join(summary.split()), arguments.describe(function))


@click.command()
def studies() -> None:
    """List the studies with their questions."""
    for name in study.studies():
        _entry(name, study.study(name).question, "")


@click.command(epilog=examples("fetch catsdogs", "fetch weights MobileNet --size 160"))
@click.argument("task", type=types.TASK, metavar="TASK")
@click.argument("model", default="")
@click.option("--data", type=types.PATH, default="", help="folder to write to [default: data/TASK]")
@click.option(
    "--size",
    metavar="PIXELS",
    default="224",
    show_default=True,
    help="of weights: pixels a side; only MobileNet and MobileNetV2 have files by size",
)
def fetch(task: str, model: str, data: str, size: str) -> None:
    """Download the real data of TASK and check its hash.

    `fetch weights MODEL` downloads the ImageNet weights of a network of keras.applications,
    `fetch suite imbalanced-learn` the 27 tables of that library, `fetch suite openml:31,1461` data
    sets of OpenML by their numbers, for `suite run --data`.
    """
    target = Path(data or Path("data") / task)
    pixels = parse_count("--size", size, 32)
    if task == WEIGHTS:
        if not model:
            raise UserError("`fetch weights MODEL` needs a model, such as MobileNet")
        click.echo(f"{model} is in {registry.fetch_weights(model, pixels, target)}")
        return
    if task == SUITE:
        from benchmark.workflows.suite.collections import fetch as fetch_collection

        tables = fetch_collection(model or "imbalanced-learn", target)
        click.echo(
            f"{len(tables)} tables are in {target}. To use them:\n  "
            f"{command('suite', 'run', data=target)}"
        )
        return
    if model:
        raise UserError(
            f"fetch {task} {model}: only `fetch weights` and `fetch suite` take a second name"
        )
    registry.task(task).fetch(target)
    click.echo(f"{task} is in {target}. To use it:\n  {command('run', task=task, data=target)}")


def _heading(text: str) -> None:
    from rich.text import Text

    from benchmark.results.report.console import console

    console().print(Text(text, style="underline"))


def _entry(name: str, summary: str, options: str) -> None:
    """Print a name, what it is and its arguments, as wide as the terminal."""
    from rich.padding import Padding
    from rich.text import Text

    from benchmark.results.report.console import console

    out = console()
    out.print(Text(name, style="bold"))
    out.print(Padding(Text(summary), (0, 0, 0, 4)))
    if options:
        out.print(Padding(Text(options, style="cyan"), (0, 0, 0, 4)))


TITLE = "List and fetch"
COMMANDS = (tasks, strategies, studies, fetch)
