"""The answer of a search, on its run in MLflow and in the terminal."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from benchmark.report import curves, searches, terminal
from benchmark.report.answers import svg
from benchmark.search.confirmation import Confirmation
from benchmark.search.finding import Finding
from benchmark.search.objective import Objective
from benchmark.search.work import Search
from benchmark.session import Request
from benchmark.tracking import tags
from benchmark.tracking import trials as tracked
from benchmark.tracking.store import SQLITE, Store

if TYPE_CHECKING:
    from optuna import Study


@dataclass(frozen=True)
class Asked:
    """What the person asked for."""

    request: Request  # of the confirmation: its strategies are the rivals, its seeds are fresh
    strategy: str
    spaces: str
    objective: Objective
    trials: int
    seeds: int  # of a trial
    confirm: bool
    storage: str


def log(
    asked: Asked,
    search: Search,
    store: Store,
    study: Study,
    found: Finding,
    confirmed: Confirmation | None,
) -> None:
    """Logs the page and the figures on the search's run."""
    goal = asked.objective
    drawn = curves.figures(search, goal, found)
    shares = _importance(study, found)
    if shares:
        drawn["importance"] = curves.importance(shares)
    answer = searches.answer(search, goal, found, confirmed)
    page = searches.markdown(search, goal, found, answer, list(drawn), command(asked, search))
    files = {f"{name}.svg": svg(figure) for name, figure in drawn.items()}
    tracked.answer(store, page, {"search.md": page, **files})


def _importance(study: Study, found: Finding) -> dict[str, float]:
    """By Optuna; nothing for one number, or trials that do not differ."""
    import optuna

    complete = [point for point in found.points if point.complete]
    if len(found.best.chosen) < 2 or len({point.mean for point in complete}) < 3:
        return {}
    return {
        name: float(share) for name, share in optuna.importance.get_param_importances(study).items()
    }


def command(asked: Asked, search: Search) -> str:
    """What repeats the search."""
    request, facts = asked.request, search.conditions.facts()
    words = ["uv", "run", "python", "-m", "benchmark", "search", "--task", facts["task"]]
    words += ["--data", facts["data"] or "stand-in", "--settings", facts["settings"]]
    words += [
        "--strategy",
        asked.strategy,
        "--space",
        asked.spaces,
        "--objective",
        search.objective,
    ]
    words += ["--trials", str(search.trials), "--seeds", str(search.seeds)]
    words += ["--steps", str(facts["steps"]), "--fresh", str(request.seeds * asked.confirm)]
    words += ["--against", ",".join(remedy.label for remedy in request.remedies)]
    return shlex.join(words)


def where_next(
    console: Console, search: Search, goal: Objective, store: Store, found: Finding
) -> None:
    """The chosen strategy, and where its trials can be seen."""
    console.print(f"The chosen strategy:\n  --strategies '{escape(found.best.strategy)}'")
    terminal.in_mlflow(console, store, "Its trials in MLflow:", _page(search, goal))
    if search.storage.startswith(SQLITE):
        console.print(escape(f"Optuna's storage: {search.storage}"), soft_wrap=True)


def _page(search: Search, goal: Objective) -> str:
    """The trials, sorted by the objective."""
    from urllib.parse import urlencode

    kind = f"tags.`{tags.SEARCH}` = '{search.identity}' AND tags.`{tags.KIND}` = 'trial'"
    query = {
        "searchFilter": kind,
        "orderByKey": f"metrics.`val/{goal.metric}`",
        "orderByAsc": str(goal.minimize).lower(),
        "workflowType": "machine_learning",
    }
    return f"/runs?{urlencode(query)}"
