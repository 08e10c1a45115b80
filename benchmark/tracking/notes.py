"""What MLflow shows as the description of a run, in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from benchmark.protocol.grid import Cell, Training
from benchmark.protocol.text import SYNTHETIC_BANNER, escape_markdown
from benchmark.tracking import tags, views
from benchmark.tracking.store import Store


def cell_note(training: Training, cell: Cell, store: Store) -> str:
    """Describe the run of a cell: strategy, data, budget, what shares its training, whose it is."""
    conditions = training.conditions
    shared = [other.label for other in training.cells if other.identity != cell.identity]
    whose = f", part of [this benchmark]({run_page(store)})" if store.invocation else ""
    lines = [
        f"Strategy **{escape_markdown(cell.label)}** (in full {escape_markdown(cell.strategy)}) "
        f"on task **{conditions.task}**, seed {cell.seed}{whose}.",
        "",
        f"- data: {escape_markdown(source_in_words(conditions.source, conditions.origin))}, "
        f"content `{conditions.content}`",
        f"- {escape_markdown(classes_in_words(conditions.classes, len(conditions.classes)))}",
        f"- settings: {escape_markdown(conditions.settings_text)}",
        f"- budget: {conditions.budget}",
        "- `test/...` uses the checkpoint chosen on validation, `test_last_step/...` the last "
        "step; models other than networks have no checkpoints, steps or curves",
    ]
    if shared:
        lines.append(f"- shares its training with {escape_markdown(', '.join(shared))}")
    return "\n".join(lines)


def run_page(store: Store) -> str:
    """The address of the invocation's run inside MLflow's pages."""
    return f"#/experiments/{store.experiment}/runs/{store.invocation}"


def where_to_go(store: Store, conditions: str) -> str:
    """Say, on top of a note, where the runs, their charts and the report are.

    Args:
        conditions: identity of what the runs share.
    """
    page = f"#/experiments/{store.experiment}"
    own = quote(f"tags.`{tags.CONDITIONS}` = '{conditions}'", safe="")
    return (
        f"**[Table]({page}{views.TABLE}) and [charts]({page}{views.CHARTS}) of the strategies** | "
        f"[runs of this benchmark]({page}/runs?workflowType=machine_learning&searchFilter={own}) | "
        f"[report]({run_page(store)}/artifacts)\n\n"
    )


def classes_in_words(classes: Sequence[str], count: int) -> str:
    """Name the positive class of two; count the classes of more."""
    return f"positive class: {classes[1]}" if count == 2 else f"classes: {count:,}"


def source_in_words(source: str, origin: str) -> str:
    """Name where real data lies; mark synthetic data in capitals."""
    return f"real, {origin}" if source == "real" else f"{SYNTHETIC_BANNER} ({origin})"
