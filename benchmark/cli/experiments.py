"""Commands that train: run, study and search."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmark.cli.options import count, find_data, portion_option, together
from benchmark.protocol import grammar, registry
from benchmark.results import study as studies

if TYPE_CHECKING:
    from benchmark.protocol.task import Portion
    from benchmark.workflows.run import RunRequest


# of commands that measure
_measuring = together(
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


@click.command()
@_measuring
@click.option(
    "--strategies",
    default=registry.default("strategies"),
    show_default=True,
    help="separated by commas, joined by +, e.g. none,oversample(ratio=0.5)+threshold; "
    "`all` is every one that suits the task; see the command `strategies`",
)
@portion_option
def run(strategies: str, portion: Portion, **options: str) -> None:
    """Run strategies x seeds on a task, track every run, print the leaderboard.

    Cells that are in the store already are not run again.
    """
    request = dataclasses.replace(_request(strategies, **options), portion=portion)

    from benchmark.workflows import run as run_workflow

    sys.exit(run_workflow.run(request))


@click.command()
@click.argument("name")
@_measuring
@click.option(
    "--output", default="results", show_default=True, help="folder for the page and the figure"
)
def study(name: str, output: str, **options: str) -> None:
    """Answer one question with a paragraph, a table and a figure; see the command `studies`.

    A study runs the cells that it needs; those that are in the store already are not run again.
    """
    studies.study(name)
    request = _request("none", **options)

    from benchmark.workflows import study as study_workflow

    sys.exit(study_workflow.run(study_workflow.StudyRequest(name, request, Path(output))))


@click.command()
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
    from benchmark.workflows.search import objective as objectives

    goal = objectives.read(objective, cost)
    confirming = count("--fresh", fresh, 0)
    request = _request(against, seeds=str(max(1, confirming)), **options)
    asked_trials, asked_seeds = count("--trials", trials, 1), count("--seeds", seeds, 1)
    grammar.read(strategy)

    from benchmark.workflows.search import search as search_workflow
    from benchmark.workflows.search import spec

    asked = spec.SearchRequest(
        request=request,
        strategy=strategy,
        spaces=space,
        objective=goal,
        trials=asked_trials,
        seeds=asked_seeds,
        confirm=confirming > 0,
        storage=storage,
    )
    sys.exit(search_workflow.run(asked))


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
) -> RunRequest:
    """What the person asked for, checked as far as it goes without the data."""
    chosen, specs = grammar.settings(task, settings), grammar.read_list(strategies)
    number = count("--seeds", seeds, 1)
    budget = count("--steps", steps, 1) if steps else None
    processes = count("--workers", workers, 0) if workers else None
    limit = count("--timeout", timeout, 1) if timeout else None
    path = find_data(task, data)

    from benchmark.workflows import run as run_workflow
    from benchmark.workflows.execution import cluster

    return run_workflow.RunRequest(
        task=task,
        settings=chosen,
        path=path,
        specs=tuple(specs),
        every=strategies.strip() == "all",
        seeds=number,
        steps=budget,
        workers=cluster.default_workers() if processes is None else processes,
        scheduler=scheduler,
        timeout=limit,
        tracking=tracking,
    )


COMMANDS = (run, study, search)
