"""The files beside the page of a suite: a section per data set, CSV and figures."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from benchmark.protocol.processes import Apply
from benchmark.protocol.text import escape_markdown as harmless
from benchmark.protocol.text import interval
from benchmark.results.report import suite_figures as figures
from benchmark.results.report import suite_when
from benchmark.results.suite.field import Answer
from benchmark.results.suite.summary import Summary
from benchmark.training.figures import svg

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PER_PROCESS = 10  # figures at least, for the start of a process to be worth it


def datasets(summary: Summary) -> str:
    """Return the page with a section per data set: each strategy's differences with intervals."""
    lines = [
        "# The data sets of the suite, one by one",
        "",
        "[The page on all](suite.md). "
        "Differences to the baseline with their own 95 % intervals; more is better.",
        "",
    ]
    for name in summary.properties:
        lines += [f"## {harmless(name)}", ""]
        for model in summary.models:
            answers = summary.of(model)
            labels = dict.fromkeys(v.label for a in answers for v in a.versus if name in v.sets)
            if not labels:
                continue
            titles = [answer.question.title for answer in answers]
            lines += [f"| {model or 'strategy'} | {' | '.join(titles)} |"]
            lines += ["| --- |" + " ---: |" * len(titles)]
            lines += [
                f"| {harmless(label)} | {' | '.join(_cell(a, label, name) for a in answers)} |"
                for label in labels
            ]
            lines += [""]
    return "\n".join(lines)


def _cell(answer: Answer, label: str, name: str) -> str:
    for one in answer.versus:
        if one.label == label and name in one.sets:
            return interval(one.differences[one.sets.index(name)])
    return ""


def drawn(summary: Summary, apply: Apply) -> dict[str, str]:
    """Return the figures: name of the file -> SVG.

    Args:
        apply: draws them, in processes.
    """
    calls = _figures(summary)
    images = apply(_draw, calls.values(), len(calls) // PER_PROCESS, "drawing")
    return dict(zip(calls, images, strict=True))


def _draw(figure: Callable[[], Figure]) -> str:
    return svg(figure())


def _figures(summary: Summary) -> dict[str, Callable[[], Figure]]:
    """Name of the file -> a call that makes the figure, and can be sent to another process."""
    found: dict[str, Callable[[], Figure]] = {}
    for answer in summary.answers:
        found[name_of(answer, "forest")] = partial(figures.forest, answer)
        if answer.scores.ranks:
            found[name_of(answer, "ranks")] = partial(
                figures.critical_difference, answer.scores, answer.scores.ranks
            )
    gaps = summary.own_threshold()
    if gaps:
        found["suite-profiles.svg"] = partial(figures.profiles, gaps)
    if summary.when:
        found["suite-when.svg"] = partial(suite_when.figure, summary.when)
    for model in summary.models:
        own = summary.of(model)[0]
        found[name_of(own, "heat")] = partial(figures.heat_map, own, summary.order)
    return found


def name_of(answer: Answer, kind: str) -> str:
    """Return the name of a figure's file."""
    question = answer.question.metric.removeprefix("test/")
    return "-".join(filter(None, ["suite", answer.model, question, kind])) + ".svg"


def csv(summary: Summary) -> str:
    """Return one row per data set, model, question and strategy, with the properties."""
    names = list(next(iter(summary.properties.values()), {}))
    lines = [
        ",".join(
            ["data_set", "model", "metric", "strategy", "difference", "error", "degrees", *names]
        )
    ]
    for answer in summary.answers:
        for one in answer.versus:
            for name, difference in zip(one.sets, one.differences, strict=True):
                values = [difference.mean, difference.error, difference.degrees]
                values += [summary.properties[name][key] for key in names]
                numbers = ",".join("" if np.isnan(value) else f"{value:.6g}" for value in values)
                quoted = f'"{name}",{answer.model},{answer.question.metric},"{one.label}"'
                lines.append(f"{quoted},{numbers}")
    return "\n".join(lines) + "\n"


def anchor(name: str) -> str:
    """Return the anchor that a heading gets on a page of Markdown."""
    kept = "".join(c for c in name.lower() if c.isalnum() or c in " -_")
    return kept.replace(" ", "-")
