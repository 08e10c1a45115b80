"""Skewbench in a notebook: run strategies on a table in memory or a task, and look at the results.

    from benchmark.notebook import run

    board = run(X, y, strategies=["none", "threshold", "smote"], seeds=5)
    board                                    # verdict and table
    board.plot()                             # what each strategy gains, with intervals
    board.recommend(cost="fp=1,fn=10")       # which one to use, and why
    board.export()                           # as a model to serve

Arguments are those of the command line, and so are the runs: `run` resumes what either began.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.cli import experiment_file, request, results
from benchmark.cli.options import say, write_text
from benchmark.protocol import arguments, registry
from benchmark.protocol.errors import UserError
from benchmark.results import query, recommendation
from benchmark.results.analysis import Analysis, analyse
from benchmark.results.report import files, notebook, terminal
from benchmark.results.verdict import findings, headline
from benchmark.tracking.store import resolve
from benchmark.workflows.export import ExportedModel, ExportRequest, export_model
from benchmark.workflows.run import measure
from benchmark.workflows.table_file import write_table
from benchmark.workflows.tracked_data import costs_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

Settings = str | Mapping[str, object]  # "model=hgb positive=yes", or by name


class NotebookError(UserError):
    """An error in one line, of which a notebook shows no traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"error: {self}"]


def run(
    data: pd.DataFrame | ArrayLike | str,
    y: ArrayLike | str | None = None,
    *,
    strategies: str | Sequence[str] = registry.default("strategies"),
    exclude: str | Sequence[str] = "",
    seeds: int = 3,
    until_decided: bool = False,
    settings: Settings = "",
    path: str | Path = "",
    steps: int | None = None,
    workers: int | None = None,
    tracking: str = "",
) -> Leaderboard:
    """Run strategies x seeds, track every run, and return their leaderboard.

    A table in memory is written to `data/tables`, where workers read it. In a script, call it below
    `if __name__ == "__main__":`, as workers import the script.

    Args:
        data: a DataFrame or an array (rows, features); or the name of a task.
        y: the class of each row, (rows,), or the column of `data` that holds it.
        strategies, exclude: a list, or text as on the command line, such as "all" or "*sampl*".
        seeds: number of seeds; the most, with `until_decided`.
        until_decided: stop when it is decided which strategy is the best.
        settings: of the task, such as {"model": "hgb", "positive": "yes"}.
        path: of the data of a task; synthetic data without it, unless data/TASK is there.
        steps: of every training; by default the task's.
        workers: processes; 0 is this one; by default one per core.
        tracking: address of the MLflow store; by default $MLFLOW_TRACKING_URI or mlflow.db here.

    Raises:
        UserError: in one line, for what can be mended.
    """
    with _told():
        task, place, chosen = _task(data, y, path, _settings_text(settings))
        options = {
            "task": task,
            "strategies": _listed(strategies),
            "exclude": _listed(exclude),
            "seeds": str(seeds),
            "until_decided": "yes" if until_decided else "no",
            "data": place,
            "settings": chosen,
            "steps": "" if steps is None else str(steps),
            "workers": "" if workers is None else str(workers),
        }
        return _run(options, tracking)


def leaderboard(
    task: str = "",
    *,
    settings: Settings = "",
    path: str | Path = "",
    steps: int | None = None,
    tracking: str = "",
) -> Leaderboard:
    """Read the leaderboard of tracked runs; task, settings, path and steps choose one of several.

    Raises:
        UserError: if none fits, or more than one, with what tells them apart.
    """
    with _told():
        number = "" if steps is None else str(steps)
        meant = results.make_query(task, str(path), _settings_text(settings), number, "all")
        say("reading the runs ...")
        uri = resolve(tracking)
        return Leaderboard(analyse(query.find_leaderboard(uri, meant)), uri)


