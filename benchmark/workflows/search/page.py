"""The answer of a search: sentences, a table, its page in MLflow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from benchmark.protocol.arguments import as_text
from benchmark.protocol.text import SYNTHETIC, escape_markdown, interval, listed
from benchmark.protocol.text import command as build_command
from benchmark.protocol.text import seeds as count_seeds
from benchmark.results.objective import Objective
from benchmark.results.report import terminal
from benchmark.results.study import Answer
from benchmark.tracking import tags, trials
from benchmark.tracking.store import SQLITE, Store
from benchmark.training.figures import svg
from benchmark.workflows.search import figures
from benchmark.workflows.search.confirmation import Confirmation
from benchmark.workflows.search.spec import Search
from benchmark.workflows.search.summary import SearchSummary

if TYPE_CHECKING:
    from optuna import Study

    from benchmark.workflows.search.spec import SearchRequest

TOGETHER = (
    "Means over seeds with 95 % confidence intervals; those of the differences hold together "
    "(Bonferroni), and so do their p (Holm)."
)
VERDICTS = ("better", "worse", "not significant")


def make_answer(
    search: Search, goal: Objective, found: SearchSummary, confirmed: Confirmation | None
) -> Answer:
    """Make the sentences, and the table of the confirmation."""
    sentences = [_of_search(search, goal, found)]
    rows = []
    if confirmed:
        sentences.append(_of_confirmation(goal, confirmed))
        rows.append([confirmed.label, interval(confirmed.value, sign=""), "", "", "chosen"])
        for rival in sorted(confirmed.rivals, key=lambda rival: rival.ahead.mean):
            p = f"{rival.p:.3f}" if rival.p >= 0.001 else "< 0.001"
            verdict = confirmed.verdict(rival)
            rows.append([rival.label, interval(rival.value, sign=""), interval(rival), p, verdict])
    headings = ("strategy", f"{goal.name} on test", "Δ of the chosen", "p (adjusted)", "finding")
    return Answer(" ".join(sentences), headings, rows, [], "", "", {})


def _of_search(search: Search, goal: Objective, found: SearchSummary) -> str:
    best, pruned, failed = found.best, found.states["PRUNED"], found.states["FAIL"]
    aside = [f"{pruned} pruned"] * bool(pruned) + [f"{failed} failed"] * bool(failed)
    text = (
        f"Of {sum(found.states.values())} trials{' (' + ', '.join(aside) + ')' if aside else ''}, "
        f"{best.strategy} has the {'lowest' if goal.minimize else 'highest'} {goal.name} on "
        f"validation: {best.mean:.3f}, mean of {count_seeds(len(best.scores))}."
    )
    if found.alike is None:
        return text
    ranges = [f"{name} from {low:g} to {high:g}" for name, (low, high) in found.alike.items()]
    return f"{text} No significant difference to it: {' and '.join(ranges)}."


def _of_confirmation(goal: Objective, it: Confirmation) -> str:
    text = (
        f"On test, over {count_seeds(it.value.seeds)} and on rows that no trial has seen, its "
        f"{goal.name} is {interval(it.value, sign='')}."
    )
    if it.value.seeds > 1 and not it.skilled:
        return (
            f"{text} It does not rank rows significantly better than chance, so there is no claim: "
            "another threshold alone would change this measure."
        )
    sentences = [text]
    of = {word: [rival for rival in it.rivals if it.verdict(rival) == word] for word in VERDICTS}
    for word in ("better", "worse"):
        if of[word]:
            named = listed([f"{rival.label} ({interval(rival)})" for rival in of[word]])
            sentences.append(f"It is significantly {word} than {named}.")
    if open_ := of["not significant"]:
        largest = max(open_, key=lambda rival: abs(rival.mean))
        which = f", largest to {largest.label}" if len(open_) > 1 else ""
        labels = listed([rival.label for rival in open_])
        sentences.append(f"No significant difference to {labels} ({interval(largest)}{which}).")
    return " ".join(sentences)


def markdown(
    search: Search,
    goal: Objective,
    found: SearchSummary,
    answer: Answer,
    drawn: Sequence[str],
    command: str,
) -> str:
    """A Markdown page; its figures lie beside it."""
    lines = [f"# Search: {escape_markdown(search.pattern.text)} by {goal.name}", ""]
    lines += [escape_markdown(answer.paragraph), "", "Run it with", ""]
    lines += ["```", f"--strategies '{found.best.strategy}'", "```", ""]
    if answer.rows:
        lines += [f"| {' | '.join(answer.headings)} |", "| --- |" + " ---: |" * 4]
        lines += [f"| {' | '.join(map(escape_markdown, row))} |" for row in answer.rows]
        lines += ["", TOGETHER, ""]
    lines += [f"![{name}]({name}.svg)" for name in drawn]
    conditions = search.conditions
    lines += [
        "",
        f"- searched: {search.pattern}",
        f"- objective: {search.objective}, mean of {count_seeds(search.seeds)} on validation",
        f"- trials: {as_text(found.states, ', ').replace('=', ' ').lower()}",
        f"- data: {escape_markdown(conditions.origin)}, content {conditions.content}; half of the "
        "rows are held out of the search",
        f"- settings: {escape_markdown(conditions.settings_text)}",
        f"- budget: {conditions.budget.steps:,} steps of {conditions.budget.batch} rows",
        "",
        "```",
        command,
        "```",
    ]
    return "\n".join(lines) + "\n"


def log(
    asked: SearchRequest,
    search: Search,
    store: Store,
    study: Study,
    found: SearchSummary,
    confirmed: Confirmation | None,
) -> None:
    """Log the page and the figures on the search's run."""
    goal = asked.objective
    drawn = figures.figures(search, goal, found)
    shares = _importance(study, found)
    if shares:
        drawn["importance"] = figures.importance(shares)
    answer = make_answer(search, goal, found, confirmed)
    page = markdown(search, goal, found, answer, list(drawn), search_command(asked, search))
    files = {f"{name}.svg": svg(figure) for name, figure in drawn.items()}
    trials.answer(store, page, {"search.md": page, **files})


