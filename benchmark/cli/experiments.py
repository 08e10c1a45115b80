"""Commands that train: run, study and search."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmark.cli.options import (
    combined,
    complete_settings,
    find_data,
    parse_count,
    parse_optional_count,
    portion_option,
)
from benchmark.protocol import grammar, registry
from benchmark.protocol.text import SYNTHETIC
from benchmark.results.study import study as find_study

if TYPE_CHECKING:
    from benchmark.protocol.task import Portion
    from benchmark.workflows.run import RunRequest


# options of commands that train
_training_options = combined(
    click.option(
        "--task",
        default=registry.default("tasks"),
        show_default=True,
        help="see the command `tasks`",
    ),
    click.option("--seeds", default="3", show_default=True, help="how many: 0, 1, ... n-1"),
    click.option(
        "--until-decided",
        is_flag=False,
        flag_value="yes",
        default="no",
        type=click.Choice(["yes", "no"]),
        help="look at 3, 5, 10 ... seeds, go on with the strategies that may be the best, and "
        "stop when that is decided; --seeds is then the most",
    ),
    click.option(
        "--data",
        default="",
        help="folder or file of the real data; else data/TASK, else $SKEWBENCH_DATA/TASK, "
        f"else synthetic data (`{SYNTHETIC}` asks for it)",
    ),
    click.option("--settings", default="", help="of the task, e.g. 'imbalance=20 model=compact'"),
    click.option(
        "--steps", default="", help="optimizer steps of every training [default: the task's]"
    ),
    click.option(
        "--workers",
        default="",
        help="processes; 0 is this one [default: one per core, or as many as fit on the GPUs]",
    ),
    click.option("--scheduler", default="", help="address of a Dask cluster to use instead"),
    click.option(
        "--timeout",
        default="",
        help="seconds that a training may take, with its data, in each of three attempts "
        "[default: no limit]",
    ),
    click.option(
        "--tracking",
        default="",
        help="MLflow store [default: $MLFLOW_TRACKING_URI, else sqlite:///mlflow.db]",
    ),
)


@click.command()
@_training_options
@click.option(
    "--strategies",
    default=registry.default("strategies"),
    show_default=True,
    help="separated by commas, joined by +, e.g. none,oversample(ratio=0.5)+threshold; "
    "`all`: every one that suits the task and its model, as of the default; see the command "
    "`strategies`",
)
@portion_option
def run(strategies: str, portion: Portion, **options: str) -> None:
    """Run strategies x seeds on a task, track every run, print the leaderboard.

    Runs that are in the store already are not repeated. Several models, as in --settings
    model=mlp,xgboost, are compared on the same splits.
    """
    requests = [
        dataclasses.replace(_request(strategies, **options | {"settings": text}), portion=portion)
        for text in grammar.per_model(options["settings"])
    ]
    if len(requests) > 1:
        from benchmark.workflows.models import run_models

        sys.exit(run_models(requests))
    from benchmark.workflows.run import run_benchmark

    sys.exit(run_benchmark(requests[0]))


@click.command()
@click.argument("name")
@_training_options
@click.option(
    "--output", default="results", show_default=True, help="folder for the page and the figure"
)
def study(name: str, output: str, **options: str) -> None:
    """Answer one question with a paragraph, a table and a figure; see the command `studies`.

    A study starts the runs that it needs; those that are in the store already are not repeated.
    """
    find_study(name)
    request = _request("none", **options)

    from benchmark.workflows.study import StudyRequest, run_study

    sys.exit(run_study(StudyRequest(name, request, Path(output))))


@click.command()
@_training_options
@click.option(
    "--strategy",
    default="class_weight",
    show_default=True,
    help="one, or several joined by +; written arguments stay, as in focal(gamma=2), and the "
    "others that declare a space are searched",
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
@click.option("--cost", default="", help="minimize the expected cost instead, e.g. fp=1,fn=10")
@click.option("--trials", default="40", show_default=True, help="in all, with those done before")
@click.option(
    "--fresh",
    default="5",
    show_default=True,
    help="seeds of the confirmation, the chosen strategy against others on test; 0: none",
)
@click.option(
    "--against",
    default="none,class_weight,threshold",
    show_default=True,
    help="strategies that the chosen one is compared with, beside its own defaults",
)
@click.option(
    "--storage",
    default="",
    help="Optuna's, any SQLAlchemy address [default: optuna.db beside the MLflow store]",
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
    """Let Optuna choose the arguments of a strategy, and confirm the choice on test.

    A trial is trained on --seeds splits and judged on validation. The same command resumes a
    search that was stopped; several at once share it. The chosen strategy is compared with others
    on fresh seeds and on rows that no trial has seen.
    """
    from benchmark.results.objective import read as read_objective

    goal = read_objective(objective, cost)
    fresh_seeds = parse_count("--fresh", fresh, 0)
    request = _request(against, seeds=str(max(1, fresh_seeds)), **options)
    trial_count, seed_count = parse_count("--trials", trials, 1), parse_count("--seeds", seeds, 1)
    grammar.read(strategy)

    from benchmark.workflows.search.search import run_search
    from benchmark.workflows.search.spec import SearchRequest

    asked = SearchRequest(
        request=request,
        strategy=strategy,
        spaces=space,
        objective=goal,
        trials=trial_count,
        seeds=seed_count,
        confirm=fresh_seeds > 0,
        storage=storage,
    )
    sys.exit(run_search(asked))


def _request(
    strategies: str,
    *,
    task: str,
    seeds: str,
    until_decided: str,
    data: str,
    settings: str,
    steps: str,
    workers: str,
    scheduler: str,
    timeout: str,
    tracking: str,
) -> RunRequest:
    """Return what the user asked for, checked as far as possible without the data."""
    chosen, specs = grammar.settings(task, settings), grammar.read_list(strategies)
    number = parse_count("--seeds", seeds, 1)
    budget = parse_optional_count("--steps", steps, 1)
    processes = parse_optional_count("--workers", workers, 0)
    limit = parse_optional_count("--timeout", timeout, 1)
    path = find_data(task, data)

    from benchmark.workflows.execution.cluster import default_workers
    from benchmark.workflows.run import RunRequest

    return RunRequest(
        task=task,
        settings=complete_settings(task, chosen, path),
        path=path,
        specs=tuple(specs),
        every=strategies.strip() in ("all", registry.default("strategies")),
        seeds=number,
        steps=budget,
        workers=default_workers() if processes is None else processes,
        scheduler=scheduler,
        timeout=limit,
        tracking=tracking,
        until_decided=until_decided == "yes",
    )


COMMANDS = (run, study, search)
