"""What the commands that train ask for: their options, and the request made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from benchmark.cli import types
from benchmark.cli.logs import log_options
from benchmark.cli.options import (
    combined,
    complete_settings,
    find_data,
    parse_count,
    parse_optional_count,
    say,
    tracking_option,
)
from benchmark.protocol import grammar, registry, selection, text
from benchmark.protocol.text import SYNTHETIC

if TYPE_CHECKING:
    from benchmark.workflows.run import RunRequest

training_options = combined(
    click.option(
        "--task",
        type=types.TASK,
        default=registry.default("tasks"),
        show_default=True,
        help="what each is: see the command `tasks`",
    ),
    click.option(
        "--seeds", metavar="N", default="3", show_default=True, help="how many: 0, 1, ... N-1"
    ),
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
        type=types.PATH,
        default="",
        help="folder or file of the real data; else data/TASK, else $SKEWBENCH_DATA/TASK, "
        f"else synthetic data (`{SYNTHETIC}` asks for it)",
    ),
    click.option(
        "--settings",
        metavar="NAME=VALUE ...",
        default="",
        help="of the task, e.g. 'imbalance=20 model=compact'",
    ),
    click.option(
        "--steps",
        metavar="N",
        default="",
        help="optimizer steps of every training [default: the task's]",
    ),
    click.option(
        "--workers",
        metavar="N",
        default="",
        help="processes; 0 is this one [default: one per core, or as many as fit on the GPUs]",
    ),
    click.option(
        "--scheduler",
        metavar="ADDRESS",
        default="",
        help="address of a Dask cluster to use instead",
    ),
    click.option(
        "--ship-code",
        type=click.Choice(["yes", "no"]),
        default="no",
        help="send this checkout to workers of the cluster that have none",
    ),
    click.option(
        "--timeout",
        metavar="SECONDS",
        default="",
        help="seconds that a training may take, with its data, in each of three attempts "
        "[default: no limit]",
    ),
    tracking_option,
    log_options,
)


def make_request(
    strategies: str,
    *,
    exclude: str = "",
    task: str,
    seeds: str,
    until_decided: str,
    data: str,
    settings: str,
    steps: str,
    workers: str,
    scheduler: str,
    ship_code: str,
    timeout: str,
    tracking: str,
) -> RunRequest:
    """Return what the user asked for, checked as far as possible without the data."""
    chosen, specs = grammar.settings(task, settings), selection.select(strategies, exclude)
    number = parse_count("--seeds", seeds, 1)
    budget = parse_optional_count("--steps", steps, 1)
    processes = parse_optional_count("--workers", workers, 0)
    limit = parse_optional_count("--timeout", timeout, 1)
    path = find_data(task, data)
    say(f"{task}: {text.strategies(len(specs))}, {text.seeds(number)}")

    from benchmark.workflows.execution.cluster import default_workers
    from benchmark.workflows.run import RunRequest

    return RunRequest(
        task=task,
        settings=complete_settings(task, chosen, path),
        path=path,
        specs=tuple(specs),
        every=selection.has_pattern(strategies) or strategies == registry.default("strategies"),
        seeds=number,
        steps=budget,
        workers=0 if scheduler else default_workers() if processes is None else processes,
        scheduler=scheduler,
        ship_code=ship_code == "yes",
        timeout=limit,
        tracking=tracking,
        until_decided=until_decided == "yes",
    )
