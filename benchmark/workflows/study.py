"""One invocation of `study`, from a question to a paragraph, a table and a figure."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from benchmark.protocol import grammar, registry
from benchmark.protocol.errors import UserError
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.report import study as report
from benchmark.results.report import terminal
from benchmark.results.report.files import write_files
from benchmark.results.study import Arm, Measured, study
from benchmark.tracking.invocation import log_study
from benchmark.workflows.execution.signals import end_with_mlflow
from benchmark.workflows.execution.worker import load
from benchmark.workflows.run import RunRequest, RunResult, measure


@dataclass(frozen=True)
class StudyRequest:
    """What the user asked for."""

    study: str
    request: RunRequest  # of a run; the study's arms change its strategies and settings
    folder: Path  # for the answer


def run_study(asked: StudyRequest) -> int:
    """Measure all arms, show and write the answer, and return the exit status.

    Arms whose runs are tracked already, by any benchmark, train nothing.
    """
    end_with_mlflow()
    console = terminal.console(stderr=True)
    request, chosen = asked.request, study(asked.study)
    data = load(request.task, request.settings, request.path)
    if len(data.classes) != 2:
        raise UserError(
            f"{data.origin} has {len(data.classes)} classes: studies need two; `run` takes any"
        )
    arms = chosen.arms(request.settings, data)
    requests = [_request_of(request, arm) for arm in arms]
    for of_arm in requests:  # before anything is trained
        task, settings = registry.task(of_arm.task), of_arm.settings
        task.split(load(of_arm.task, settings, of_arm.path), settings, 0)
    results = _measure_all(asked.study, arms, requests, console)
    measured = [
        Measured(arm, _table_of(of_arm, result.analysis.table), result.store.uri)
        for arm, of_arm, result in zip(arms, requests, results, strict=True)
    ]
    answer = chosen.answer(measured)
    page = report.markdown(asked.study, chosen.question, answer, measured)
    files = {f"{asked.study}.md": page, f"{asked.study}.svg": report.figure(answer)}
    log_study(results[-1].store, asked.study, page, files)
    report.show(terminal.console(), chosen.question, answer)
    write_files(asked.folder, files)
    console.print(f"written: {', '.join(str(asked.folder / name) for name in files)}")
    return 0


def _measure_all(
    name: str, arms: Sequence[Arm], requests: Sequence[RunRequest], console: Console
) -> list[RunResult]:
    """Measure every arm. UserError if runs failed."""
    results: list[RunResult] = []
    with own_runs():
        for arm, request in zip(arms, requests, strict=True):
            console.rule(escape(f"{name}: {arm.name}"))
            results.append(measure(request, console))
    failed = sum(result.failed for result in results)
    if failed:
        raise UserError(
            f"{failed} runs failed, so the study has no answer yet: the same command tries them "
            "again"
        )
    return results


def _request_of(request: RunRequest, arm: Arm) -> RunRequest:
    """Return the request that measures an arm."""
    try:
        settings = dataclasses.replace(request.settings, **arm.settings)
    except UserError as error:
        raise UserError(f"{arm.name}: {error}") from None
    specs = tuple(grammar.read_list(arm.strategies))
    return dataclasses.replace(request, settings=settings, specs=specs)


def _table_of(request: RunRequest, table: Leaderboard) -> Leaderboard:
    """Keep the strategies and seeds of a request; the store may hold more."""
    texts = [spec.text for spec in request.specs]
    requested = table.runs["strategy"].isin(texts) & (table.runs["seed"] < request.seeds)
    return dataclasses.replace(table, runs=table.runs[requested])


@contextmanager
def own_runs() -> Iterator[None]:
    """Start a new run per invocation in the block; that of ``mlflow run`` is for the answer."""
    opened = os.environ.pop("MLFLOW_RUN_ID", None)
    try:
        yield
    finally:
        if opened is not None:
            os.environ["MLFLOW_RUN_ID"] = opened
