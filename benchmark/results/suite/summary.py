"""Everything that the page of a suite says, computed once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmark.metrics.stats import Difference
from benchmark.protocol.processes import Apply
from benchmark.protocol.threads import one_thread
from benchmark.results import comparison
from benchmark.results.suite.calibration import Calibration, calibrate
from benchmark.results.suite.field import FEWEST_SETS, Answer, Scores, answer
from benchmark.results.suite.halves import Confirmed, confirm
from benchmark.results.suite.measured import BEFORE, measured
from benchmark.results.suite.members import Result
from benchmark.results.suite.questions import QUESTIONS, Question
from benchmark.results.suite.when import DIFFICULTY, When, when

MOST_REASONS = 8
PER_PROCESS = 100  # strategies on data sets at least, for the start of a process to be worth it


@dataclass(frozen=True)
class Summary:
    """A suite in numbers.

    Attributes:
        models: in the order of their names.
        answers: of each model, in the order of the questions.
        properties: of each data set.
        counts: of runs: planned, finished, failed, missing.
        failures: reasons of failed runs and their numbers, the most frequent first.
        without_baseline: model -> data sets that are not compared: without a complete baseline,
            or too few.
        best: data set -> strategies with the highest mean F1, model by model.
        order: data sets by prevalence.
        when: model -> what the differences of F1 at own thresholds depend on.
        forecasts: model -> how well these are forecast for a data set that was not run.
    """

    models: tuple[str, ...]
    answers: tuple[Answer, ...]
    properties: Mapping[str, Mapping[str, float]]
    counts: Mapping[str, int]
    failures: tuple[tuple[str, int], ...]
    without_baseline: Mapping[str, tuple[str, ...]]
    best: Mapping[str, str]
    order: tuple[str, ...]
    confirmed: Confirmed
    strategies: int
    seeds: int
    when: Mapping[str, When]
    forecasts: Mapping[str, Calibration]

    @property
    def sets(self) -> int:
        """Number of data sets that are compared on."""
        return len(self.properties)

    def own_threshold(self) -> dict[str, Scores]:
        """Scores at own thresholds, model by model, where all are complete on some data set."""
        answers = [one for one in self.answers if one.question == QUESTIONS[0]]
        return {one.model: one.scores for one in answers if one.scores.sets}

    def of(self, model: str) -> list[Answer]:
        """The answers on one model."""
        return [one for one in self.answers if one.model == model]


def summarise(results: Sequence[Result], apply: Apply) -> Summary:
    """Compare the strategies on all data sets, model by model and question by question.

    Args:
        apply: compares them, in processes.
    """
    whole = Counter(one.model for one in results if one.baseline)
    models = tuple(model for model, sets in sorted(whole.items()) if sets >= FEWEST_SETS)
    compared = [one for one in results if one.baseline and one.model in models]
    asked = [
        ([one for one in compared if one.model == model], question)
        for model in models
        for question in QUESTIONS
    ]
    fits = sum(one.table.runs["label"].nunique() for one in compared)
    answers = tuple(apply(_answer, asked, fits // PER_PROCESS, "comparing strategies"))
    properties = {one.name: one.properties for one in compared}
    own = {one.model: one for one in answers if one.question == QUESTIONS[0] and one.versus}
    counts = Counter[str]()
    reasons = Counter[str]()
    for one in results:
        counts.update(one.table.counts())
        failed = one.table.runs[one.table.runs["state"] == "failed"]
        reasons.update(
            f"{label}: {reason}"
            for label, reason in zip(failed["label"], failed["reason"], strict=True)
        )
    return Summary(
        models=models,
        answers=answers,
        properties=properties,
        counts={name: counts[name] for name in ("planned", "finished", "failed", "missing")},
        failures=tuple(reasons.most_common(MOST_REASONS)),
        without_baseline=_left_out(results, compared),
        best=_best(compared),
        order=tuple(sorted(properties, key=lambda name: -properties[name]["prevalence"])),
        confirmed=confirm(answers, apply),
        when=_when(own, compared),
        forecasts=_forecasts(own, properties),
        strategies=max((one.table.runs["label"].nunique() for one in compared), default=0),
        seeds=max((int(one.table.runs["seed"].max()) + 1 for one in compared), default=0),
    )


def _answer(asked: tuple[Sequence[Result], Question]) -> Answer:
    with one_thread():
        return answer(*asked)


def _when(own: Mapping[str, Answer], results: Sequence[Result]) -> dict[str, When]:
    """Regress the differences of each model on the properties and the baseline's difficulty."""
    found = {}
    for model, one in own.items():
        properties = {
            result.name: {**result.properties, DIFFICULTY: _difficulty(result)}
            for result in results
            if result.model == model
        }
        known = measured(known_of(one), properties, (*BEFORE, DIFFICULTY))
        if known:
            found[model] = when(known)
    return found


def _forecasts(
    own: Mapping[str, Answer], properties: Mapping[str, Mapping[str, float]]
) -> dict[str, Calibration]:
    known = {model: measured(known_of(one), properties) for model, one in own.items()}
    return {model: calibrate(found) for model, found in known.items() if found}


def known_of(one: Answer) -> dict[str, dict[str, Difference]]:
    """Return the differences of an answer: strategy -> data set -> difference."""
    return {v.label: dict(zip(v.sets, v.differences, strict=True)) for v in one.versus}


def _difficulty(one: Result) -> float:
    """1 - mean ROC AUC of the baseline."""
    return 1 - float(comparison.of(one.table, one.baseline, "test/roc_auc").mean())


def _left_out(results: Sequence[Result], compared: Sequence[Result]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for one in results:
        if all(one is not other for other in compared):
            found[one.model] = (*found.get(one.model, ()), one.name)
    return found


def _best(results: Sequence[Result]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for one in results:
        means = comparison.values(one.table, "test/f1").loc[comparison.complete(one.table)]
        label = str(means.mean(axis=1).idxmax())
        found.setdefault(one.name, []).append(f"{one.model}: {label}" if one.model else label)
    return {name: "; ".join(labels) for name, labels in found.items()}
