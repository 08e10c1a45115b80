"""Leaderboards in Markdown."""

from __future__ import annotations

import math
from collections.abc import Sequence

from benchmark.leaderboard import COLUMNS, Table
from benchmark.report.notes import source_in_words


def leaderboards(tables: Sequence[Table]) -> str:
    """A document with one section a table."""
    return "# Leaderboard\n\n" + "\n\n".join(map(section, tables)) + "\n"


def section(table: Table) -> str:
    """One leaderboard: conditions, cells accounted for, numbers, and the command."""
    facts = table.facts
    source = escape(source_in_words(facts["source"], facts["origin"]))
    lines = [
        f"## {title(table)}",
        "",
        f"- data: {source}, content `{facts['content']}`; positive class: {facts['classes'][1]}",
        f"- settings: `{facts['settings']}`",
        f"- budget: {facts['steps']:,} optimizer steps of {facts['batch']} rows a strategy",
        f"- device: {escape('; '.join(table.devices) or 'unknown')}",
        f"- versions: {escape('; '.join(table.versions) or 'unknown')}",
        f"- cells: {account(table)}",
        "- mean ± standard deviation over seeds, on test, at the checkpoint that validation chose; "
        "F1, precision, recall, balanced accuracy and MCC as the strategy decides; strategies "
        "with the same training time share one training",
    ]
    if table.older:
        lines.append(f"- {table.older} runs that older code made are left out")
    lines += ["", *_table(table), "", *_troubles(table)]
    return "\n".join([*lines, "Reproduce with", "", "```", table.command, "```"])


def account(table: Table) -> str:
    """``planned 18 = finished 17 + failed 1 + missing 0``."""
    planned, finished, failed, missing = table.counts().values()
    return f"planned {planned} = finished {finished} + failed {failed} + missing {missing}"


def title(table: Table) -> str:
    """The task, and loudly if its data is not real."""
    task, source = table.facts["task"], table.facts["source"]
    return str(task) if source == "real" else f"{task}: SYNTHETIC STAND-IN DATA"


def number(mean: float, spread: float, metric: str) -> str:
    """``0.815 ± 0.012``; a dash where there is nothing, no spread for one seed."""
    if math.isnan(mean):
        return "-"
    places = 1 if metric.endswith("seconds") else 3
    text = f"{mean:.{places}f}"
    return text if math.isnan(spread) else f"{text} ± {spread:.{places}f}"


def escape(text: str) -> str:
    """Text that cannot break out of a table cell or become HTML."""
    for character, harmless in {"&": "&amp;", "<": "&lt;", "|": "\\|", "\n": " "}.items():
        text = text.replace(character, harmless)
    return text


def _table(table: Table) -> list[str]:
    summary = table.summary()
    lines = [
        "| strategy | " + " | ".join(COLUMNS.values()) + " | seeds | failed | missing |",
        "| --- |" + " ---: |" * (len(COLUMNS) + 3),
    ]
    for label, row in summary.iterrows():
        numbers = [number(row[name, "mean"], row[name, "std"], name) for name in COLUMNS]
        cells = [str(int(row["cells", state])) for state in ("finished", "failed", "missing")]
        lines.append("| " + " | ".join([escape(str(label)), *numbers, *cells]) + " |")
    return lines


def _troubles(table: Table) -> list[str]:
    """A list of the cells that ended badly, collapsed ones included."""
    bad = table.runs[(table.runs["state"] != "finished") | table.runs["collapsed"]]
    if bad.empty:
        return []
    lines = ["Cells to look at:", ""]
    for row in bad.to_dict("records"):
        what = "collapsed" if row["collapsed"] else row["state"]
        why = row["reason"] or "every test row was given the same class"
        lines.append(f"- {escape(row['label'])}, seed {row['seed']}: {what}, {escape(why)}")
    return [*lines, ""]
