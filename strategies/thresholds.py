"""Decision thresholds that are tuned on validation; probabilities do not change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import numpy as np

from benchmark.metrics import constraints
from benchmark.metrics.thresholds import best_offsets
from benchmark.protocol.arguments import Range, Space
from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.errors import UserError
from benchmark.protocol.strategy import Strategy

Share = Annotated[float | None, Range(0, 1, open_low=True)]
Price = Annotated[float | None, Range(0, open_low=True)]
Objective = Literal["recall", "precision", "capacity", "cost"]


def threshold(
    beta: Annotated[float, Range(0, open_low=True), Space(0.25, 4, log=True)] = 1.0,
    objective: Objective | None = None,
    precision: Share = None,
    fpr: Share = None,
    recall: Share = None,
    share: Share = None,
    fp: Price = None,
    fn: Price = None,
    confidence: Annotated[float | None, Range(0.5, 0.999)] = None,
) -> Strategy:
    """Tune the decision threshold on validation, for F-beta or under a constraint.

    Without `objective`, for F-beta; with more than two classes, every class has its own offset and
    F-beta is macro-averaged. With two classes, `objective` is one of

    - recall: the highest with at least this `precision`, or at most this `fpr` (false positive
      rate);
    - precision: the highest with at least this `recall`;
    - capacity: at most this `share` of the rows is predicted positive, the likeliest ones;
    - cost: the lowest, where a false positive costs `fp` and a false negative `fn`.

    `confidence` in a constraint on precision, fpr or recall asks that its one-sided bound keeps it
    (Wilson 1927), not its value on validation: 0.9 for rows where it must hold. Where no threshold
    keeps the constraint, no row is predicted positive; with `recall`, all are.
    """
    given: dict[str, float | None] = {
        "precision": precision,
        "fpr": fpr,
        "recall": recall,
        "share": share,
        "fp": fp,
        "fn": fn,
        "confidence": confidence,
    }
    values = {name: value for name, value in given.items() if value is not None}
    if objective is None:
        if values:
            raise UserError(f"{next(iter(values))} needs an objective: {', '.join(OBJECTIVES)}")
        return Strategy(
            threshold=lambda logits, labels: best_offsets(
                labels, logits, np.ones(len(labels)), beta
            )
        )
    rule = _rule(objective, values)
    if beta != 1:
        raise UserError(f"beta belongs to F-beta: leave it out with objective={objective}")

    def offsets(logits: Floats, labels: Ints) -> Floats:
        found = constraints.cuts(labels, logits[:, 1] - logits[:, 0], np.ones(len(labels)))
        return np.array([0.0, -rule(found, **values)])

    return Strategy(threshold=offsets, needs=frozenset({"binary"}))


def _rule(objective: Objective, values: dict[str, float]) -> Callable[..., float]:
    """Return the rule of an objective for the arguments that are given with it."""
    allowed = OBJECTIVES[objective]
    for names, rule in allowed.items():
        if set(names) == set(values) - {"confidence"}:
            if "confidence" in values and objective in ("capacity", "cost"):
                raise UserError(f"objective={objective} takes no confidence")
            return rule
    wanted = " or ".join(" and ".join(names) for names in allowed)
    raise UserError(f"objective={objective} needs {wanted}, and nothing else")


# objective -> the arguments that it may be given with -> the rule
OBJECTIVES: dict[Objective, dict[tuple[str, ...], Callable[..., float]]] = {
    "recall": {
        ("precision",): constraints.at_precision,
        ("fpr",): constraints.at_false_positive_rate,
    },
    "precision": {("recall",): constraints.at_recall},
    "capacity": {("share",): constraints.at_share},
    "cost": {("fp", "fn"): constraints.at_least_cost},
}
