"""Which decisions survive when the prevalence moves after training?

Nothing is trained: a decision finds the same share of positives and of negatives whatever
their number, so that F1 at another prevalence follows from what was kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.metrics.curves import f1_at
from benchmark.metrics.stats import Difference
from benchmark.protocol.errors import UserError
from benchmark.protocol.task import Data
from benchmark.results import comparison
from benchmark.results.predictions import read_predictions
from benchmark.results.study import Answer, Arm, Line, Measured, Study
from studies._words import shown

if TYPE_CHECKING:
    import pandas as pd

ODDS = (50.0, 20.0, 10.0, 5.0, 2.0, 1.0, 0.5, 0.2, 0.1, 0.05, 0.02)  # negatives for a positive
LABELS = ("none", "threshold", "logit_shift", "oversample", "undersample")
RETUNED = "threshold tuned for it"
THRESHOLDS = np.linspace(0.005, 0.995, 199)


def arms(settings: Any, data: Data) -> list[Arm]:
    """The common decisions, as they were trained."""
    return [Arm("population", ", ".join(LABELS))]


def answer(measured: list[Measured]) -> Answer:
    """F1 of fixed decisions against the prevalence, and of a threshold that follows it."""
    [only] = measured
    found = {
        label: [comparison.mean(_f1(only, label, odds), only.table) for odds in ODDS]
        for label in LABELS
    }
    found[RETUNED] = _retuned(only)
    followed = [it.mean for it in found[RETUNED]]
    survives = []
    for label in LABELS:
        good = [
            odds
            for odds, it, best in zip(ODDS, found[label], followed, strict=True)
            if it.mean >= 0.95 * best
        ]
        where = f"between {_odds(max(good))} and {_odds(min(good))}" if good else "nowhere"
        survives.append(f"{label} {where}")
    paragraph = (
        "Within 5 % of the F1 of a threshold that is tuned for the prevalence it meets: "
        f"{'; '.join(survives)}."
    )
    names = (*LABELS, RETUNED)
    return Answer(
        paragraph,
        ("negatives : positives", *(f"F1 of {name}" for name in names)),
        [
            [_odds(odds), *(shown(found[name][place]) for name in names)]
            for place, odds in enumerate(ODDS)
        ],
        [Line(name, ODDS, found[name]) for name in names],
        "negatives for each positive in test",
        "F1 on test",
        {odds: _odds(odds) for odds in (50, 10, 2, 0.5, 0.1, 0.02)},
    )


def _odds(odds: float) -> str:
    return f"{odds:g}:1" if odds >= 1 else f"1:{1 / odds:g}"


def _f1(measured: Measured, label: str, odds: float) -> pd.Series:
    """F1 of a strategy's decisions at each seed, with that many negatives for each positive."""
    tp, fp, fn, tn = (
        comparison.of(measured.table, label, f"test/{sign}_{what}s")
        for sign, what in (
            ("true", "positive"),
            ("false", "positive"),
            ("false", "negative"),
            ("true", "negative"),
        )
    )
    found, false = tp / (tp + fn), odds * fp / (fp + tn)
    return 2 * found / (1 + found + false)


def _retuned(measured: Measured) -> list[Difference]:
    """Plain training, the threshold tuned on validation rows weighted to each prevalence."""
    import pandas as pd

    from benchmark.metrics.classification import positive_probabilities

    fits = read_predictions(measured.store, measured.table).fits.get("none")
    if fits is None:
        raise UserError(f"{measured.store} has lost predictions of none: run it again")
    of_odds = []
    for odds in ODDS:
        seeds = []
        for fit in fits:
            validation, test = (
                f1_at(part.labels, positive_probabilities(part.best), THRESHOLDS, odds)
                for part in (fit.validation, fit.test)
            )
            seeds.append(test[np.argmax(validation)])
        of_odds.append(comparison.mean(pd.Series(seeds), measured.table))
    return of_odds


STUDY = Study("Which decisions survive when the prevalence moves?", arms, answer)
