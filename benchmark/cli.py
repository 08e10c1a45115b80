"""The command line: one command per MLproject entry point.

Heavy libraries are imported by the commands that need them, so that help and
the listings answer at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from benchmark import arguments, registry
from benchmark.errors import UserError

STAND_IN = "stand-in"


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
    """Measures which remedy for class imbalance helps, on your data, over several seeds."""


@main.command()
@click.option(
    "--task",
    default=registry.default("tasks"),
    show_default=True,
    help="see the command `tasks`",
)
@click.option(
    "--strategies",
    default=registry.default("strategies"),
    show_default=True,
    help="separated by commas, joined by +, e.g. none,oversample(ratio=0.5)+threshold; "
    "`all` is every one that suits the task; see the command `strategies`",
)
@click.option("--seeds", default="3", show_default=True, help="how many: 0, 1, ... n-1")
@click.option(
    "--data",
    default="",
    help="folder or file of the real data; else data/TASK, else $SKEWBENCH_DATA/TASK, "
    "else a synthetic stand-in (`stand-in` asks for it)",
)
@click.option("--settings", default="", help="of the task, e.g. 'imbalance=20 model=compact'")
@click.option("--steps", default="", help="optimizer steps of every training [default: the task's]")
@click.option(
    "--workers", default="", help="processes; 0 is this one [default: one a core, on a GPU one]"
)
@click.option("--scheduler", default="", help="address of a Dask cluster to use instead")
@click.option(
    "--timeout",
    default="",
    help="seconds that a training may take, with its data; it is tried three times [default: any]",
)
@click.option(
    "--tracking",
    default="",
    help="MLflow store [default: $MLFLOW_TRACKING_URI, else sqlite:///mlflow.db]",
)
def run(**options: str) -> None:
    """Run strategies x seeds on a task, track every run, print the leaderboard.

    Cells that are in the store already are not run again.
    """
    task, strategies = options["task"], options["strategies"]
    settings, remedies = (
        registry.settings(task, options["settings"]),
        registry.read_list(strategies),
    )
    seeds = _count("--seeds", options["seeds"], 1)
    steps = _count("--steps", options["steps"], 1) if options["steps"] else None
    workers = _count("--workers", options["workers"], 0) if options["workers"] else None
    timeout = _count("--timeout", options["timeout"], 1) if options["timeout"] else None
    path = find_data(task, options["data"])

    from benchmark import cluster, session

    request = session.Request(
        task=task,
        settings=settings,
        path=path,
        remedies=tuple(remedies),
        every=strategies.strip() == "all",
        seeds=seeds,
        steps=steps,
        workers=cluster.default_workers() if workers is None else workers,
        scheduler=options["scheduler"],
        timeout=timeout,
        tracking=options["tracking"],
    )
    sys.exit(session.run(request))


@main.command()
@click.option("--task", multiple=True, help="one or more; default: all that the store holds")
@click.option("--tracking", default="", help="MLflow store")
@click.option("--output", default="", help="Markdown file to write, e.g. my-leaderboard.md")
@click.option("--csv", default="", help="CSV file to write: one row a cell, for pandas")
def leaderboard(task: Sequence[str], tracking: str, output: str, csv: str) -> None:
    """Make leaderboards from tracked runs; prints Markdown unless --output names a file."""
    import pandas as pd

    from benchmark import leaderboard
    from benchmark.report import markdown
    from benchmark.tracking import store

    named = [name for name in task if name]
    for name in named:
        registry.task(name)
    tables = leaderboard.tables(store.resolve(tracking), named or registry.tasks())
    if csv:
        names = ("task", "settings", "source", "content", "steps", "batch")
        frames = [
            table.runs.assign(**{name: table.facts[name] for name in names}) for table in tables
        ]
        _write(csv, pd.concat(frames).to_csv(index=False))
    text = markdown.leaderboards(tables)
    if output:
        _write(output, text)
    elif not csv:
        click.echo(text, nl=False)


@main.command()
@click.argument("task")
@click.option("--data", default="", help="as for `run`")
@click.option("--settings", default="", help="as for `run`")
@click.option("--strategy", default="none", show_default=True, help="one, as for `run`")
@click.option("--steps", default="", help="as for `run`")
def profile(task: str, data: str, settings: str, strategy: str, steps: str) -> None:
    """Show where the time of a run of TASK goes. Nothing is kept."""
    chosen, remedy = registry.settings(task, settings), registry.read(strategy)
    budget = _count("--steps", steps, 1) if steps else None
    path = find_data(task, data)

    from benchmark import profiling
    from benchmark.report import terminal

    profiled = profiling.profile(task, chosen, path, remedy, budget)
    terminal.console().print(profiling.table(task, profiled))


@main.command()
def tasks() -> None:
    """List the tasks with their settings and defaults."""
    for name in registry.tasks():
        kind = registry.task(name)
        _entry(name, kind.summary, arguments.describe(kind.settings).replace(", ", " "))


@main.command()
def strategies() -> None:
    """List the strategies with their arguments and defaults."""
    for name, function in registry.strategies().items():
        summary = (function.__doc__ or "").strip().split("\n\n")[0]
        _entry(name, " ".join(summary.split()), arguments.describe(function))


@main.command()
@click.argument("task")
@click.option("--data", default="", help="folder to put it in [default: data/TASK]")
def fetch(task: str, data: str) -> None:
    """Download the real data of TASK and check its hash."""
    target = Path(data or Path("data") / task)
    registry.task(task).fetch(target)
    click.echo(f"{task} is in {target}: `run --task {task} --data {target}` uses it")


def find_data(task: str, given: str) -> str:
    """Where a task's data lies: as given, else data/TASK, else $SKEWBENCH_DATA/TASK, else ""."""
    if given == STAND_IN:
        return ""
    if given:
        return str(Path(given).expanduser())
    places = [Path("data") / task]
    if os.environ.get("SKEWBENCH_DATA"):
        places.append(Path(os.environ["SKEWBENCH_DATA"]) / task)
    return next((str(place) for place in places if place.exists()), "")


def _count(option: str, text: str, least: int) -> int:
    plain = text.isascii() and text.isdigit() and len(text) < 10
    if not plain or int(text) < least:
        raise UserError(f"{option} must be a whole number, at least {least}, not {text[:20]!r}")
    return int(text)


def _entry(name: str, summary: str, options: str) -> None:
    click.echo(f"{click.style(name, bold=True)}\n    {summary}")
    if options:
        click.echo(f"    {click.style(options, fg='cyan')}")


def _write(path: str, text: str) -> None:
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from None
    click.echo(f"wrote {path}", err=True)
