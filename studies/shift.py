"""Which decisions still hold when the prevalence changes after training?

Nothing is trained for other prevalences: the true and false positive rates of a decision do not
depend on the prevalence, so its F1 at another one follows from the tracked counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.metrics.classification import positive_probabilities
from benchmark.metrics.curves import f1_at
from benchmark.metrics.stats import Difference
from benchmark.protocol.errors import UserError
from benchmark.protocol.task import Data
from benchmark.results import comparison
from benchmark.results.predictions import read_predictions
from benchmark.results.study import Answer, Arm, Line, Measured, Study
from studies._statistics import format_mean, name_of

if TYPE_CHECKING:
    import pandas as pd

ODDS = (50.0, 20.0, 10.0, 5.0, 2.0, 1.0, 0.5, 0.2, 0.1, 0.05, 0.02)  # negatives per positive
LABELS = ("none", "threshold", "logit_shift", "oversample", "undersample")
RETUNED = "a threshold tuned for each prevalence"
THRESHOLDS = np.linspace(0.005, 0.995, 199)
CLOSE = 0.95  # of the F1 of `RETUNED`, from which on a decision holds


def arms(settings: Any, data: Data) -> list[Arm]:
    """Run the common decisions on the population."""
    return [Arm("population", ", ".join(LABELS))]


def answer(measured: list[Measured]) -> Answer:
    """Compare fixed decisions, at each prevalence, with a threshold that is tuned for it."""
    [result] = measured
    f1 = {
        label: [comparison.mean(_f1(result, label, odds), result.table) for odds in ODDS]
        for label in LABELS
    }
    f1[RETUNED] = _retuned(result)
    paragraph = (
        f"Within {1 - CLOSE:.0%} of the F1 of {RETUNED}: ".replace("%", " %")
        + "; ".join(f"{name_of(label)} {_range(f1[label], f1[RETUNED])}" for label in LABELS)
        + "."
    )
    names = (*LABELS, RETUNED)
    return Answer(
        paragraph,
        ("negatives : positives", *(f"F1 of {name_of(name)}" for name in names)),
        [
            [_format_odds(odds), *(format_mean(f1[name][place]) for name in names)]
            for place, odds in enumerate(ODDS)
        ],
        [Line(name_of(name), ODDS, f1[name]) for name in names],
        "negatives per positive in test",
        "F1 on test",
        {odds: _format_odds(odds) for odds in (50, 10, 2, 0.5, 0.1, 0.02)},
    )


def _range(fixed: list[Difference], retuned: list[Difference]) -> str:
    """Say at which odds a fixed decision comes close to one that is tuned for them."""
    close = [
        odds
        for odds, value, best in zip(ODDS, fixed, retuned, strict=True)
        if value.mean >= CLOSE * best.mean
    ]
    if not close:
        return "at none of them"
    return f"between {_format_odds(max(close))} and {_format_odds(min(close))}"


def _format_odds(odds: float) -> str:
    return f"{odds:g}:1" if odds >= 1 else f"1:{1 / odds:g}"


def _f1(measured: Measured, label: str, odds: float) -> pd.Series:
    """Return the F1 of a strategy's decisions at each seed, with `odds` negatives per positive."""
    tp, fp, fn, tn = (
        comparison.of(measured.table, label, f"test/{count}")
        for count in ("true_positives", "false_positives", "false_negatives", "true_negatives")
    )
    recall, false_positives = tp / (tp + fn), odds * fp / (fp + tn)
    return 2 * recall / (1 + recall + false_positives)


def _retuned(measured: Measured) -> list[Difference]:
    """Tune the baseline's threshold on validation rows weighted to each prevalence."""
    import pandas as pd

    fits = read_predictions(measured.store, measured.table).fits.get("none")
    if fits is None:
        raise UserError(f"{measured.store} has lost predictions of none: run it again")
    means = []
    for odds in ODDS:
        values = []
        for fit in fits:
            validation, test = (
                f1_at(
                    part.labels, positive_probabilities(part.best), part.weights, THRESHOLDS, odds
                )
                for part in (fit.validation, fit.test)
            )
            values.append(test[np.argmax(validation)])
        means.append(comparison.mean(pd.Series(values), measured.table))
    return means


STUDY = Study("Which decisions still hold when the prevalence changes?", arms, answer)
