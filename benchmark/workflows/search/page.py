"""What a search found: sentences and a table."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.markup import escape

from benchmark.metrics.stats import Difference
from benchmark.protocol.arguments import as_text
from benchmark.protocol.text import escape_markdown
from benchmark.results.report import terminal
from benchmark.results.study import Answer
from benchmark.tracking import tags, trials
from benchmark.tracking.store import SQLITE, Store
from benchmark.training.figures import svg
from benchmark.workflows.search import figures
from benchmark.workflows.search.confirmation import Confirmation
from benchmark.workflows.search.objective import Objective
from benchmark.workflows.search.spec import Search
from benchmark.workflows.search.summary import SearchSummary

if TYPE_CHECKING:
    from optuna import Study
from benchmark.workflows.search.spec import SearchRequest


def make_answer(
    search: Search, goal: Objective, found: SearchSummary, confirmed: Confirmation | None
) -> Answer:
    """The sentences, and the table of the confirmation."""
    sentences = [_of_search(search, goal, found)]
    rows = []
    if confirmed:
        sentences.append(_of_confirmation(goal, confirmed))
        rows.append([confirmed.label, _shown(confirmed.value), "", "", "chosen"])
        for rival in sorted(confirmed.rivals, key=lambda rival: rival.ahead.mean):
            p = f"{rival.p:.3f}" if rival.p >= 0.001 else "< 0.001"
            verdict = confirmed.verdict(rival)
            ahead = _shown(rival.ahead, sign="+")
            rows.append([rival.label, _shown(rival.value), ahead, p, verdict])
    headings = ("strategy", f"{goal.name} on test", "chosen one ahead by", "p (Holm)", "so it is")
    return Answer(" ".join(sentences), headings, rows, [], "", "", {})


def _of_search(search: Search, goal: Objective, found: SearchSummary) -> str:
    best, pruned, failed = found.best, found.states["PRUNED"], found.states["FAIL"]
    aside = [f"{pruned} pruned"] * bool(pruned) + [f"{failed} failed"] * bool(failed)
    text = (
        f"Of {sum(found.states.values())} trials{' (' + ', '.join(aside) + ')' if aside else ''}, "
        f"{best.strategy} has the {'lowest' if goal.minimize else 'highest'} {goal.name} on "
        f"validation: {best.mean:.3f}, mean of {_seeds(len(best.scores))}."
    )
    if found.alike is None:
        return text
    ranges = [f"{name} from {low:g} to {high:g}" for name, (low, high) in found.alike.items()]
    return f"{text} Of what was tried, {' and '.join(ranges)} cannot be told from it."


def _of_confirmation(goal: Objective, it: Confirmation) -> str:
    text = (
        f"On test, over {_seeds(it.value.seeds)} and on rows that no trial has seen, its "
        f"{goal.name} is {_shown(it.value)}."
    )
    if it.value.seeds > 1 and not it.skilled:
        return (
            f"{text} That it ranks rows better than chance is not shown, so nothing is claimed: a "
            "moved threshold alone changes what depends on decisions."
        )
    for rival in it.rivals:
        text += f" It is {_compared(rival.ahead)} {rival.label}"
        if it.verdict(rival) == "may be chance":
            text += f", which may be chance at {len(it.rivals)} comparisons"
        text += "."
    return text


def _compared(ahead: Difference) -> str:
    """``0.021 (0.004 to 0.038) ahead of``."""
    size, low, high, which = ahead.mean, ahead.low, ahead.high, "ahead of"
    if size < 0:
        size, low, high, which = -size, -high, -low, "behind"
    ends = "" if np.isnan(low) else f" ({low:.3f} to {high:.3f})"
    return f"{size:.3f}{ends} {which}"


def markdown(
    search: Search,
    goal: Objective,
    found: SearchSummary,
    answer: Answer,
    drawn: Sequence[str],
    command: str,
) -> str:
    """A page, with its figures beside it."""
    lines = [f"# Search: {escape_markdown(search.pattern.text)} by {goal.name}", ""]
    lines += [escape_markdown(answer.paragraph), "", "Run it with", ""]
    lines += ["```", f"--strategies '{found.best.strategy}'", "```", ""]
    if answer.rows:
        lines += [f"| {' | '.join(answer.headings)} |", "| --- |" + " ---: |" * 4]
        lines += [f"| {' | '.join(map(escape_markdown, row))} |" for row in answer.rows]
        lines += ["", "Means over seeds with their 95 % intervals.", ""]
    lines += [f"![{name}]({name}.svg)" for name in drawn]
    conditions = search.conditions
    lines += [
        "",
        f"- searched: {search.pattern}",
        f"- objective: {search.objective}, mean of {_seeds(search.seeds)} on validation",
        f"- trials: {as_text(found.states, ', ').replace('=', ' ').lower()}",
        f"- data: {escape_markdown(conditions.origin)}, content {conditions.content}; half of the rows are "
        "held out of the search",
        f"- settings: {escape_markdown(conditions.settings_text)}",
        f"- budget: {conditions.budget.steps:,} steps of {conditions.budget.batch} rows",
        "",
        "```",
        command,
        "```",
    ]
    return "\n".join(lines) + "\n"


def _seeds(number: int) -> str:
    return f"{number} seed{'s' * (number != 1)}"


def _shown(it: Difference, sign: str = "") -> str:
    """``0.446 [0.401, 0.491]``; the interval is missing for one seed."""
    ends = "" if np.isnan(it.low) else f" [{it.low:.3f}, {it.high:.3f}]"
    return f"{it.mean:{sign}.3f}{ends}"


def log(
    asked: SearchRequest,
    search: Search,
    store: Store,
    study: Study,
    found: SearchSummary,
    confirmed: Confirmation | None,
) -> None:
    """Logs the page and the figures on the search's run."""
    goal = asked.objective
    drawn = figures.figures(search, goal, found)
    shares = _importance(study, found)
    if shares:
        drawn["importance"] = figures.importance(shares)
    answer = make_answer(search, goal, found, confirmed)
    page = markdown(search, goal, found, answer, list(drawn), command(asked, search))
    files = {f"{name}.svg": svg(figure) for name, figure in drawn.items()}
    trials.answer(store, page, {"search.md": page, **files})


def _importance(study: Study, found: SearchSummary) -> dict[str, float]:
    """By Optuna; nothing for one number, or trials that do not differ."""
    import optuna

    complete = [point for point in found.points if point.complete]
    if len(found.best.chosen) < 2 or len({point.mean for point in complete}) < 3:
        return {}
    return {
        name: float(share) for name, share in optuna.importance.get_param_importances(study).items()
    }


def command(asked: SearchRequest, search: Search) -> str:
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
    words += ["--against", ",".join(spec.label for spec in request.specs)]
    return shlex.join(words)


def where_next(
    console: Console, search: Search, goal: Objective, store: Store, found: SearchSummary
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
