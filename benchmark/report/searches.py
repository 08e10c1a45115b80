"""What a search found: sentences, a table, figures."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from benchmark.arguments import as_text
from benchmark.report.escape import escape
from benchmark.search.confirmation import Confirmation
from benchmark.search.finding import Finding
from benchmark.search.objective import Objective
from benchmark.search.space import Dimension
from benchmark.search.work import Search
from benchmark.stats import Difference
from benchmark.study import Answer

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BEST = "#b2182b"


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
        f"On test, over {_seeds(it.value.seeds)} and on rows that no trial has seen, it has "
        f"{goal.name} {_shown(it.value)}."
    )
    if it.value.seeds > 1 and not it.skilled:
        return (
            f"{text} It ranks rows no better than chance does, so nothing is claimed: a moved cut "
            "alone changes what depends on decisions."
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


def figures(search: Search, goal: Objective, found: Finding) -> dict[str, Figure]:
    """Name -> figure: the curve of each number, the history, and which number matters."""
    return {"curve": _curve(search, goal, found), "history": _history(goal, found)}


def _curve(search: Search, goal: Objective, found: Finding) -> Figure:
    from matplotlib.figure import Figure

    places = [
        (search.pattern.parts[a.part][0], one) for a in search.pattern.open for one in a.dimensions
    ]
    columns = min(len(places), 3)
    rows = -(-len(places) // columns)
    drawn = Figure(figsize=(max(6.5, 4.2 * columns), 4 * rows), layout="constrained")
    for place, (part, dimension) in enumerate(places):
        name = f"{dimension.name} of {part}"
        axes = drawn.add_subplot(rows, columns, place + 1, xlabel=name)
        _one_curve(axes, dimension, found)
        axes.set_ylabel(f"{goal.name} on validation" if place % columns == 0 else "")
        if place == 0:
            axes.legend(fontsize=8, frameon=False, loc="best")
    return drawn


def _one_curve(axes: Axes, dimension: Dimension, found: Finding) -> None:
    complete = [point for point in found.points if point.complete]
    pruned = [point for point in found.points if not point.complete]
    name = dimension.name
    if found.alike:
        axes.axvspan(*found.alike[name], color="0.92", label="cannot be told from the best")
    if pruned:
        axes.plot(
            [point.chosen[name] for point in pruned],
            [point.mean for point in pruned],
            "x",
            color="0.6",
            markersize=4,
            label="pruned, fewer seeds",
        )
    for points, color, label in (
        (complete, "0.25", "a trial ± sd over seeds"),
        ([found.best], BEST, "the best"),
    ):
        axes.errorbar(
            [point.chosen[name] for point in points],
            [point.mean for point in points],
            yerr=[point.deviation for point in points],
            fmt="o",
            color=color,
            markersize=4,
            elinewidth=0.8,
            label=label,
        )
    if dimension.log:
        from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(alpha=0.3)


def _history(goal: Objective, found: Finding) -> Figure:
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(6.5, 4), layout="constrained")
    axes = drawn.add_subplot(xlabel="trial", ylabel=f"{goal.name} on validation")
    for complete, marker, color, label in (
        (True, "o", "0.25", "complete"),
        (False, "x", "0.6", "pruned"),
    ):
        points = [point for point in found.points if point.complete == complete]
        if points:
            numbers = [point.number for point in points]
            axes.plot(numbers, [p.mean for p in points], marker, color=color, ms=4, label=label)
    points = [point for point in found.points if point.complete]
    best = (np.minimum if goal.minimize else np.maximum).accumulate([p.mean for p in points])
    axes.step([p.number for p in points], best, where="post", color=BEST, label="best so far")
    axes.locator_params(axis="x", integer=True)
    axes.legend(fontsize=8, frameon=False, loc="best")
    axes.grid(alpha=0.3)
    return drawn


def importance(shares: dict[str, float]) -> Figure:
    """How much of what trials differ in is due to which number."""
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(6.5, 0.6 * len(shares) + 1.2), layout="constrained")
    axes = drawn.add_subplot(xlabel="share of the difference between trials")
    names = list(reversed(shares))
    bars = axes.barh(names, [shares[name] for name in names], color="0.4")
    axes.bar_label(bars, fmt="{:.2f}", padding=3)
    axes.set_xlim(0, 1.1)
    axes.spines[["top", "right"]].set_visible(False)
    return drawn


def svg(figure: Figure) -> str:
    """As text."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def _seeds(number: int) -> str:
    return f"{number} seed{'s' * (number != 1)}"


def _shown(it: Difference, sign: str = "") -> str:
    """``0.446 [0.401, 0.491]``; the interval is missing for one seed."""
    ends = "" if np.isnan(it.low) else f" [{it.low:.3f}, {it.high:.3f}]"
    return f"{it.mean:{sign}.3f}{ends}"
