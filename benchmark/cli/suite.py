"""The command suite: many data sets as one plan, and the page on them."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmark.cli import types
from benchmark.cli.options import examples, find_data, parse_count, parse_optional_count
from benchmark.protocol import selection
from benchmark.protocol.errors import UserError

if TYPE_CHECKING:
    from benchmark.workflows.suite.sources import Named

STRATEGIES = "none,threshold,class_weight,oversample,undersample,smote,sampler(BorderlineSMOTE)"


@click.command(
    epilog=examples(
        "suite run --data my-tables --models hgb,logistic",
        "suite run --tasks 'insurance, csv: data=bank.csv target=y'",
        "suite report --output results/suite",
    )
)
@click.argument("action", type=click.Choice(["run", "report"]))
@click.option(
    "--name", default="suite", show_default=True, help="of the suite; a stored one is added to"
)
@click.option(
    "--data", default="", help="folder in which every table is a data set; target: the last column"
)
@click.option(
    "--tasks",
    default="",
    help="a TOML file, or tasks with settings after a colon: insurance, csv: data=a.csv target=y",
)
@click.option("--settings", default="", help="of all tables in --data, e.g. 'target=y'")
@click.option("--models", default="", help="e.g. mlp,hgb,logistic [default: as the settings say]")
@click.option(
    "--strategies",
    type=types.STRATEGIES,
    metavar="LIST",
    default=STRATEGIES,
    show_default=True,
    help="as for `run`; those that do not suit a data set or its model are not run there",
)
@click.option("--seeds", default="5", show_default=True, help="how many: 0, 1, ... n-1")
@click.option("--steps", default="", help="as for `run`")
@click.option("--workers", default="", help="as for `run`")
@click.option("--timeout", default="", help="as for `run`")
@click.option("--tracking", default="", help="as for `run`")
@click.option(
    "--output", default="results/suite", show_default=True, help="folder for the page and figures"
)
def suite(action: str, data: str, tasks: str, settings: str, tracking: str, **options: str) -> None:
    """Run strategies x seeds on many data sets, and report what helps across them.

    `suite run` runs what is not in the store yet and writes the page; data sets that cannot be
    used are named and left out, and the exit status is then 1. `suite report` writes the page of
    what is stored.
    """
    output = Path(options.pop("output"))
    name = options.pop("name")

    from benchmark.tracking.store import resolve

    uri = resolve(tracking)
    if action == "report":
        from benchmark.workflows.suite.report import report_suite

        sys.exit(report_suite(uri, name, output))
    named = _named(data, tasks, settings)
    sys.exit(_run(name, named, uri, output, **options))


def _named(data: str, tasks: str, settings: str) -> tuple[Named, ...]:
    """Return the data sets that were asked for."""
    from benchmark.workflows.suite import sources

    if bool(data) == bool(tasks):
        raise UserError("name a folder with --data, or data sets with --tasks")
    if data:
        return tuple(sources.require_distinct(sources.in_folder(Path(data).expanduser(), settings)))
    is_file = tasks.lower().endswith(".toml")
    named = sources.in_toml(Path(tasks)) if is_file else sources.in_list(tasks)
    found = [
        dataclasses.replace(one, data=find_data(one.task, one.data))
        if isinstance(one, sources.Source)
        else one
        for one in named
    ]
    return tuple(sources.require_distinct(found))


def _run(
    name: str,
    named: tuple[Named, ...],
    uri: str,
    output: Path,
    *,
    models: str,
    strategies: str,
    seeds: str,
    steps: str,
    workers: str,
    timeout: str,
) -> int:
    specs = selection.select(strategies)
    number = parse_count("--seeds", seeds, 1)
    budget = parse_optional_count("--steps", steps, 1)
    processes = parse_optional_count("--workers", workers, 0)
    limit = parse_optional_count("--timeout", timeout, 1)
    chosen = tuple(model.strip() for model in models.split(",") if model.strip())

    from benchmark.workflows.execution.cluster import default_workers
    from benchmark.workflows.suite.members import Wanted
    from benchmark.workflows.suite.run import SuiteRequest, run_suite

    return run_suite(
        SuiteRequest(
            name=name,
            named=named,
            wanted=Wanted(tuple(specs), chosen, number, budget),
            workers=default_workers() if processes is None else processes,
            timeout=limit,
            uri=uri,
            output=output,
        )
    )


TITLE = "Many data sets"
COMMANDS = (suite,)
