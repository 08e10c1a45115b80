"""One invocation of `study`, from a question to a paragraph, a table and a figure."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.markup import escape

from benchmark.protocol import grammar, registry
from benchmark.protocol.errors import UserError
from benchmark.results import study as studies
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.report import study as study_page
from benchmark.results.report import terminal
from benchmark.results.study import Arm, Measured
from benchmark.tracking import invocation
from benchmark.workflows import run as run_workflow
from benchmark.workflows.execution.worker import load
from benchmark.workflows.run import RunRequest, RunResult


@dataclass(frozen=True)
class StudyRequest:
    """What the person asked for."""

    study: str
    request: RunRequest  # of a run: its strategies and settings are changed by the study's arms
    folder: Path  # where the answer goes


def run(inquiry: StudyRequest) -> int:
    """Measures all arms, shows and writes the answer, and returns the exit status.

    Arms that can share runs with a benchmark that is tracked already train nothing.
    """
    run_workflow.end_with_mlflow()
    console = terminal.console(stderr=True)
    request, study = inquiry.request, studies.study(inquiry.study)
    data = load(request.task, request.settings, request.path)
    if len(data.classes) != 2:
        raise UserError(
            f"{data.origin} has {len(data.classes)} classes: studies are of two; `run` takes any"
        )
    arms = study.arms(request.settings, data)
    requests = [_of_arm(request, arm) for arm in arms]
    for asked in requests:  # before anything is trained
        task, settings = registry.task(asked.task), asked.settings
        task.split(load(asked.task, settings, asked.path), settings, 0)
    with runs_of_their_own():
        results: list[RunResult] = []
        for arm, asked in zip(arms, requests, strict=True):
            console.rule(escape(f"{inquiry.study}: {arm.name}"))
            results.append(run_workflow.measure(asked, console))
    failed = sum(result.failed for result in results)
    if failed:
        raise UserError(
            f"{failed} cells failed, so the study has no answer yet: the same command tries them "
            "again"
        )
    measured = [
        Measured(arm, _table_of(asked, result.analysis.table), result.store.uri)
        for arm, asked, result in zip(arms, requests, results, strict=True)
    ]
    answer = study.answer(measured)
    page = study_page.markdown(inquiry.study, study.question, answer, measured)
    files = {f"{inquiry.study}.md": page, f"{inquiry.study}.svg": study_page.figure(answer)}
    invocation.note_study(results[-1].store, inquiry.study, page, files)
    study_page.show(terminal.console(), study.question, answer)
    _write(inquiry.folder, files)
    console.print(f"written: {', '.join(str(inquiry.folder / name) for name in files)}")
    return 0


def _of_arm(request: RunRequest, arm: Arm) -> RunRequest:
    """The run that measures an arm."""
    try:
        settings = dataclasses.replace(request.settings, **arm.settings)
    except UserError as error:
        raise UserError(f"{arm.name}: {error}") from None
    specs = tuple(grammar.read_list(arm.strategies))
    return dataclasses.replace(request, settings=settings, specs=specs)


def _table_of(asked: RunRequest, table: Leaderboard) -> Leaderboard:
    """The strategies and seeds of an arm; the store may hold more."""
    texts = [spec.text for spec in asked.specs]
    mine = table.runs["strategy"].isin(texts) & (table.runs["seed"] < asked.seeds)
    return dataclasses.replace(table, runs=table.runs[mine])


@contextmanager
def runs_of_their_own() -> Iterator[None]:
    """Every arm begins a run: the one that ``mlflow run`` opened is for the answer."""
    opened = os.environ.pop("MLFLOW_RUN_ID", None)
    try:
        yield
    finally:
        if opened is not None:
            os.environ["MLFLOW_RUN_ID"] = opened


def _write(folder: Path, files: Mapping[str, str]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror}") from None
