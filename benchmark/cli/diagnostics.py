"""Commands that examine a task: inspect, profile and lr."""

from __future__ import annotations

import click

from benchmark.cli import types
from benchmark.cli.logs import log_options
from benchmark.cli.options import (
    combined,
    complete_settings,
    examples,
    find_data,
    make_folder,
    parse_count,
    parse_optional_count,
    say,
    tracking_option,
    write_figure,
    write_text,
)
from benchmark.protocol import grammar

_data_options = combined(
    click.argument("task", type=types.TASK, metavar="TASK"),
    click.option("--data", type=types.PATH, default="", help="as for `run`"),
    click.option("--settings", metavar="NAME=VALUE ...", default="", help="as for `run`"),
)
_strategy_option = click.option(
    "--strategy",
    type=types.STRATEGIES,
    metavar="STRATEGY",
    default="none",
    show_default=True,
    help="one, as for `run`",
)


@click.command(
    epilog=examples(
        "inspect csv --data bank.csv --settings target=y",
        "inspect csv --data bank.csv --html bank.html",
        "inspect folder --data my-images --output inspection",
    )
)
@_data_options
@tracking_option
@log_options
@click.option(
    "--output",
    type=types.PATH,
    default="",
    help="folder for the page and its figures, as PNG files",
)
@click.option("--html", type=types.PATH, default="", help="HTML file: the page, for a browser")
def inspect(task: str, data: str, settings: str, tracking: str, output: str, html: str) -> None:
    """Show the data of TASK before anything is trained: classes, splits, duplicates, leaks.

    Also show how small an effect the test split can resolve and, of images with features of a
    frozen network, those with suspicious labels. The inspection is tracked as a run.
    """
    chosen = grammar.settings(task, settings)
    path = find_data(task, data)
    chosen = complete_settings(task, chosen, path)

    from benchmark.results.report import terminal
    from benchmark.results.report.console import phase
    from benchmark.results.report.document import render
    from benchmark.tracking.invocation import log_figures
    from benchmark.tracking.store import open_store, resolve, short
    from benchmark.workflows import inspection_page, inspection_report
    from benchmark.workflows.execution.worker import load
    from benchmark.workflows.inspection import inspect_task

    uri = resolve(tracking)
    messages = terminal.console(stderr=True)
    with phase(messages, f"reading the data of {task}"):
        load(task, chosen, path)
    with phase(messages, "splitting it, and comparing training with test"):
        inspection = inspect_task(task, chosen, path)
    console = terminal.console()
    inspection_report.show(console, inspection)
    page, figures = inspection_report.markdown(inspection), inspection_report.figures(inspection)
    if html:
        write_text(html, render(inspection_page.page(inspection, figures)))
    if output:
        folder = make_folder(output)
        write_text(str(folder / "inspection.md"), page)
        for name, figure in figures.items():
            write_figure(str(folder / f"{name}.png"), figure)
    with phase(messages, f"tracking it in {short(uri)}"):
        store = open_store(uri, task)
        run_id = log_figures(store, "inspection", "inspection of the data", page, figures)
    terminal.in_mlflow(console, store, "Its figures are in MLflow:", f"/runs/{run_id}/artifacts")


@click.command(epilog=examples("profile catsdogs --strategy focal --steps 200"))
@_data_options
@_strategy_option
@click.option("--steps", metavar="N", default="", help="as for `run`")
def profile(task: str, data: str, settings: str, strategy: str, steps: str) -> None:
    """Show where the time of a run of TASK goes. Nothing is tracked."""
    chosen, spec = grammar.settings(task, settings), grammar.read(strategy)
    budget = parse_optional_count("--steps", steps, 1)
    path = find_data(task, data)
    chosen = complete_settings(task, chosen, path)

    say(f"training {task} twice ...")

    from benchmark.results.report import terminal
    from benchmark.workflows.profile import profile_run, table

    profiled = profile_run(task, chosen, path, spec, budget)
    terminal.console().print(table(task, profiled))


@click.command(epilog=examples("lr catsdogs --output rates.png"))
@_data_options
@_strategy_option
@click.option(
    "--steps", metavar="N", default="300", show_default=True, help="over which the rate rises"
)
@tracking_option
@click.option(
    "--output",
    type=types.PATH,
    default="",
    help="file for the figure, e.g. rates.png or rates.svg",
)
def lr(
    task: str, data: str, settings: str, strategy: str, steps: str, tracking: str, output: str
) -> None:
    """Suggest a learning rate for TASK by the range test, as a figure and a sentence.

    The rate rises from 1e-7 to 10 while a network trains. The test is tracked as a run.
    """
    chosen, spec = grammar.settings(task, settings), grammar.read(strategy)
    number = parse_count("--steps", steps, 1)
    path = find_data(task, data)
    chosen = complete_settings(task, chosen, path)

    say(f"training {task} for {number} steps ...")

    from benchmark.tracking.invocation import log_figures
    from benchmark.tracking.store import open_store, resolve
    from benchmark.workflows import lr_range_test

    uri = resolve(tracking)
    result = lr_range_test.range_test(task, chosen, path, spec, number)
    sentence, drawn = lr_range_test.sentence(task, result), lr_range_test.figure(result)
    click.echo(sentence)
    if output:
        write_figure(output, drawn)
    store = open_store(uri, task)
    log_figures(store, "rates", "learning-rate range test", sentence, {"rates": drawn})


TITLE = "Examine data, time and learning rate"
COMMANDS = (inspect, profile, lr)
