"""Which strategy to use, for F1, under a constraint or for the costs of errors, and why.

For F1 it is the headline of the leaderboard's verdict. Under a constraint, or for costs, every
strategy is decided anew from its stored predictions, and chosen as the verdict chooses: the
simplest one with nearly the least regret.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmark.metrics.costs import PER, RULES, THEORY, Costs, rule_in_words
from benchmark.metrics.stats import LEVEL, holm
from benchmark.metrics.thresholds import best_offsets
from benchmark.protocol.arguments import suggest
from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.errors import UserError
from benchmark.protocol.strategy import Strategy, Threshold
from benchmark.protocol.text import interval, percent, seeds
from benchmark.results.advice import chosen
from benchmark.results.analysis import Analysis, analyse
from benchmark.results.constrained import Attained, Constrained, constrained, why
from benchmark.results.expected_cost import OWN_THRESHOLD, Candidate, ExpectedCosts, expected_costs
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.objective import Objective
from benchmark.results.outlook import NEGLIGIBLE, TUNED
from benchmark.results.sentence import Sentence
from benchmark.results.verdict import headline
from benchmark.training.decision import Decision, fit_decision, fit_priced
from benchmark.training.predictions import Fit

ONE_SEED = "One seed cannot tell luck from effect: run more, such as --seeds 5."


@dataclass(frozen=True)
class Recommendation:
    """The strategy to use, and what that follows from.

    Attributes:
        label: of the strategy; "" where none can be recommended.
        costs, expected, candidate: with costs of errors: these, the expected costs under them,
            and the chosen candidate.
        constrained: with a constraint: what strategies attain under it.
        threshold: how the decision threshold is chosen; None: for the costs, or as the strategy
            has it.
    """

    analysis: Analysis
    sentences: Sequence[Sentence]
    label: str
    costs: Costs | None = None
    expected: ExpectedCosts | None = None
    candidate: Candidate | None = None
    constrained: Constrained | None = None
    threshold: Threshold | None = None

    @property
    def table(self) -> Leaderboard:
        """The leaderboard that it is drawn from."""
        return self.analysis.table

    @property
    def objective(self) -> str:
        """What it is recommended for, as ``--objective`` takes it; "" for F1 or costs."""
        return self.constrained.goal.text if self.constrained else ""

    def decision(self, strategy: Strategy, fit: Fit) -> Decision:
        """Fit the post-hoc part of the strategy on validation, and decide as is recommended."""
        if self.costs and self.candidate:
            return fit_priced(strategy, fit, RULES[self.candidate.rule], self.costs)
        if self.threshold:
            strategy = replace(strategy, threshold=self.threshold)
        return fit_decision(strategy, fit)

    @property
    def keeps_threshold(self) -> bool:
        """Whether the strategy decides as it does in the leaderboard."""
        return self.threshold is None and self.candidate is None


def recommend(
    uri: str, table: Leaderboard, costs: Costs | None, goal: Objective | None = None
) -> Recommendation:
    """Recommend a strategy for F1, for costs, or for an objective with a constraint.

    Raises:
        UserError: for more than two classes with a constraint, or lost predictions.
    """
    analysis = analyse(table)
    if costs is None and goal is None:
        return _for_f1(analysis)
    if not table.binary and goal is not None:
        raise UserError("--objective needs two classes: with more, leave it out")
    if analysis.problem:
        return Recommendation(analysis, [Sentence(analysis.problem)], "", costs)
    if costs is not None:
        return _for_costs(uri, analysis, costs)
    assert goal
    return _under_constraint(uri, analysis, goal)


def _for_f1(analysis: Analysis) -> Recommendation:
    """Recommend what the verdict does; a threshold that no strategy has is tuned at export."""
    sentences = headline(analysis)
    label = next((sentence.use for sentence in sentences if sentence.use), "")
    if not label and analysis.race and chosen(analysis) == TUNED:
        return Recommendation(analysis, sentences, analysis.baseline, threshold=_tuned_for_f1)
    return Recommendation(analysis, sentences, label)


def _tuned_for_f1(logits: Floats, labels: Ints) -> Floats:
    return best_offsets(labels, logits, np.ones(len(labels)))


def _under_constraint(uri: str, analysis: Analysis, goal: Objective) -> Recommendation:
    """Recommend the strategy that attains most under the constraint, or a simpler one as good."""
    if goal.rule is None:
        raise UserError(
            f"--objective {goal.text}: a recommendation takes recall(precision=0.5), "
            "recall(fpr=0.1), precision(recall=0.5) or capacity(share=0.1)"
        )
    found = constrained(uri, analysis, goal)
    return _with_attained(Recommendation(analysis, [], "", constrained=found), found.choose())


def _with_attained(advice: Recommendation, one: Attained) -> Recommendation:
    """Recommend a strategy under the constraint of the advice."""
    found = advice.constrained
    assert found and found.goal.rule
    sentences = list(why(found, one, advice.table.facts["classes"][1]))
    if len(one.values) == 1:
        sentences.append(Sentence(ONE_SEED))
    return replace(advice, sentences=sentences, label=one.label, threshold=found.goal.rule.offsets)


def _for_costs(uri: str, analysis: Analysis, costs: Costs) -> Recommendation:
    """Recommend the candidate with the lowest expected cost, or a simpler one as good."""
    expected = expected_costs(uri, analysis, costs)
    constant = expected.cheaper_constant
    candidate = expected.choose([constant, *expected.candidates])
    if candidate is constant:
        cheapest = expected.cheapest
        sentence = Sentence(
            f"Predict {constant.label!r} for every row: no strategy is expected to save more than "
            f"{percent(NEGLIGIBLE)} of that.",
            f"{_cost(constant)}; {cheapest.label} {cheapest.mean:,.1f}",
        )
        return Recommendation(analysis, [sentence], "", costs, expected)
    sentences = list(_why(analysis, expected, candidate))
    return Recommendation(analysis, sentences, candidate.label, costs, expected, candidate)


def with_strategy(advice: Recommendation, label: str) -> Recommendation:
    """Replace the recommended strategy by another; with costs its threshold follows them.

    Raises:
        UserError: if it is not in the table, not complete, or with costs the same as another.
    """
    complete = advice.analysis.complete
    if label not in complete:
        raise UserError(f"no strategy {label!r} with all runs done: {suggest(label, complete)}")
    sentences = [Sentence("Chosen by hand.", use=label)]
    if advice.constrained:
        attained = [one for one in advice.constrained.strategies if one.label == label]
        if not attained:
            raise UserError(
                f"under this constraint, {label} decides as a simpler strategy does: name that"
            )
        return _with_attained(advice, attained[0])
    if advice.expected is None:
        return replace(advice, sentences=sentences, label=label, threshold=None)
    own = [candidate for candidate in advice.expected.candidates if candidate.label == label]
    if not own:
        raise UserError(
            f"with costs, {label} predicts as a simpler strategy does: see `recommend`, name that"
        )
    candidate = advice.expected.choose(own)
    return replace(advice, sentences=sentences, label=label, candidate=candidate)


def _why(analysis: Analysis, expected: ExpectedCosts, chosen: Candidate) -> Iterator[Sentence]:
    """Sentences on the choice and what it was compared with."""
    cheapest, costs = expected.cheapest, expected.prices
    yield Sentence(
        f"Use {chosen.label}, and {_decided(analysis, costs, chosen)} for {costs}.",
        f"{_cost(chosen)}, mean over {seeds(len(chosen.cost))}",
        chosen.label,
    )
    if chosen is not cheapest:
        yield Sentence(
            f"It is simpler than {cheapest.label} with {rule_in_words(costs, cheapest.rule)}, "
            "which is not expected to save noticeably more.",
            f"{chosen.mean:,.1f} and {cheapest.mean:,.1f}",
        )
    others = {
        f"the baseline at {OWN_THRESHOLD}": expected.baseline,
        f"predicting {expected.cheaper_constant.label!r} for every row": expected.cheaper_constant,
    }
    found = [expected.difference(chosen, other) for other in others.values()]
    adjusted = holm(np.array([difference.p for difference in found]))
    for (name, other), difference, p in zip(others.items(), found, adjusted, strict=True):
        word = "cheaper" if difference.mean < 0 else "dearer"
        yield Sentence(
            f"It is {word} than {name}{'' if p < LEVEL else ', but not significantly'}.",
            f"{other.mean:,.1f}: {interval(difference, 1)}",
        )
    if analysis.seeds == 1:
        yield Sentence(ONE_SEED)


def _decided(analysis: Analysis, costs: Costs, chosen: Candidate) -> str:
    """How rows are decided, in words."""
    rule = rule_in_words(costs, chosen.rule)
    if not costs.is_threshold:
        return f"decide each row by {rule}"
    positive, (fp, fn) = analysis.table.facts["classes"][1], costs.errors(np.zeros(1, np.int64))
    ratio = f"{fp[0]:g}/{fp[0] + fn[0]:g} = " if chosen.rule == THEORY else ""
    probability = f"{ratio}{np.mean(chosen.thresholds):.3g}"
    return f"predict {positive!r} from a probability of {probability}: {rule}"


def _cost(candidate: Candidate) -> str:
    return f"{candidate.label} costs {candidate.mean:,.1f} per {PER:,} rows"
