"""What a search found: sentences and a table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmark.arguments import as_text
from benchmark.report.escape import escape
from benchmark.search.confirmation import Confirmation
from benchmark.search.finding import Finding
from benchmark.search.objective import Objective
from benchmark.search.work import Search
from benchmark.stats import Difference
from benchmark.study import Answer


def answer(
    search: Search, goal: Objective, found: Finding, confirmed: Confirmation | None
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


def _of_search(search: Search, goal: Objective, found: Finding) -> str:
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
            "moved cut alone changes what depends on decisions."
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
    found: Finding,
    answer: Answer,
    drawn: Sequence[str],
    command: str,
) -> str:
    """A page, with its figures beside it."""
    lines = [f"# Search: {escape(search.pattern.text)} by {goal.name}", ""]
    lines += [escape(answer.paragraph), "", "Run it with", ""]
    lines += ["```", f"--strategies '{found.best.strategy}'", "```", ""]
    if answer.rows:
        lines += [f"| {' | '.join(answer.headings)} |", "| --- |" + " ---: |" * 4]
        lines += [f"| {' | '.join(map(escape, row))} |" for row in answer.rows]
        lines += ["", "Means over seeds with their 95 % intervals.", ""]
    lines += [f"![{name}]({name}.svg)" for name in drawn]
    conditions = search.conditions
    lines += [
        "",
        f"- searched: {search.pattern}",
        f"- objective: {search.objective}, mean of {_seeds(search.seeds)} on validation",
        f"- trials: {as_text(found.states, ', ').replace('=', ' ').lower()}",
        f"- data: {escape(conditions.origin)}, content {conditions.content}; half of the rows are "
        "held out of the search",
        f"- settings: {escape(conditions.settings_text)}",
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
