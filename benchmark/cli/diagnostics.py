"""Commands that look at a task: inspect, profile and lr."""

from __future__ import annotations

import click

from benchmark.cli.options import count, find_data, write_figure
from benchmark.protocol import grammar


@click.command()
@click.argument("task")
@click.option("--data", default="", help="as for `run`")
@click.option("--settings", default="", help="as for `run`")
@click.option("--tracking", default="", help="MLflow store")
def inspect(task: str, data: str, settings: str, tracking: str) -> None:
    """Show the data of TASK before anything is trained: classes, splits, duplicates, leaks.

    Also how small an effect the test split can resolve. It is tracked as a run of its own.
    """
    chosen = grammar.settings(task, settings)
    path = find_data(task, data)

    from benchmark.results.report import terminal
    from benchmark.tracking import invocation, store
    from benchmark.workflows import inspection, inspection_report

    uri = store.resolve(tracking)
    found = inspection.inspect(task, chosen, path)
    console = terminal.console()
    inspection_report.show(console, found)
    page, figures = inspection_report.markdown(found), inspection_report.figures(found)
    kept = store.open_store(uri, task)
    run_id = invocation.note_figures(kept, "inspection", "a look at the data", page, figures)
    terminal.in_mlflow(console, kept, "Its figures are in MLflow:", f"/runs/{run_id}/artifacts")


@click.command()
@click.argument("task")
@click.option("--data", default="", help="as for `run`")
@click.option("--settings", default="", help="as for `run`")
@click.option("--strategy", default="none", show_default=True, help="one, as for `run`")
@click.option("--steps", default="", help="as for `run`")
def profile(task: str, data: str, settings: str, strategy: str, steps: str) -> None:
    """Show where the time of a run of TASK goes. Nothing is kept."""
    chosen, spec = grammar.settings(task, settings), grammar.read(strategy)
    budget = count("--steps", steps, 1) if steps else None
    path = find_data(task, data)

    from benchmark.results.report import terminal
    from benchmark.workflows import profile as profile_workflow

    profiled = profile_workflow.profile(task, chosen, path, spec, budget)
    terminal.console().print(profile_workflow.table(task, profiled))


@click.command()
@click.argument("task")
@click.option("--data", default="", help="as for `run`")
@click.option("--settings", default="", help="as for `run`")
@click.option("--strategy", default="none", show_default=True, help="one, as for `run`")
@click.option("--steps", default="300", show_default=True, help="in which the rate rises")
@click.option("--tracking", default="", help="MLflow store")
@click.option("--output", default="", help="file for the figure, e.g. rates.png or rates.svg")
def lr(
    task: str, data: str, settings: str, strategy: str, steps: str, tracking: str, output: str
) -> None:
    """Suggest a learning rate for TASK: the range test, as a figure and a sentence.

    The rate rises from 1e-7 to 10 while a network trains. It is tracked as a run of its own.
    """
    chosen, spec = grammar.settings(task, settings), grammar.read(strategy)
    number = count("--steps", steps, 1)
    path = find_data(task, data)

    from benchmark.tracking import invocation, store
    from benchmark.workflows import lr_range_test

    uri = store.resolve(tracking)
    found = lr_range_test.range_test(task, chosen, path, spec, number)
    said, figure = lr_range_test.sentence(task, found), lr_range_test.figure(found)
    click.echo(said)
    if output:
        write_figure(output, figure)
    opened = store.open_store(uri, task)
    invocation.note_figures(opened, "rates", "learning-rate range test", said, {"rates": figure})


COMMANDS = (inspect, profile, lr)
