"""Which decisions still hold when the prevalence changes after training?

Nothing is trained for other prevalences: the true and false positive rates of a decision do not
depend on the prevalence, so its F1 at another one follows from the same predictions, weighted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from benchmark.metrics import influence, stats
from benchmark.metrics.classification import decision_metrics, positive_probabilities
from benchmark.metrics.curves import f1_at
from benchmark.metrics.stats import Difference
from benchmark.protocol.arrays import Floats
from benchmark.protocol.errors import UserError
from benchmark.protocol.task import Data
from benchmark.results.predicted import Predicted
from benchmark.results.row_errors import covariance_of
from benchmark.results.study import Answer, Arm, Line, Measured, Study
from studies._statistics import format_mean, name_of

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
    f1 = {label: [_f1(_predicted(result, label), odds) for odds in ODDS] for label in LABELS}
    plain = _predicted(result, "none")
    f1[RETUNED] = [_f1(_retuned(plain, odds), odds) for odds in ODDS]
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


def _predicted(measured: Measured, label: str) -> Sequence[Predicted]:
    predicted = measured.table.row_errors.predicted.get(label)
    if predicted is None:
        raise UserError(f"{measured.store} has lost predictions of {label}: run it again")
    return predicted


def _f1(seeds: Sequence[Predicted], odds: float) -> Difference:
    """Return the mean F1 of decisions on test, with `odds` negatives per positive."""

    def weights(one: Predicted) -> Floats:
        sums = np.bincount(one.labels, one.weights, minlength=2)
        return one.weights * np.array([odds / sums[0], 1 / sums[1]])[one.labels]

    values = [
        decision_metrics(one.labels, one.decisions, weights(one), one.classes)["f1"]
        for one in seeds
    ]
    rows = covariance_of(
        [seeds], lambda one: influence.f1(one.labels, one.decisions, one.classes, weights(one))
    )
    return stats.difference(np.array(values), float(rows[0, 0]), stats.AT_OWN_THRESHOLDS)


def _retuned(seeds: Sequence[Predicted], odds: float) -> Sequence[Predicted]:
    """Tune the threshold on validation rows weighted to the prevalence."""
    retuned = []
    for one in seeds:
        part = one.fit.validation
        f1 = f1_at(part.labels, positive_probabilities(part.best), part.weights, THRESHOLDS, odds)
        best = THRESHOLDS[np.argmax(f1)]
        threshold = np.log(best / (1 - best))
        decision = replace(one.decision, offsets=np.array([0.0, -threshold]))
        retuned.append(replace(one, decision=decision))
    return retuned


STUDY = Study("Which decisions still hold when the prevalence changes?", arms, answer)
