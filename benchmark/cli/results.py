"""Commands that use tracked runs: leaderboard, recommend and export."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli import types
from benchmark.cli.logs import log_options
from benchmark.cli.options import (
    SYNTHETIC_ALIASES,
    by_option,
    combined,
    cost_option,
    examples,
    find_data,
    parse_optional_count,
    portion_option,
    say,
    tracking_option,
    write_text,
)
from benchmark.protocol import grammar, registry
from benchmark.protocol.errors import UserError

if TYPE_CHECKING:
    from benchmark.metrics.cost_spec import CostSpec
    from benchmark.results.objective import Objective
    from benchmark.results.query import LeaderboardQuery
    from benchmark.results.recommendation import Recommendation


@click.command(
    epilog=examples(
        "leaderboard",
        "leaderboard --html report.html --csv strategies.csv",
    )
)
@click.option(
    "--task",
    type=types.TASK,
    multiple=True,
    help="one or more [default: all that the store holds]",
)
@tracking_option
@log_options
@click.option("--output", type=types.PATH, default="", help="Markdown file, e.g. my-leaderboard.md")
@click.option("--html", type=types.PATH, default="", help="HTML file: the report with figures")
@click.option("--csv", type=types.PATH, default="", help="CSV file: one row per strategy")
@click.option("--runs", type=types.PATH, default="", help="CSV file: one row per run, for pandas")
@by_option
@cost_option
def leaderboard(
    task: Sequence[str],
    tracking: str,
    output: str,
    html: str,
    csv: str,
    runs: str,
    by: Sequence[str],
    cost: str,
) -> None:
    """Show leaderboards of tracked runs, or write them as Markdown, HTML or CSV.

    Without a file a terminal gets the table of `run`, and a pipe Markdown. With --by or --cost
    there are further tables, for which the data is read again.
    """
    say("reading the runs ...")

    from benchmark.metrics import cost_spec
    from benchmark.results.analysis import analyse
    from benchmark.results.models import by_models
    from benchmark.results.predictions import with_all_predictions
    from benchmark.results.report import files, markdown, models, terminal
    from benchmark.tracking.store import resolve
    from benchmark.workflows.report_details import Details

    priced = cost_spec.read(cost) if cost else None
    named = [name for name in task if name]
    for name in named:
        registry.task(name)
    uri = resolve(tracking)
    analyses = [analyse(table) for table in with_all_predictions(uri, named or registry.tasks())]
    details = Details(uri, priced, tuple(by))
    further = [details.tables(analysis) for analysis in analyses]

    def as_markdown() -> str:
        compared = [models.section(table) for table in by_models(analyses)]
        text = markdown.leaderboards(analyses, further)
        return "\n".join([text, *(f"{text}\n" for text in compared)])

    formats: dict[str, Callable[[], str]] = {
        output: as_markdown,
        html: lambda: files.report(analyses, further),
        csv: lambda: files.summary(analyses),
        runs: lambda: files.runs(analyses),
    }
    written = {path: make for path, make in formats.items() if path}
    for path, make in written.items():
        write_text(path, make())
    if written:
        return
    if not sys.stdout.isatty():
        click.echo(as_markdown(), nl=False)
        return
    for analysis, more in zip(analyses, further, strict=True):
        terminal.show(terminal.console(), analysis)
        for extra in more:
            terminal.console().print(terminal.text_table(extra))
    for table in by_models(analyses):
        models.show(terminal.console(), table)


# options of commands that choose among the strategies of one leaderboard
_leaderboard_options = combined(
    click.argument("task", type=types.TASK, metavar="[TASK]", default=""),
    click.option("--data", type=types.PATH, default="", help="as for `run`"),
    click.option("--settings", metavar="NAME=VALUE ...", default="", help="as for `run`"),
    click.option("--steps", metavar="N", default="", help="as for `run`"),
    portion_option,
    cost_option,
    click.option(
        "--objective",
        metavar="GOAL",
        default="",
        help="under a constraint: recall(precision=0.5), recall(fpr=0.1), precision(recall=0.5) or "
        "capacity(share=0.1)",
    ),
    tracking_option,
    log_options,
)


@click.command(
    epilog=examples(
        "recommend",
        "recommend csv --cost fp=1,fn=10",
        "recommend csv --cost fp=5,fn=amount",
        "recommend csv --objective 'recall(precision=0.5)'",
    )
)
@_leaderboard_options
def recommend(cost: str, objective: str, tracking: str, **query: str) -> None:
    """Recommend a strategy for TASK, with reasons, from tracked runs.

    TASK and the options select a leaderboard if the store has several. Of several models of the
    same data, the best is recommended too.
    """
    _, advice = _advice(cost, objective, tracking, **query)

    from benchmark.results.report import terminal
    from benchmark.results.report.recommendation import show

    show(terminal.console(), advice)


@click.command(epilog=examples("export csv", "export csv --strategy class_weight --seed 3"))
@_leaderboard_options
@click.option(
    "--strategy",
    type=types.STRATEGIES,
    metavar="STRATEGY",
    default="",
    help="instead of the recommended one",
)
@click.option(
    "--seed",
    metavar="N",
    default="",
    help="of the training to repeat [default: the best on validation]",
)
@click.option(
    "--name",
    metavar="NAME",
    default="",
    help="in the model registry [default: skewbench-TASK]",
)
@click.option(
    "--alias",
    metavar="NAME",
    default="champion",
    show_default=True,
    help="in the model registry",
)
@click.option(
    "--refit",
    is_flag=True,
    help="train on all rows; the threshold is chosen on out-of-fold predictions of all seeds",
)
@click.option(
    "--adapt-prevalence",
    is_flag=True,
    help="the model adapts probabilities to the prevalence of the rows that it predicts together",
)
@by_option
def export(
    strategy: str,
    seed: str,
    name: str,
    alias: str,
    refit: bool,
    adapt_prevalence: bool,
    by: Sequence[str],
    cost: str,
    objective: str,
    tracking: str,
    **query: str,
) -> None:
    """Train the recommended strategy of TASK again and register it as a model to serve.

    The model takes raw rows, or the bytes of images, and decides as the benchmark did.
    """
    number = parse_optional_count("--seed", seed, 0)
    uri, advice = _advice(cost, objective, tracking, **query)

    from benchmark.results.recommendation import with_strategy
    from benchmark.results.report import terminal
    from benchmark.workflows.export import ExportRequest, export_model, show

    advice = with_strategy(advice, strategy) if strategy else advice
    request = ExportRequest(uri, advice, number, name, alias, refit, adapt_prevalence, tuple(by))
    show(terminal.console(), export_model(request))


def _advice(
    cost: str,
    objective: str,
    tracking: str,
    *,
    task: str,
    data: str,
    settings: str,
    steps: str,
    portion: str,
) -> tuple[str, Recommendation]:
    """Return the store's address, and the recommendation from its runs."""
    from benchmark.results.model_choice import best_of_models
    from benchmark.results.query import find_models
    from benchmark.results.recommendation import recommend
    from benchmark.tracking.store import resolve
    from benchmark.workflows.tracked_data import costs_of

    query = make_query(task, data, settings, steps, portion)
    priced, goal = read_goal(cost, objective)
    say("reading the runs ...")
    uri = resolve(tracking)
    advices = [
        recommend(uri, table, costs_of(priced, table) if priced else None, goal)
        for table in find_models(uri, query)
    ]
    return uri, best_of_models(advices)