def _importance(study: Study, found: SearchSummary) -> dict[str, float]:
    """Importance of each number by Optuna; empty for one number, or trials that do not differ."""
    import optuna

    complete = [point for point in found.points if point.complete]
    if len(found.best.chosen) < 2 or len({point.mean for point in complete}) < 3:
        return {}
    return {
        name: float(share) for name, share in optuna.importance.get_param_importances(study).items()
    }


def search_command(asked: SearchRequest, search: Search) -> str:
    """Build the command that repeats the search."""
    request, facts = asked.request, search.conditions.facts()
    return build_command(
        "search",
        task=facts["task"],
        data=facts["data"] or SYNTHETIC,
        settings=facts["settings"],
        strategy=asked.strategy,
        space=asked.spaces,
        objective=search.objective,
        trials=search.trials,
        seeds=search.seeds,
        steps=facts["steps"],
        fresh=request.seeds * asked.confirm,
        against=",".join(spec.label for spec in request.specs),
    )


def where_next(
    console: Console, search: Search, goal: Objective, store: Store, found: SearchSummary
) -> None:
    """Print the chosen strategy, and how to open its trials in MLflow."""
    console.print(f"The chosen strategy:\n  --strategies '{escape(found.best.strategy)}'")
    terminal.in_mlflow(console, store, "Its trials in MLflow:", _page(search, goal))
    if search.storage.startswith(SQLITE):
        console.print(escape(f"Optuna's storage: {search.storage}"), soft_wrap=True)


def _page(search: Search, goal: Objective) -> str:
    """Address of the trials in MLflow, sorted by the objective."""
    from urllib.parse import urlencode

    kind = f"tags.`{tags.SEARCH}` = '{search.identity}' AND tags.`{tags.KIND}` = 'trial'"
    query = {
        "searchFilter": kind,
        "orderByKey": f"metrics.`val/{goal.metric}`",
        "orderByAsc": str(goal.minimize).lower(),
        "workflowType": "machine_learning",
    }
    return f"/runs?{urlencode(query)}"