@dataclass(frozen=True, repr=False)
class Leaderboard:
    """A leaderboard: displayed, it shows the verdict and the table."""

    analysis: Analysis
    store: str  # address of the MLflow store

    @property
    def verdict(self) -> str:
        """What to use, what that is worth, and what else matters: at most three sentences."""
        return notebook.text(headline(self.analysis))

    @property
    def findings(self) -> str:
        """Everything else that follows from the table, in sentences."""
        return notebook.text(findings(self.analysis))

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per strategy, best F1 first: statistics of F1, and all measures."""
        return files.of_strategies(self.analysis)

    def runs(self) -> pd.DataFrame:
        """Return one row per run: strategy, seed, state, and all measures."""
        return self.analysis.table.runs.copy()

    def plot(self, measure: str = "f1_tuned", ax: Axes | None = None) -> Axes:
        """Draw each strategy's difference to the baseline with its simultaneous interval.

        Args:
            measure: f1_tuned (every threshold tuned), f1 (each at its own), average_precision.
            ax: to draw on; by default a new figure.

        Raises:
            UserError: for another measure, or if nothing can be compared.
        """
        with _told():
            return notebook.plot(self.analysis, measure, ax)

    def to_html(self, path: str | Path) -> None:
        """Write the whole report, one self-contained HTML file."""
        with _told():
            write_text(str(path), files.report([self.analysis]))

    def recommend(self, *, cost: str = "", objective: str = "") -> Recommendation:
        """Recommend a strategy, for F1 if neither costs nor an objective are given.

        Args:
            cost: of a false positive and a false negative, such as "fp=1,fn=10".
            objective: under a constraint, such as "recall(precision=0.5)".
        """
        with _told():
            priced, goal = results.read_goal(cost, objective)
            costs = costs_of(priced, self.analysis.table) if priced else None
            found = recommendation.recommend(self.store, self.analysis.table, costs, goal)
            return Recommendation(found, self.store)

    def export(self, **options: Any) -> ExportedModel:
        """Export the strategy that is recommended for F1, see `Recommendation.export`."""
        return self.recommend().export(**options)

    def __repr__(self) -> str:
        return notebook.screen(self.analysis)

    def _repr_html_(self) -> str:
        return notebook.leaderboard(self.analysis)


@dataclass(frozen=True, repr=False)
class Recommendation:
    """The strategy to use, and why: displayed, it shows the reasons."""

    found: recommendation.Recommendation
    store: str  # address of the MLflow store

    @property
    def strategy(self) -> str:
        """The recommended strategy; "" where none can be recommended."""
        return self.found.label

    def export(
        self,
        strategy: str = "",
        *,
        seed: int | None = None,
        name: str = "",
        alias: str = "champion",
        refit: bool = False,
    ) -> ExportedModel:
        """Train the strategy again in this process, check it, and register it as a model.

        Args:
            strategy: instead of the recommended one.
            seed: of the training to repeat; by default the best on validation.
            name, alias: in the model registry; by default skewbench-TASK.
            refit: train on all rows.

        Raises:
            UserError: as the command `export` does.
        """
        with _told():
            say("training the strategy again ...")
            found = recommendation.with_strategy(self.found, strategy) if strategy else self.found
            return export_model(ExportRequest(self.store, found, seed, name, alias, refit))

    def __repr__(self) -> str:
        return notebook.text(self.found.sentences)

    def _repr_html_(self) -> str:
        return notebook.sentences(self.found.sentences)


@contextmanager
def _told() -> Iterator[None]:
    """Print messages among the results, as notebooks show stderr like errors; and errors short."""
    try:
        with redirect_stderr(sys.stdout), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "IProgress not found")  # by tqdm, which is not used
            yield
    except UserError as error:
        raise NotebookError(str(error)) from None
    except SystemExit:  # a benchmark that was stopped has ended its runs
        raise KeyboardInterrupt from None


def _task(data: Any, y: Any, path: str | Path, settings: str) -> tuple[str, str, str]:
    """Return the task, where its data lies, and its settings."""
    if isinstance(data, str):
        if y is not None:
            raise UserError(f"y belongs to a table, but {data!r} names a task")
        return data, str(path), settings
    if path:
        raise UserError("path belongs to a task, but a table is given")
    table = write_table(data, y)
    say(f"the table is in {table.path}")
    target = arguments.as_text({"target": table.target}, " ") if table.target else ""
    return "csv", str(table.path), f"{target} {settings}".strip()


def _settings_text(settings: Settings) -> str:
    if isinstance(settings, str):
        return settings
    plain = {name: getattr(value, "item", lambda v=value: v)() for name, value in settings.items()}
    given = {name: experiment_file.as_typed(value, name) for name, value in plain.items()}
    return arguments.as_text(given, " ")


def _listed(items: str | Sequence[str]) -> str:
    return items if isinstance(items, str) else ", ".join(items)


def _run(options: dict[str, str], tracking: str) -> Leaderboard:
    asked = request.make_request(
        **options, scheduler="", ship_code="no", timeout="", tracking=tracking
    )
    asked = replace(asked, experiment=experiment_file.write(options))
    console = terminal.console(stderr=True)
    result = measure(asked, console)
    if result.failed:
        console.print(f"{result.failed} runs failed: run it again to try them again")
    terminal.where_next(console, result.store)
    return Leaderboard(result.analysis, result.store.uri)