def make_query(task: str, data: str, settings: str, steps: str, portion: str) -> LeaderboardQuery:
    """Return which leaderboard is meant, checked as far as possible without the store."""
    from benchmark.results.query import LeaderboardQuery

    if not task and settings:
        raise UserError("--settings belong to a task: name it, as in `recommend insurance`")
    query = LeaderboardQuery(
        task=task,
        settings=tuple(
            _settings(task, of_model, data) for of_model in grammar.per_model(settings) if of_model
        ),
        data=None if not data else "" if data in SYNTHETIC_ALIASES else data,
        steps=parse_optional_count("--steps", steps, 1),
        portion=portion,
    )
    if task:
        registry.task(task)
    return query


def read_goal(cost: str, objective: str) -> tuple[CostSpec | None, Objective | None]:
    """Read what a recommendation is for; F1 if both are ""."""
    from benchmark.metrics import cost_spec
    from benchmark.results.objective import read as read_objective

    if cost and objective:
        raise UserError("--cost and --objective are two goals: leave one out")
    goal = read_objective(objective) if objective else None
    return cost_spec.read(cost) if cost else None, goal


def _settings(task: str, text: str, data: str) -> Any:
    """Return the settings as `run` completes them."""
    chosen = grammar.settings(task, text)
    complete = registry.task(task).complete
    return complete(chosen, "real" if find_data(task, data) else "synthetic")[0]


TITLE = "Use the results"
COMMANDS = (leaderboard, recommend, export)
