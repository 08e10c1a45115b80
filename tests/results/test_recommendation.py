"""What is recommended follows from the leaderboard, for F1 and for costs."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.special import expit
from sklearn.metrics import precision_score, recall_score

from benchmark.cli.main import main
from benchmark.protocol import grammar
from benchmark.protocol.errors import UserError
from benchmark.results import objective, recommendation
from benchmark.results import predictions as predictions_
from benchmark.results.analysis import analyse
from benchmark.results.constrained import on_fresh_rows, why
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.predictions import with_predictions
from benchmark.results.query import LeaderboardQuery, find_leaderboard
from benchmark.results.row_errors import RowErrors
from benchmark.results.verdict import headline
from benchmark.training.decision import fit_decision
from benchmark.training.predictions import Predictions
from tests import toys
from tests.prices import errors

SEEDS = 6
ROWS = 4000
Tables = Callable[..., Leaderboard]


def predictions(rng: np.random.Generator, shift: float, skill: float) -> Predictions:
    """Rows that are positive with the probability that their logit says, but for the shift."""
    scores = -3 + skill * rng.normal(size=ROWS)
    labels = (rng.random(ROWS) < expit(scores)).astype(np.int64)
    logits = np.stack([np.zeros(ROWS), scores + shift], axis=1)
    return Predictions(np.arange(ROWS), labels, logits, logits, np.ones(ROWS))


@pytest.fixture
def table(table_of: Tables) -> Leaderboard:
    def around(f1: float, seed: int) -> dict[str, list[float]]:
        spread = 0.004 * np.random.default_rng(seed).normal(size=SEEDS)
        return {"f1": (f1 + spread).tolist(), "f1_tuned": (0.4 + spread).tolist()}

    measures = {"none": around(0.01, 0), "threshold": around(0.41, 1), "oversample": around(0.4, 2)}
    return table_of(measures, ["threshold"])


Kept = Callable[[Mapping[str, tuple[float, float]]], Leaderboard]


@pytest.fixture
def kept(table: Leaderboard, monkeypatch: pytest.MonkeyPatch) -> Kept:
    """Makes the table with predictions of that shift and skill for each training."""

    def keep(kinds: Mapping[str, tuple[float, float]]) -> Leaderboard:
        def read(uri: str, run: str, digest: str) -> Any:
            label, seed = run[:-1], int(run[-1])
            kind = kinds["none" if label == "threshold" else label]
            rng = np.random.default_rng(seed)
            return replace(
                toys.FIT, validation=predictions(rng, *kind), test=predictions(rng, *kind)
            )

        monkeypatch.setattr(predictions_, "read_fit", read)
        return with_predictions("", table)

    return keep


def test_for_f1_it_is_what_the_verdict_says(table: Leaderboard) -> None:
    advice = recommendation.recommend("", table, None)
    assert list(advice.sentences) == headline(analyse(table))
    assert advice.label == "threshold"
    assert advice.sentences[0].text.startswith("Use threshold: ")


def test_a_tuned_threshold_that_no_strategy_has_is_recommended_in_words(table_of: Tables) -> None:
    rng = np.random.default_rng(0)
    tuned = (0.5 + 0.01 * rng.normal(size=SEEDS)).tolist()
    plain = (0.1 + 0.01 * rng.normal(size=SEEDS)).tolist()
    table = table_of({"none": {"f1": plain, "f1_tuned": tuned}, "focal": {"f1": plain[::-1]}})
    advice = recommendation.recommend("", table, None)
    assert advice.label == "none"
    assert advice.sentences[0].text.startswith("Tune the threshold of the baseline")
    decided = advice.decision(grammar.read("none").strategy, toys.FIT)  # what is exported
    own = fit_decision(grammar.read("threshold").strategy, toys.FIT)
    assert decided.offsets.tolist() == own.offsets.tolist() != [0, 0]


def test_too_few_seeds_leave_one_with_the_simplest(table: Leaderboard) -> None:
    one_seed = replace(table, runs=table.runs[table.runs["seed"] == 0])
    advice = recommendation.recommend("", one_seed, None)
    assert advice.label == "none"
    assert advice.sentences[0].text.startswith("One seed cannot tell")


def test_costs_move_the_threshold_as_decision_theory_says(kept: Kept) -> None:
    table = kept({"none": (0, 1.5), "oversample": (2, 1.5)})
    advice = recommendation.recommend("", table, errors(1, 50))
    assert (advice.label, getattr(advice.candidate, "rule", "")) == (
        "none",
        "decision theory's threshold",
    )
    assert advice.candidate and np.allclose(advice.candidate.thresholds, 1 / 51)
    said = advice.sentences[0]
    assert "predict 'wren' from a probability of 1/51 = 0.0196" in said.text
    assert f"none costs {np.mean(advice.candidate.cost):,.1f} per 1,000 rows" in said.figures
    assert advice.expected
    for other in (advice.expected.baseline, *advice.expected.constants):
        assert advice.candidate.mean < other.mean
    # what comes to the same is one way, named by its simplest strategy
    assert {candidate.label for candidate in advice.expected.candidates} == {"none", "oversample"}
    # 10:1 oversampled, its probabilities are off, but a tuned threshold makes up for it
    theory, tuned = (c for c in advice.expected.candidates if c.label == "oversample")
    assert theory.mean > tuned.mean


def test_a_threshold_is_tuned_where_the_probabilities_are_off(kept: Kept) -> None:
    table = kept({"none": (4, 1.5), "oversample": (4, 1.5)})
    advice = recommendation.recommend("", table, errors(1, 5))
    assert (advice.label, getattr(advice.candidate, "rule", "")) == (
        "none",
        "the threshold tuned on validation",
    )
    assert advice.sentences[1].text == "It is cheaper than the baseline at its own threshold."


def test_a_less_simple_strategy_is_chosen_only_if_it_saves_enough(kept: Kept) -> None:
    better = kept({"none": (0, 0.3), "oversample": (0, 3)})
    assert recommendation.recommend("", better, errors(1, 8)).label == "oversample"
    as_good = kept({"none": (0, 1.5), "oversample": (0, 1.52)})
    assert recommendation.recommend("", as_good, errors(1, 8)).label == "none"


def test_a_constant_takes_part_and_wins_where_no_model_pays(kept: Kept) -> None:
    table = kept({"none": (-9, 0), "oversample": (-9, 0)})
    advice = recommendation.recommend("", table, errors(1, 1000))
    assert advice.label == "" and advice.candidate is None
    [only] = advice.sentences
    assert only.text == (
        "Predict 'wren' for every row: no strategy is expected to save more than 1 % of that."
    )
    assert re.fullmatch(r"wren costs [\d,.]+ per 1,000 rows; none [\d,.]+", only.figures)


@pytest.mark.parametrize("fn", [0.2, 1, 5, 25, 400])
@pytest.mark.parametrize("skill", [0.0, 0.4, 1.5])
def test_advice_for_costs_never_contradicts_its_table(kept: Kept, skill: float, fn: float) -> None:
    table = kept({"none": (1, skill), "oversample": (2, skill + 0.1)})
    advice = recommendation.recommend("", table, errors(1, fn))
    assert advice.expected
    constant, cheapest = advice.expected.cheaper_constant, advice.expected.cheapest
    said = " ".join(sentence.text for sentence in advice.sentences)
    if advice.candidate is None:
        assert cheapest.mean > 0.97 * constant.mean and "Use" not in said
        return
    assert advice.candidate.mean < constant.mean
    assert f"It is cheaper than predicting {constant.label!r} for every row" in said
    assert ("It is simpler than" in said) is (advice.candidate is not cheapest)
    assert advice.candidate.mean - cheapest.mean < 0.03 * constant.mean


def test_the_interval_of_a_cost_counts_the_rows(kept: Kept) -> None:
    """Six seeds tested on the same rows: their spread says nothing of other rows."""
    table = kept({"none": (0, 1.5), "oversample": (2, 1.5)})
    same = {
        label: [replace(one, fit=seeds[0].fit) for one in seeds]
        for label, seeds in table.row_errors.predicted.items()
    }
    fixed = recommendation.recommend("", replace(table, row_errors=RowErrors(same)), errors(1, 50))
    assert fixed.expected and fixed.candidate
    found = fixed.expected.mean(fixed.candidate)
    per_row = errors(1, 50).of_each(
        fixed.candidate.predicted[0].labels,
        fixed.candidate.predicted[0].decisions,
        fixed.candidate.predicted[0].rows,
    )
    assert found.deviation == 0
    assert found.error == pytest.approx(per_row.std() / ROWS**0.5, rel=0.2)


def test_lost_predictions_are_one_line(table: Leaderboard) -> None:
    with pytest.raises(UserError, match="has lost predictions of none, threshold, oversample"):
        recommendation.recommend("the store", table, errors())


def test_a_constraint_on_more_than_two_classes_is_refused(table: Leaderboard) -> None:
    three = replace(table, facts=table.facts | {"classes": ["robin", "wren", "tit"]})
    with pytest.raises(UserError, match="--objective needs two classes"):
        recommendation.recommend("", three, None, objective.read("recall(precision=0.5)"))


def test_another_strategy_by_hand(kept: Kept) -> None:
    table = kept({"none": (0, 1.5), "oversample": (2, 1.5)})
    by_f1 = recommendation.recommend("", table, None)
    assert recommendation.with_strategy(by_f1, "oversample").label == "oversample"
    with pytest.raises(UserError, match="did you mean 'oversample'"):
        recommendation.with_strategy(by_f1, "oversampel")
    by_costs = recommendation.recommend("", table, errors(1, 50))
    assert (
        getattr(recommendation.with_strategy(by_costs, "oversample").candidate, "rule", "")
        == "the threshold tuned on validation"
    )
    with pytest.raises(UserError, match="threshold predicts as a simpler strategy does"):
        recommendation.with_strategy(by_costs, "threshold")


def test_one_leaderboard_is_meant(measured: str) -> None:
    assert find_leaderboard(measured, LeaderboardQuery()).facts["task"] == "insurance"
    assert find_leaderboard(measured, LeaderboardQuery(task="insurance", data="", steps=100))
    for wrong in (LeaderboardQuery(steps=7), LeaderboardQuery(data="/else/where")):
        with pytest.raises(UserError, match=r"no leaderboard fits; choose one of\n  insurance"):
            find_leaderboard(measured, wrong)


def test_the_command_names_the_strategy_of_the_leaderboard(measured: str) -> None:
    shown = CliRunner().invoke(main, ["recommend", "--tracking", measured])
    assert shown.exit_code == 0, shown.output
    first = headline(analyse(find_leaderboard(measured, LeaderboardQuery())))[0]
    assert first.text in " ".join(shown.output.split())
    priced = CliRunner().invoke(
        main, ["recommend", "insurance", "--cost", "fn=50", "--tracking", measured]
    )
    assert priced.exit_code == 0, priced.output
    rules = "decision theory's threshold|the threshold tuned on validation"
    said = " ".join(priced.output.split())
    assert re.search(rf"predict 'interested' from a probability of [^:]+: ({rules}) for fp=1", said)
    assert "--cost fp=1,fn=50" in priced.output


@pytest.mark.parametrize(
    ("table_has", "asked", "fits"),
    [
        ("all", "all", True),
        ("confirmation", "confirmation", True),
        ("confirmation", "all", False),
        ("all", "confirmation", False),
    ],
)
def test_a_confirmation_is_taken_only_if_it_is_asked_for(
    table_has: str, asked: str, fits: bool, table: Leaderboard
) -> None:
    query = LeaderboardQuery(portion=asked)
    assert query.fits(replace(table, facts=table.facts | {"portion": table_has})) == fits


def test_a_table_of_an_older_store_is_of_all_rows(table: Leaderboard) -> None:
    assert "portion" not in table.facts
    assert LeaderboardQuery().fits(table)
    assert not LeaderboardQuery(portion="confirmation").fits(table)


def test_under_a_constraint_it_is_the_strategy_that_attains_most(kept: Kept) -> None:
    table = kept({"none": (0, 0.8), "oversample": (2, 2.5)})
    goal = objective.read("recall(precision=0.3)")
    advice = recommendation.recommend("", table, None, goal)
    found = advice.constrained
    assert found and advice.label == "oversample" and advice.objective == "recall(precision=0.3)"
    none, oversample = found.strategies  # `threshold` decides as `none` does, with this rule
    assert (none.label, oversample.label) == ("none", "oversample")
    for one in (none, oversample):
        for value, share, predicted in zip(one.values, one.kept, one.predicted, strict=True):
            assert value == pytest.approx(recall_score(predicted.labels, predicted.decisions))
            assert share == pytest.approx(precision_score(predicted.labels, predicted.decisions))
    kept_by = found.kept(oversample)
    assert kept_by.low < 0.3 < kept_by.high and kept_by.high - kept_by.low < 0.1
    assert "recall at a precision of 0.3 is" in advice.sentences[0].text
    unsure = replace(oversample, kept=(0.01, 0.99), predicted=oversample.predicted[:2])
    assert "precision on test 0.500 [0.000, 1.000]" in next(why(found, unsure, "yes")).figures
    decided = advice.decision(grammar.read("oversample").strategy, toys.FIT)
    assert goal.rule
    assert decided.offsets.tolist() == goal.rule.offsets(toys.LOGITS, toys.LABELS).tolist()
    by_hand = recommendation.with_strategy(advice, "none")
    assert by_hand.label == "none" and by_hand.threshold == advice.threshold
    with pytest.raises(UserError, match="threshold decides as a simpler strategy does"):
        recommendation.with_strategy(advice, "threshold")


def test_a_capacity_is_kept_on_test(kept: Kept) -> None:
    table = kept({"none": (0, 1.5), "oversample": (2, 1.5)})
    advice = recommendation.recommend("", table, None, objective.read("capacity(share=0.05)"))
    assert advice.label == "none" and advice.constrained
    own = advice.constrained.strategies[0]
    assert np.mean(own.kept) == pytest.approx(0.05, abs=0.006)
    with pytest.raises(UserError, match="a recommendation takes"):
        recommendation.recommend("", table, None, objective.read("f1"))


@pytest.mark.parametrize("name", ["precision", "fpr"])
def test_the_interval_for_fresh_rows_holds_in_95_of_100_models(name: str) -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        labels = (rng.random(600) < 0.3).astype(int)
        decisions = (rng.random(600) < np.where(labels == 1, 0.7, 0.1)).astype(int)
        share, low, high = on_fresh_rows(name, labels, decisions, np.ones(600))
        true = 0.21 / 0.28 if name == "precision" else 0.1
        held += low <= true <= high
        assert low < share < high
    assert 0.92 < held / 400 < 0.98
