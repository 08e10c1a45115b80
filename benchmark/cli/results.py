"""Commands that use what was tracked: leaderboard, recommend and export."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from benchmark.cli.options import SYNTHETIC, count, portion_option, together, write
from benchmark.protocol import grammar, registry
from benchmark.protocol.errors import UserError

if TYPE_CHECKING:
    from benchmark.results.recommendation import Recommendation


@click.command()
@click.option("--task", multiple=True, help="one or more; default: all that the store holds")
@click.option("--tracking", default="", help="MLflow store")
@click.option("--output", default="", help="Markdown file to write, e.g. my-leaderboard.md")
@click.option("--html", default="", help="HTML file to write: the report with figures")
@click.option("--csv", default="", help="CSV file to write: one row a strategy")
@click.option("--cells", default="", help="CSV file to write: one row a cell, for pandas")
def leaderboard(
    task: Sequence[str], tracking: str, output: str, html: str, csv: str, cells: str
) -> None:
    """Make leaderboards from tracked runs; prints Markdown unless a file is named."""
    from benchmark.results import leaderboard
    from benchmark.results.analysis import analyse
    from benchmark.results.report import files, markdown
    from benchmark.tracking import store

    named = [name for name in task if name]
    for name in named:
        registry.task(name)
    uri = store.resolve(tracking)
    tables = leaderboard.leaderboards(uri, named or registry.tasks())
    analyses = [analyse(table) for table in tables]
    makers: dict[str, Callable[[], str]] = {
        output: lambda: markdown.leaderboards(analyses),
        html: lambda: files.report(uri, analyses),
        csv: lambda: files.summary(analyses),
        cells: lambda: files.runs(analyses),
    }
    wanted = {path: make for path, make in makers.items() if path}
    for path, make in wanted.items():
        write(path, make())
    if not wanted:
        click.echo(markdown.leaderboards(analyses), nl=False)


# of commands that choose among the strategies of one leaderboard
_choosing = together(
    click.argument("task", default=""),
    click.option("--data", default="", help="as it was given to `run`"),
    click.option("--settings", default="", help="as they were given to `run`"),
    click.option("--steps", default="", help="as they were given to `run`"),
    portion_option,
    click.option(
        "--cost",
        default="",
        help="of a false positive and of a false negative, e.g. fp=1,fn=10 [default: F1 counts]",
    ),
    click.option("--tracking", default="", help="MLflow store"),
)


@click.command()
@_choosing
def recommend(cost: str, tracking: str, **chosen: str) -> None:
    """Say which strategy of TASK to use, and why, from what was tracked.

    TASK and the options say which leaderboard is meant, where the store has several.
    """
    _, advice = _advice(cost, tracking, **chosen)

    from benchmark.results.report import recommendation as page
    from benchmark.results.report import terminal

    page.show(terminal.console(), advice)


@click.command()
@_choosing
@click.option("--strategy", default="", help="another than the recommended one")
@click.option("--seed", default="", help="which of its trainings [default: the best on validation]")
@click.option("--name", default="", help="in the model registry [default: skewbench-TASK]")
@click.option("--alias", default="champion", show_default=True, help="in the model registry")
def export(
    strategy: str, seed: str, name: str, alias: str, cost: str, tracking: str, **chosen: str
) -> None:
    """Train the recommended strategy of TASK again and register it as a model to serve.

    The model takes raw rows, or the bytes of images, and decides as the benchmark did.
    """
    number = count("--seed", seed, 0) if seed else None
    uri, advice = _advice(cost, tracking, **chosen)

    from benchmark.results import recommendation
    from benchmark.results.report import terminal
    from benchmark.workflows import export as export_workflow

    advice = recommendation.with_strategy(advice, strategy) if strategy else advice
    exported = export_workflow.export(
        export_workflow.ExportRequest(uri, advice, number, name, alias)
    )
    export_workflow.exported(terminal.console(), exported)


def _advice(
    cost: str, tracking: str, *, task: str, data: str, settings: str, steps: str, portion: str
) -> tuple[str, Recommendation]:
    """The store, and what it recommends."""
    from benchmark.metrics import costs
    from benchmark.results import recommendation as recommending
    from benchmark.tracking import store

    if not task and settings:
        raise UserError("--settings are a task's: name it, as in `recommend insurance`")
    wanted = recommending.LeaderboardQuery(
        task=task,
        settings=grammar.settings(task, settings) if settings else None,
        data=None if not data else "" if data == SYNTHETIC else data,
        steps=count("--steps", steps, 1) if steps else None,
        portion=portion,
    )
    prices = costs.read(cost) if cost else None
    if task:
        registry.task(task)
    uri = store.resolve(tracking)
    return uri, recommending.recommend(uri, recommending.find_leaderboard(uri, wanted), prices)


COMMANDS = (leaderboard, recommend, export)
