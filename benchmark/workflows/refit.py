"""A model for export that is trained on all rows, its threshold chosen on out-of-fold predictions.

The runs were trained on a part of the rows. Trained on all of them, nothing is left to choose
calibration and threshold on: these come from the predictions of all seeds for their validation
rows, none of which was trained on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmark.protocol.arrays import Floats
from benchmark.protocol.task import Budget
from benchmark.training.decision import Decision
from benchmark.training.fit import fit_network
from benchmark.training.job import TrainingJob
from benchmark.training.predictions import Fit, Predictions


@dataclass(frozen=True)
class Refit:
    """A model trained on all rows, and how it decides."""

    trained: Any
    test: Floats  # its logits of the test rows, which it was trained on
    decision: Decision
    rows: int  # trained on, before resampling
    note: str


def refit(
    job: TrainingJob, decide: Callable[[Fit], Decision], fit: Fit, fits: Sequence[Fit]
) -> Refit:
    """Train once more, on training, validation and test rows together.

    Networks take the steps of the budget. Models that stop by themselves take the steps that they
    took before.

    Args:
        job: of the run that is exported.
        decide: fits the post-hoc part of the strategy on validation.
        fit: of that run.
        fits: of all seeds.
    """
    splits = job.splits
    rows = np.unique(np.concatenate([splits.train, splits.validation, splits.test]))
    steps = job.budget.steps if fit.curves else fit.best_step
    whole = replace(job, splits=replace(splits, train=rows), budget=Budget(steps, job.budget.batch))
    again, trained = fit_network(whole, lambda done: None)
    # logits shift with the class shares in training, which a refit leaves as they were
    decision = decide(replace(fit, validation=_pooled(fits)))
    alone = [decide(one) for one in fits]
    return Refit(trained, again.test.best, decision, len(rows), _note(decision, alone, len(rows)))


def _pooled(fits: Sequence[Fit]) -> Predictions:
    """Return the predictions of all seeds for their validation rows."""
    parts = [fit.validation for fit in fits]
    return Predictions(
        rows=np.concatenate([part.rows for part in parts]),
        labels=np.concatenate([part.labels for part in parts]),
        best=np.concatenate([part.best for part in parts]),
        last=np.concatenate([part.last for part in parts]),
        weights=np.concatenate([part.weights for part in parts]),
    )


def _note(decision: Decision, alone: Sequence[Decision], rows: int) -> str:
    text = (
        f"Refit on all {rows:,} rows: the measures above are those of the same training on a part "
        "of them, with this calibration and threshold, which were chosen on the out-of-fold "
        f"predictions of {len(alone)} seeds."
    )
    if not decision.is_threshold:
        return text
    thresholds = [one.threshold for one in alone]
    if {*thresholds} == {decision.threshold}:  # nothing was chosen
        return f"{text} The threshold is {decision.threshold:.3g}."
    return (
        f"{text} The threshold is {decision.threshold:.3g}; on the validation rows of one seed it "
        f"was {min(thresholds):.3g} to {max(thresholds):.3g}."
    )
