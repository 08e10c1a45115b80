"""`run` with several models: one leaderboard each, and one table of all."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.results.models import by_models
from benchmark.results.report import models, terminal
from benchmark.workflows.execution.signals import end_with_mlflow
from benchmark.workflows.run import RunRequest, measure


def run_models(requests: Sequence[RunRequest]) -> int:
    """Run one request per model, print their leaderboards and then the models side by side."""
    end_with_mlflow()
    console = terminal.console(stderr=True)
    results = []
    for request in requests:
        console.rule(f"model={request.settings.model}")
        results.append(measure(request, console))
        terminal.show(terminal.console(), results[-1].analysis)
    for table in by_models([result.analysis for result in results]):
        models.show(terminal.console(), table)
    terminal.where_next(console, results[-1].store)
    failed = sum(result.failed for result in results)
    if failed:
        console.print(f"[red]{failed} runs failed[/]: the same command tries them again")
    return 1 if failed else 0
