"""Expected costs as a table."""

from __future__ import annotations

import numpy as np

from benchmark.metrics.costs import PER, rule_in_words
from benchmark.protocol.text import interval
from benchmark.results.expected_cost import Candidate, ExpectedCosts
from benchmark.results.report.tables import TextCell, TextTable


def table(found: ExpectedCosts) -> TextTable:
    """Every strategy with every rule, the cheapest first, and what every constant class costs."""
    ordered = sorted((*found.candidates, found.baseline), key=lambda candidate: candidate.mean)
    constants = sorted(found.constants, key=lambda constant: constant.mean)
    return TextTable(
        f"Expected cost per {PER:,} rows",
        f"On test, for {found.prices}; means over seeds with 95 % confidence intervals. "
        "Differences to the baseline at its own threshold are paired by seed.",
        ("strategy", "decided by", "threshold", "cost", "Δ vs baseline"),
        [_row(found, candidate) for candidate in ordered]
        + [_row(found, constant, f"every row {constant.label!r}") for constant in constants],
        words=("decided by",),
    )


def _row(found: ExpectedCosts, candidate: Candidate, name: str = "") -> list[TextCell]:
    threshold = float(np.mean(candidate.thresholds)) if candidate.thresholds else np.nan
    mean, difference = found.mean(candidate), ""
    if candidate is not found.baseline:
        difference = interval(found.difference(candidate, found.baseline), 1)
    rule = "" if name else rule_in_words(found.prices, candidate.rule)
    return [
        TextCell(name or candidate.label),
        TextCell(rule),
        TextCell("" if name or np.isnan(threshold) else f"{threshold:.3g}", threshold),
        TextCell(interval(mean, 1, sign=""), mean.mean),
        TextCell(difference),
    ]
