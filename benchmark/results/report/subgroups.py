"""Measures in subgroups as a table."""

from __future__ import annotations

import math

import numpy as np

from benchmark.metrics.stats import Difference
from benchmark.protocol.text import percent
from benchmark.results.report.tables import TextCell, TextTable
from benchmark.results.subgroups import MEASURES, OWN_THRESHOLD, Group, Subgroups

CAPTION = (
    "Test rows, means over seeds with 95 % confidence intervals of each number alone: among many "
    "groups some differ by chance. Δrecall: to all other rows. Predicted - observed: mean "
    "probability less the frequency of positives; below 0 risks are underestimated. ΔF1: what a "
    "threshold tuned on validation rows of the group alone gains over one tuned on all of them."
)
SIGNED = ("Δrecall vs others", "predicted - observed", OWN_THRESHOLD)


def table(found: Subgroups) -> TextTable:
    """One row per subgroup, the largest first."""
    headings = ("group", "rows", "positive", "predicted positive", *MEASURES, OWN_THRESHOLD)
    title = f"{found.label} by {found.column}"
    return TextTable(title, CAPTION, headings, [_row(group) for group in found.groups])


def _row(group: Group) -> list[TextCell]:
    shares = [TextCell("-" if math.isnan(it) else percent(it, 1), it) for it in group.shares]
    cells = [_cell(name, group.measures.get(name)) for name in (*MEASURES, OWN_THRESHOLD)]
    return [TextCell(group.name), TextCell(f"{group.rows:,}", group.rows), *shares, *cells]


def _cell(name: str, value: Difference | None) -> TextCell:
    if value is None:
        return TextCell("-")
    signed = name in SIGNED
    least = -1.0 if signed else 0.0  # all are shares, or differences of shares
    low, high = (float(np.clip(end, least, 1)) for end in (value.low, value.high))
    ends = "" if math.isnan(low) else f" [{low:.2f}, {high:.2f}]"
    return TextCell(f"{value.mean:{'+' if signed else ''}.2f}{ends}", value.mean)
