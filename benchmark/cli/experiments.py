"""Commands that train: run, study and search."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmark.cli import experiment_file, types
from benchmark.cli.options import examples, parse_count, portion_option, write_text
from benchmark.cli.request import make_request, training_options
from benchmark.protocol import grammar, registry
from benchmark.results.study import study as find_study

if TYPE_CHECKING:
    from benchmark.protocol.task import Portion


@click.command(
    epilog=examples(
        "run --task catsdogs",
        "run --task csv --data bank.csv --settings target=y",
        "run --strategies all --exclude 'smote,*weight*'",
        "run --seeds 10 --until-decided --dry-run --save",
        "run -c experiment.toml",
    )
)
@click.option(
    "-c",
    "--config",
    type=types.PATH,
    default="",
    is_eager=True,
    callback=experiment_file.read_defaults,
    help="experiment file (TOML) with options as typed here; those typed here win",
)
@training_options
@click.option(
    "--strategies",
    type=types.STRATEGIES,
    metavar="LIST",
    default=registry.default("strategies"),
    show_default=True,
    help="separated by commas, joined by +, e.g. none,oversample(ratio=0.5)+threshold; a glob "
    "such as '*sampl*' or `all`: every one that suits the task and its model, as of the default; "
    "see the command `strategies`",
)
@click.option(
    "--exclude",
    type=types.STRATEGIES,
    metavar="LIST",
    default="",
    help="strategies to leave out, by name or glob",
)
@portion_option
@click.option("--dry-run", is_flag=True, help="print the plan, estimate its time, and stop")
@click.option(
    "--save",
    metavar="[FILE]",
    is_flag=False,
    flag_value=experiment_file.FILE_NAME,
    default="",
    help=f"write these options as an experiment file [without FILE: {experiment_file.FILE_NAME}]",
)
def run(
    config: str,
    strategies: str,
    exclude: str,
    portion: Portion,
    dry_run: bool,
    save: str,
    **options: str,
) -> None:
    """Run strategies x seeds on a task, track every run, print the leaderboard.

    Runs that are in the store already are not repeated. Several models, as in --settings
    model=mlp,xgboost, are compared on the same splits.
    """
    context = click.get_current_context()
    names = (str(parameter.name) for parameter in context.command.params)
    experiment = experiment_file.write({name: context.params.get(name) for name in names})
    requests = [
        dataclasses.replace(
            make_request(strategies, exclude=exclude, **options | {"settings": text}),
            portion=portion,
            experiment=experiment,
        )
        for text in grammar.per_model(options["settings"])
    ]
    if save:
        write_text(save, experiment)

    from benchmark.workflows.dry_run import show_plan
    from benchmark.workflows.models import run_models
    from benchmark.workflows.run import run_benchmark

    if dry_run:
        sys.exit(max(show_plan(request) for request in requests))
    sys.exit(run_benchmark(requests[0]) if len(requests) == 1 else run_models(requests))


@click.command(epilog=examples("study weights --task catsdogs --seeds 5", "study shift"))
@click.argument("name", type=types.STUDY)
@training_options
@click.option(
    "--output",
    type=types.PATH,
    default="results",
    show_default=True,
    help="folder for the page and the figure",
)
def study(name: str, output: str, **options: str) -> None:
    """Answer one question with a paragraph, a table and a figure; see the command `studies`.

    A study starts the runs that it needs; those that are in the store already are not repeated.
    """
    find_study(name)
    request = make_request("none", **options)

    from benchmark.workflows.study import StudyRequest, run_study

    sys.exit(run_study(StudyRequest(name, request, Path(output))))


@click.command(
    epilog=examples(
        "search --task insurance --strategy class_weight",
        "search --strategy focal --space 'gamma=0..5' --trials 60",
    )
)
@training_options
@click.option(
    "--strategy",
    type=types.STRATEGIES,
    metavar="STRATEGY",
    default="class_weight",
    show_default=True,
    help="one, or several joined by +; written arguments stay, as in focal(gamma=2), and the "
    "others that declare a space are searched",
)
@click.option(
    "--space",
    metavar="NAME=RANGE ...",
    default="",
    help="what to search instead, e.g. 'positive=1..50' [default: as the strategy declares]",
)
@click.option(
    "--objective",
    metavar="MEASURE",
    default="",
    help="f1, f1_tuned, fbeta(beta=2), average_precision or recall(precision=0.5), on validation "
    "[default: f1]",
)
@click.option(
    "--cost",
    metavar="COSTS",
    default="",
    help="minimize the expected cost instead, e.g. fp=1,fn=10; more forms as for `recommend`",
)
@click.option(
    "--trials",
    metavar="N",
    default="40",
    show_default=True,
    help="in all, with those done before",
)
@click.option(
    "--fresh",
    metavar="N",
    default="5",
    show_default=True,
    help="seeds of the confirmation, the chosen strategy against others on test; 0: none",
)
@click.option(
    "--against",
    type=types.STRATEGIES,
    metavar="LIST",
    default="none,class_weight,threshold",
    show_default=True,
    help="strategies that the chosen one is compared with, beside its own defaults",
)
@click.option(
    "--storage",
    metavar="ADDRESS",
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
    request = make_request(against, seeds=str(max(1, fresh_seeds)), **options)
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


TITLE = "Compare strategies"
COMMANDS = (run, study, search)
