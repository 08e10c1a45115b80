"""Strategies against the baseline over many data sets, model by model; no formatting."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.metrics import hierarchical, ranks, stats
from benchmark.metrics.aggregate import Aggregate, interquartile_mean
from benchmark.metrics.hierarchical import Estimates
from benchmark.metrics.ranks import Ranks
from benchmark.metrics.stats import Difference
from benchmark.protocol.arrays import Floats
from benchmark.results import comparison
from benchmark.results.suite.members import Result
from benchmark.results.suite.questions import Question

ROPE = 0.01  # differences below it are practically none, of every measure
FEWEST_SETS = 3  # with both, for a strategy to be compared


@dataclass(frozen=True)
class Versus:
    """A strategy against the baseline over data sets.

    Attributes:
        label: the strategy.
        sets: names of the data sets on which both are complete.
        differences: of each, more is better.
        better, equal, worse: data sets whose own 95 % interval is above zero, within the rope,
            below zero.
        p: signed-rank test, adjusted by Holm over the strategies.
        chances: P(worse, practically equal, better) on a further data set.
        winners: the same as baycomp counts it: what most data sets are.
        centre: of the true differences, with its 95 % interval.
    """

    label: str
    sets: tuple[str, ...]
    differences: tuple[Difference, ...]
    better: int
    equal: int
    worse: int
    p: float
    chances: tuple[float, float, float]
    winners: tuple[float, float, float]
    centre: Aggregate
    shrunk: tuple[float, ...]

    @property
    def unclear(self) -> int:
        """Data sets whose own interval leaves it open."""
        return len(self.sets) - self.better - self.equal - self.worse


@dataclass(frozen=True)
class Scores:
    """Mean scores of strategies on the data sets on which all are complete.

    Attributes:
        labels, sets: strategies and data sets.
        means: (data sets, strategies); more is better.
        ranks: None for fewer than two data sets or strategies.
        iqm: interquartile mean of each strategy over data sets and seeds.
    """

    labels: tuple[str, ...]
    sets: tuple[str, ...]
    means: Floats
    ranks: Ranks | None
    iqm: tuple[Aggregate, ...]


@dataclass(frozen=True)
class Answer:
    """What a question says of one model."""

    model: str
    question: Question
    versus: tuple[Versus, ...]
    scores: Scores


def answer(results: Sequence[Result], question: Question, seed: int = 0) -> Answer:
    """Compare the strategies of one model by one measure.

    Args:
        results: of one model, each with a baseline.
    """
    measured = {one.name: differences(one, question) for one in results}
    labels = dict.fromkeys(label for found in measured.values() for label in found)
    known = {
        label: {name: found[label] for name, found in measured.items() if label in found}
        for label in labels
    }
    known = {label: own for label, own in known.items() if len(own) >= FEWEST_SETS}
    p = stats.holm(
        np.array(
            [ranks.signed_rank(np.array([d.mean for d in o.values()])) for o in known.values()]
        )
    )
    versus = [
        _versus(label, own, float(adjusted), np.random.default_rng([seed, number]))
        for number, ((label, own), adjusted) in enumerate(zip(known.items(), p, strict=True))
    ]
    model = results[0].model if results else ""
    return Answer(model, question, tuple(versus), scores(results, question, seed))


def differences(one: Result, question: Question) -> dict[str, Difference]:
    """Label -> difference to the baseline on a data set, turned so that more is better."""
    labels = _asked(one, question)
    found = comparison.against(one.table, one.baseline, question.metric, labels)
    return {label: turned(own, question.sign) for label, own in found.items()}


def _asked(one: Result, question: Question) -> list[str]:
    """Labels of the complete strategies that the question is about."""
    if question.trainings:
        return [*comparison.trainings(one.table).values()]
    return comparison.complete(one.table)


def turned(one: Difference, sign: int) -> Difference:
    """Return the difference times the sign."""
    return Difference(sign * one.mean, one.error, one.degrees, one.deviation, one.seeds)


def estimates(found: Iterable[Difference]) -> Estimates:
    """Return differences as the hierarchical model takes them.

    A data set without an error, of one seed or with the same difference at all seeds, is given
    the median error of the others on one degree of freedom: a few ties that were taken as exact
    would draw the typical data set to 0 and its spread with it.
    """
    own = list(found)
    errors = np.array([one.error for one in own], np.float64)
    degrees = np.array([one.degrees for one in own], np.float64)
    known = errors > hierarchical.LEAST_ERROR  # neither nan nor 0
    median = float(np.median(errors[known])) if known.any() else ROPE
    return Estimates(
        np.array([one.mean for one in own]),
        np.where(known, errors, max(median, ROPE / 2)),
        np.where(known & (degrees > 0), degrees, 1.0),
    )


def _versus(label: str, own: dict[str, Difference], p: float, rng: np.random.Generator) -> Versus:
    field = hierarchical.field(estimates(own.values()), ROPE, rng)
    low, high = np.quantile(field.centre, [stats.LEVEL / 2, 1 - stats.LEVEL / 2])
    return Versus(
        label=label,
        sets=tuple(own),
        differences=tuple(own.values()),
        better=sum(one.low > 0 for one in own.values()),
        equal=sum(
            one.low >= -ROPE and one.high <= ROPE for one in own.values() if not _signed(one)
        ),
        worse=sum(one.high < 0 for one in own.values()),
        p=p,
        chances=field.next_one(),
        winners=field.wins(),
        centre=Aggregate(float(field.centre.mean()), float(low), float(high)),
        shrunk=tuple(field.effects.mean(axis=0).tolist()),
    )


def _signed(one: Difference) -> bool:
    return one.low > 0 or one.high < 0


def scores(results: Sequence[Result], question: Question, seed: int = 0) -> Scores:
    """Return the scores of the strategies that are complete on most data sets, where all are."""
    tables = {one.name: comparison.values(one.table, question.metric) for one in results}
    complete = {one.name: set(_asked(one, question)) for one in results}
    counts: dict[str, int] = {}
    for own in complete.values():
        for label in own:
            counts[label] = counts.get(label, 0) + 1
    order = list(dict.fromkeys(label for one in results for label in one.table.runs["label"]))
    labels = [label for label in order if 2 * counts.get(label, 0) > len(results)]
    sets = [name for name, own in complete.items() if own >= {*labels}]
    if not (labels and sets):
        return Scores(tuple(labels), tuple(sets), np.empty((len(sets), len(labels))), None, ())
    seeds = min(tables[name].shape[1] for name in sets)
    every = question.sign * np.array(
        [tables[name].loc[labels].to_numpy(np.float64)[:, :seeds] for name in sets]
    )  # (data sets, strategies, seeds)
    means = every.mean(axis=2)
    enough = min(means.shape) >= 2
    return Scores(
        labels=tuple(labels),
        sets=tuple(sets),
        means=means,
        ranks=ranks.ranks(means) if enough else None,
        iqm=tuple(
            interquartile_mean(every[:, number], np.random.default_rng(seed))
            for number in range(len(labels))
        ),
    )
