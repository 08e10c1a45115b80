"""The command line: one command per MLproject entry point.

Heavy libraries are imported by the commands that need them, so that help and
the listings answer at once.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark import arguments, registry
from benchmark.errors import UserError
from benchmark.strategy import ACTS_ON, SLOTS, acts_on

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from benchmark.recommend import Recommendation
    from benchmark.session import Request
    from benchmark.task import Portion

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
    try:
        Path.home()
    except RuntimeError:  # several libraries need one as soon as they are imported
        raise UserError("there is no home folder: let HOME name one that can be written") from None


_MEASURING = (
    click.option(
        "--task",
        default=registry.default("tasks"),
        show_default=True,
        help="see the command `tasks`",
    ),
    click.option("--seeds", default="3", show_default=True, help="how many: 0, 1, ... n-1"),
    click.option(
        "--data",
        default="",
        help="folder or file of the real data; else data/TASK, else $SKEWBENCH_DATA/TASK, "
        "else a synthetic stand-in (`stand-in` asks for it)",
    ),
    click.option("--settings", default="", help="of the task, e.g. 'imbalance=20 model=compact'"),
    click.option(
        "--steps", default="", help="optimizer steps of every training [default: the task's]"
    ),
    click.option(
        "--workers", default="", help="processes; 0 is this one [default: one a core, on a GPU one]"
    ),
    click.option("--scheduler", default="", help="address of a Dask cluster to use instead"),
    click.option(
        "--timeout",
        default="",
        help="seconds that a training may take, with its data; it is tried three times "
        "[default: any]",
    ),
    click.option(
        "--tracking",
        default="",
        help="MLflow store [default: $MLFLOW_TRACKING_URI, else sqlite:///mlflow.db]",
    ),
)


_portion = click.option(
    "--portion",
    type=click.Choice(["all", "confirmation"]),
    default="all",
    show_default=True,
    help="of the rows to test on; `confirmation`: those that no search has seen",
)


def _measuring(command: Callable[..., None]) -> Callable[..., None]:
    """The options of commands that measure."""
    for option in reversed(_MEASURING):
        command = option(command)
    return command


@main.command()
@_measuring
@click.option(
    "--strategies",
    default=registry.default("strategies"),
    show_default=True,
    help="separated by commas, joined by +, e.g. none,oversample(ratio=0.5)+threshold; "
    "`all` is every one that suits the task; see the command `strategies`",
)
@_portion
def run(strategies: str, portion: Portion, **options: str) -> None:
    """Run strategies x seeds on a task, track every run, print the leaderboard.

    Cells that are in the store already are not run again.
    """
    request = dataclasses.replace(_request(strategies, **options), portion=portion)

    from benchmark import session

    sys.exit(session.run(request))


@main.command()
@click.argument("name")
@_measuring
@click.option(
    "--output", default="results", show_default=True, help="folder for the page and the figure"
)
def study(name: str, output: str, **options: str) -> None:
    """Answer one question with a paragraph, a table and a figure; see the command `studies`.

    A study runs the cells that it needs; those that are in the store already are not run again.
    """
    registry.study(name)
    request = _request("none", **options)

    from benchmark import inquiry

    sys.exit(inquiry.run(inquiry.Inquiry(name, request, Path(output))))


@main.command()
@_measuring
@click.option(
    "--strategy",
    default="class_weight",
    show_default=True,
    help="one, or several joined by +; what is written is kept, as in focal(gamma=2), and the "
    "other arguments that declare a space are searched",
)
@click.option(
    "--space",
    default="",
    help="what to search instead, e.g. 'positive=1..50' [default: as the strategy declares]",
)
@click.option(
    "--objective",
    default="",
    help="f1, f1_tuned, fbeta(beta=2), average_precision or recall(precision=0.5), on validation "
    "[default: f1]",
)
@click.option("--cost", default="", help="makes the expected cost small instead, e.g. fp=1,fn=10")
@click.option("--trials", default="40", show_default=True, help="in all, those done before too")
@click.option(
    "--fresh",
    default="5",
    show_default=True,
    help="seeds on which the chosen strategy is run against the others, on test; 0: it is not",
)
@click.option(
    "--against",
    default="none,class_weight,threshold",
    show_default=True,
    help="strategies that it is compared with, beside itself with its defaults",
)
@click.option(
    "--storage",
    default="",
    help="of Optuna: any SQLAlchemy address [default: optuna.db beside the MLflow store]",
)
def search(
    strategy: str,
    space: str,
    objective: str,
    cost: str,
    trials: str,
    fresh: str,
    against: str,
    storage: str,
    seeds: str,
    **options: str,
) -> None:
    """Let Optuna choose the arguments of a strategy, and say what that was worth.

    A trial is trained on --seeds splits and judged by validation. The same command goes on with a
    search that was stopped; several at once share it. What is chosen is compared with others on
    fresh seeds and on rows that no trial has seen.
    """
    from benchmark.search import objective as objectives

    goal = objectives.read(objective, cost)
    confirming = _count("--fresh", fresh, 0)
    request = _request(against, seeds=str(max(1, confirming)), **options)
    asked_trials, asked_seeds = _count("--trials", trials, 1), _count("--seeds", seeds, 1)
    registry.read(strategy)

    from benchmark.search import answer, invocation

    asked = answer.Asked(
        request=request,
        strategy=strategy,
        spaces=space,
        objective=goal,
        trials=asked_trials,
        seeds=asked_seeds,
        confirm=confirming > 0,
        storage=storage,
    )
    sys.exit(invocation.run(asked))


def _request(
    strategies: str,
    *,
    task: str,
    seeds: str,
    data: str,
    settings: str,
    steps: str,
    workers: str,
    scheduler: str,
    timeout: str,
    tracking: str,
) -> Request:
    """What the person asked for, checked as far as it goes without the data."""
    chosen, remedies = registry.settings(task, settings), registry.read_list(strategies)
    number = _count("--seeds", seeds, 1)
    budget = _count("--steps", steps, 1) if steps else None
    processes = _count("--workers", workers, 0) if workers else None
    limit = _count("--timeout", timeout, 1) if timeout else None
    path = find_data(task, data)

    from benchmark import cluster, session

    return session.Request(
        task=task,
        settings=chosen,
        path=path,
        remedies=tuple(remedies),
        every=strategies.strip() == "all",
        seeds=number,
        steps=budget,
        workers=cluster.default_workers() if processes is None else processes,
        scheduler=scheduler,
        timeout=limit,
        tracking=tracking,
    )


@main.command()
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
    from benchmark import leaderboard
    from benchmark.report import files, markdown
    from benchmark.tracking import store

    named = [name for name in task if name]
    for name in named:
        registry.task(name)
    uri = store.resolve(tracking)
    tables = leaderboard.tables(uri, named or registry.tasks())
    makers: dict[str, Callable[[], str]] = {
        output: lambda: markdown.leaderboards(tables),
        html: lambda: files.report(uri, tables),
        csv: lambda: files.summary(tables),
        cells: lambda: files.cells(tables),
    }
    wanted = {path: make for path, make in makers.items() if path}
    for path, make in wanted.items():
        _write(path, make())
    if not wanted:
        click.echo(markdown.leaderboards(tables), nl=False)


_CHOOSING = (
    click.argument("task", default=""),
    click.option("--data", default="", help="as it was given to `run`"),
    click.option("--settings", default="", help="as they were given to `run`"),
    click.option("--steps", default="", help="as they were given to `run`"),
    _portion,
    click.option(
        "--cost",
        default="",
        help="of a false positive and of a false negative, e.g. fp=1,fn=10 [default: F1 counts]",
    ),
    click.option("--tracking", default="", help="MLflow store"),
)


def _choosing(command: Callable[..., None]) -> Callable[..., None]:
    """The options of commands that choose among the strategies of one leaderboard."""
    for option in reversed(_CHOOSING):
        command = option(command)
    return command


@main.command()
@_choosing
def recommend(cost: str, tracking: str, **chosen: str) -> None:
    """Say which strategy of TASK to use, and why, from what was tracked.

    TASK and the options say which leaderboard is meant, where the store has several.
    """
    _, advice = _advice(cost, tracking, **chosen)

    from benchmark.report import advice as page
    from benchmark.report import terminal

    page.show(terminal.console(), advice)


@main.command()
@_choosing
@click.option("--strategy", default="", help="another than the recommended one")
@click.option("--seed", default="", help="which of its trainings [default: the best on validation]")
@click.option("--name", default="", help="in the model registry [default: skewbench-TASK]")
@click.option("--alias", default="champion", show_default=True, help="in the model registry")
def export(
    strategy: str, seed: str, name: str, alias: str, cost: str, tracking: str, **chosen: str
) -> None:
    """Train the recommended strategy of TASK again and register it as a model to serve.

    The model takes raw rows, or the bytes of pictures, and decides as the benchmark did.
    """
    number = _count("--seed", seed, 0) if seed else None
    uri, advice = _advice(cost, tracking, **chosen)

    from benchmark import export, recommend
    from benchmark.report import advice as page
    from benchmark.report import terminal

    advice = recommend.instead(advice, strategy) if strategy else advice
    exported = export.export(export.Order(uri, advice, number, name, alias))
    page.exported(terminal.console(), exported)


def _advice(
    cost: str, tracking: str, *, task: str, data: str, settings: str, steps: str, portion: str
) -> tuple[str, Recommendation]:
    """The store, and what it recommends."""
    from benchmark import costs
    from benchmark import recommend as recommending
    from benchmark.tracking import store

    if not task and settings:
        raise UserError("--settings are a task's: name it, as in `recommend insurance`")
    wanted = recommending.Wanted(
        task=task,
        settings=registry.settings(task, settings) if settings else None,
        data=None if not data else "" if data == STAND_IN else data,
        steps=_count("--steps", steps, 1) if steps else None,
        portion=portion,
    )
    prices = costs.read(cost) if cost else None
    if task:
        registry.task(task)
    uri = store.resolve(tracking)
    return uri, recommending.recommend(uri, recommending.choose(uri, wanted), prices)


@main.command()
@click.argument("task")
@click.option("--data", default="", help="as for `run`")
@click.option("--settings", default="", help="as for `run`")
@click.option("--tracking", default="", help="MLflow store")
def inspect(task: str, data: str, settings: str, tracking: str) -> None:
    """Show the data of TASK before anything is trained: classes, splits, duplicates, leaks.

    Also how small an effect the test split can resolve. It is tracked as a run of its own.
    """
    chosen = registry.settings(task, settings)
    path = find_data(task, data)

    from benchmark import inspection
    from benchmark.report import inspections, terminal
    from benchmark.tracking import invocation, store

    uri = store.resolve(tracking)
    found = inspection.look(task, chosen, path)
    console = terminal.console()
    inspections.show(console, found)
    page, figures = inspections.markdown(found), inspections.figures(found)
    kept = store.open_store(uri, task)
    run_id = invocation.note_figures(kept, "inspection", "a look at the data", page, figures)
    terminal.in_mlflow(console, kept, "Its figures are in MLflow:", f"/runs/{run_id}/artifacts")


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
    chosen, remedy = registry.settings(task, settings), registry.read(strategy)
    number = _count("--steps", steps, 1)
    path = find_data(task, data)

    from benchmark import rates
    from benchmark.report import ranges
    from benchmark.tracking import invocation, store

    uri = store.resolve(tracking)
    found = rates.range_test(task, chosen, path, remedy, number)
    said, figure = ranges.sentence(task, found), ranges.figure(found)
    click.echo(said)
    if output:
        _write_figure(output, figure)
    opened = store.open_store(uri, task)
    invocation.note_figures(opened, "rates", "learning-rate range test", said, {"rates": figure})


@main.command()
def tasks() -> None:
    """List the tasks with their settings and defaults."""
    for name in registry.tasks():
        kind = registry.task(name)
        _entry(name, kind.summary, arguments.describe(kind.settings).replace(", ", " "))


@main.command()
def strategies() -> None:
    """List the strategies by what they act on, with their arguments and defaults."""
    groups: dict[str, list[str]] = {"nothing": []}
    groups |= {ACTS_ON[slot]: [] for slot in SLOTS}
    for name in registry.strategies():
        groups[acts_on(registry.read(name).strategy)].append(name)
    for group, names in groups.items():
        click.secho(f"acts on {group}", underline=True)
        for name in names:
            function = registry.strategies()[name]
            summary = (function.__doc__ or "").strip().split("\n\n")[0]
            _entry(name, " ".join(summary.split()), arguments.describe(function))


@main.command()
def studies() -> None:
    """List the studies with the questions that they answer."""
    for name in registry.studies():
        _entry(name, registry.study(name).question, "")


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
        try:
            return str(Path(given).expanduser())
        except RuntimeError:  # nobody of that name, or no home
            raise UserError(f"--data {given}: there is no such home folder") from None
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


def _write_figure(path: str, figure: Figure) -> None:
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:  # ValueError: a format that there is not
        raise UserError(f"cannot write {path}: {error}") from None
    click.echo(f"wrote {path}", err=True)


def _write(path: str, text: str) -> None:
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from None
    click.echo(f"wrote {path}", err=True)
