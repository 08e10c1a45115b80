"""Costs of errors between two classes."""

from __future__ import annotations

from benchmark.metrics import cost_spec
from benchmark.metrics.costs import Costs


def errors(fp: float = 1, fn: float = 1) -> Costs:
    """Costs of a false positive and a false negative."""
    return cost_spec.read(f"fp={fp},fn={fn}").of(("negative", "positive"))
