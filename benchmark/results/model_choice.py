"""Which of several models of one data set to use, each with what is recommended for it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from benchmark.metrics.costs import PER
from benchmark.protocol.text import interval, seeds
from benchmark.results import comparison
from benchmark.results.models import model_of
from benchmark.results.recommendation import Recommendation
from benchmark.results.sentence import Sentence


def best_of_models(advices: Sequence[Recommendation]) -> Recommendation:
    """Return the recommendation of the model that does best with it, and first say so.

    By mean F1 on test, by what the constraint maximises, or by the expected cost. A model without
    a recommendation comes last.
    """
    if len(advices) == 1:
        return advices[0]
    best, *others = sorted(advices, key=_value, reverse=True)
    if math.isinf(_value(best)):
        return best
    figures = "; ".join(_against(best, other) for other in others)
    count = seeds(best.analysis.seeds)
    sentence = Sentence(
        f"Of {len(advices)} models, {_named(best)} has the {_goal(best)}: {_amount(best)}.",
        f"{figures}; means over {count}, on the same splits",
    )
    return replace(best, sentences=[sentence, *best.sentences])


def _value(advice: Recommendation) -> float:
    """What the recommended strategy attains on test, more is better; -inf without any."""
    if advice.expected:
        return -(advice.candidate or advice.expected.cheaper_constant).mean
    if not advice.label:
        return -math.inf
    if advice.constrained:
        own = (one for one in advice.constrained.strategies if one.label == advice.label)
        return next(own).mean
    return advice.analysis.mean(advice.label, _metric(advice))


def _metric(advice: Recommendation) -> str:
    """The F1 that is recommended: of the baseline, a threshold that is tuned at export."""
    return "test/f1" if advice.keeps_threshold else "test/f1_tuned"


def _named(advice: Recommendation) -> str:
    model = f"model={model_of(advice.table)}"
    if advice.label:
        return f"{model} with {advice.label}"
    return f"{model} with one class for every row" if advice.expected else model


def _goal(advice: Recommendation) -> str:
    if advice.expected:
        return f"lowest expected cost per {PER:,} rows"
    return (
        f"best {advice.constrained.goal.name if advice.constrained else advice.analysis.words.f1}"
    )


def _amount(advice: Recommendation) -> str:
    value = _value(advice)
    if math.isinf(value):
        return "no recommendation"
    return f"{-value:,.1f}" if advice.expected else f"{value:.3f}"


def _against(best: Recommendation, other: Recommendation) -> str:
    """Another model's figures; with its difference where both are measured by the same F1."""
    text = f"{_named(other)} {_amount(other)}"
    priced = best.expected or best.constrained
    if priced or not other.label or _metric(best) != _metric(other):
        return text
    own, than = (other.table, other.label), (best.table, best.label)
    return f"{text}, Δ {interval(comparison.between(own, than, _metric(best)))}"
