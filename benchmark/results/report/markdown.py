"""Leaderboards in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from benchmark.protocol.text import SYNTHETIC_BANNER, escape_markdown, listed, ranges
from benchmark.results.analysis import Analysis
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.report import tables
from benchmark.results.report.tables import TextTable
from benchmark.results.sentence import Sentence
from benchmark.results.verdict import findings, headline
from benchmark.tracking.notes import classes_in_words, source_in_words


def leaderboards(analyses: Sequence[Analysis], further: Sequence[Sequence[TextTable]] = ()) -> str:
    """A document with one section per leaderboard, each with further tables if they are given."""
    of_each = further or [()] * len(analyses)
    sections = [section(*both) for both in zip(analyses, of_each, strict=True)]
    return "# Leaderboard\n\n" + "\n\n".join(sections) + "\n"


def section(analysis: Analysis, more: Sequence[TextTable] = ()) -> str:
    """One leaderboard: the verdict, its tables and more, the conditions, and the command."""
    table = analysis.table
    lines = [f"## {escape_markdown(title(table))}", ""]
    lines += sentences(headline(analysis))
    first, *others = tables.tables(analysis)
    lines += ["", *grid(first), "", *_troubles(table)]
    for other in (*others, *more):
        lines += [f"### {escape_markdown(other.title)}", "", *grid(other), ""]
    found = findings(analysis)
    if found:
        lines += ["### Findings", "", *sentences(found), ""]
    lines += ["### Conditions", ""]
    lines += [
        f"- {escape_markdown(name)}: {escape_markdown(value)}"
        for name, value in conditions(table).items()
    ]
    return "\n".join([*lines, "", "Reproduce with", "", "```", _fenced(table.command), "```"])


def conditions(table: Leaderboard) -> dict[str, str]:
    """What all strategies had in common: name -> value."""
    facts = table.facts
    name, _, value = classes_in_words(facts["classes"], table.class_count).partition(": ")
    known = {
        "data": f"{source_in_words(facts['source'], facts['origin'])}, content {facts['content']}",
        name: value,
        "settings": facts["settings"],
        "budget": f"{facts['steps']:,} steps of {facts['batch'] or 'all'} rows per training",
        "device": "; ".join(table.devices) or "unknown",
        "versions": "; ".join(table.versions) or "unknown",
        "runs": account(table),
    }
    if table.mixed:
        known["mixed"] = mixed(table)
    if facts.get("notes"):
        known["notes on the data"] = "; ".join(facts["notes"])
    if table.older:
        known["older code"] = f"{table.older} runs made by it are left out"
    return known


def mixed(table: Leaderboard) -> str:
    """Name devices and versions that differ between runs, whose last digits may differ, too."""
    kinds = [f"{name} {listed(values)}" for name, values in table.mixed.items()]
    return f"{'; '.join(kinds)}. Runs of one seed may differ in more than their strategy"


def account(table: Leaderboard) -> str:
    """Format ``planned 18 = finished 17 + failed 1 + missing 0``."""
    planned, finished, failed, missing = table.counts().values()
    return f"planned {planned} = finished {finished} + failed {failed} + missing {missing}"


def title(table: Leaderboard) -> str:
    """The task, its file, settings other than its defaults, and a warning of synthetic data."""
    task, changed = str(table.facts["task"]), table.changed_settings
    file = PurePath(table.facts["origin"]).name if table.facts["source"] == "real" else task
    named = task if file in ("", task) else f"{task} ({file})"
    named = f"{named}, {' '.join(changed)}" if changed else named
    if table.portion == "confirmation":
        named += ", tested on rows that no search has seen"
    return named if table.facts["source"] == "real" else f"{named}: {SYNTHETIC_BANNER}"


def troubles(table: Leaderboard) -> list[str]:
    """One line per strategy and reason for which runs failed, are missing or collapsed."""
    bad = table.runs[(table.runs["state"] != "finished") | table.runs["collapsed"]]
    found: dict[tuple[str, str], list[int]] = {}
    for row in bad.to_dict("records"):
        what = "collapsed" if row["collapsed"] else row["state"]
        reason = row["reason"] or "the same class was predicted for every test row"
        found.setdefault((row["label"], f"{what}, {reason}"), []).append(int(row["seed"]))
    return [
        f"{label}, seed{'s' * (len(seeds) > 1)} {ranges(seeds)}: {reason}"
        for (label, reason), seeds in found.items()
    ]


def sentences(said: Sequence[Sentence]) -> list[str]:
    """A list of sentences, each with its figures below it."""
    lines = []
    for sentence in said:
        figures = f"<br><sub>{escape_markdown(sentence.figures)}</sub>" if sentence.figures else ""
        lines.append(f"- {escape_markdown(sentence.text)}{figures}")
    return lines


def grid(table: TextTable) -> list[str]:
    """Lines of a table and its caption."""
    lines = [
        f"| {' | '.join(table.headings)} |",
        "| --- |" + " ---: |" * (len(table.headings) - 1),
    ]
    for row in table.rows:
        lines.append(f"| {' | '.join(escape_markdown(cell.text) for cell in row)} |")
    return [*lines, "", f"<sub>{escape_markdown(table.caption)}</sub>"]


def _troubles(table: Leaderboard) -> list[str]:
    lines = [f"- {escape_markdown(line)}" for line in troubles(table)]
    return ["Runs to look at:", "", *lines, ""] if lines else []


def _fenced(text: str) -> str:
    return " ".join(text.replace("`", "'").split())
