"""What is recommended follows from the leaderboard, for F1 and for costs."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.special import expit

from benchmark.cli.main import main
from benchmark.metrics.costs import Costs
from benchmark.protocol.errors import UserError
from benchmark.results import expected_cost, recommendation
from benchmark.results.analysis import analyse
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.recommendation import LeaderboardQuery
from benchmark.results.verdict import verdict
from benchmark.training.predictions import Predictions
from tests import toys

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


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Callable[[Mapping[str, tuple[float, float]]], None]:
    """Lets the runs of a strategy have predictions with that shift and skill."""

    def keep(kinds: Mapping[str, tuple[float, float]]) -> None:
        def read(uri: str, run: str, digest: str) -> Any:
            label, seed = run[:-1], int(run[-1])
            kind = kinds["none" if label == "threshold" else label]
            rng = np.random.default_rng(seed)
            return replace(
                toys.FIT, validation=predictions(rng, *kind), test=predictions(rng, *kind)
            )

        monkeypatch.setattr(expected_cost, "read_fit", read)

    return keep


def test_for_f1_it_is_what_the_verdict_says(table: Leaderboard) -> None:
    advice = recommendation.recommend("", table, None)
    assert list(advice.sentences) == verdict(analyse(table))
    assert advice.label == "threshold"
    assert advice.sentences[0].text.startswith("Use threshold: ")


def test_too_few_seeds_leave_one_with_the_simplest(table: Leaderboard) -> None:
    one_seed = replace(table, runs=table.runs[table.runs["seed"] == 0])
    advice = recommendation.recommend("", one_seed, None)
    assert advice.label == "none"
    assert advice.sentences[0].text.startswith("One seed cannot tell")
    assert advice.sentences[-1].text == "Until more is known, use none: nothing is simpler."


def test_costs_move_the_threshold_as_decision_theory_says(table: Leaderboard, kept: Any) -> None:
    kept({"none": (0, 1.5), "oversample": (2, 1.5)})
    advice = recommendation.recommend("", table, Costs(1, 50))
    assert (advice.label, advice.rule) == ("none", "decision theory's threshold")
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


def test_a_threshold_is_tuned_where_the_probabilities_are_off(
    table: Leaderboard, kept: Any
) -> None:
    kept({"none": (4, 1.5), "oversample": (4, 1.5)})
    advice = recommendation.recommend("", table, Costs(1, 5))
    assert (advice.label, advice.rule) == ("none", "the threshold tuned on validation")
    assert advice.sentences[1].text == "It is cheaper than the baseline at its own threshold."


def test_a_dearer_but_better_strategy_is_chosen_only_if_significant(
    table: Leaderboard, kept: Any
) -> None:
    kept({"none": (0, 0.3), "oversample": (0, 3)})
    assert recommendation.recommend("", table, Costs(1, 8)).label == "oversample"
    kept({"none": (0, 1.5), "oversample": (0, 1.52)})
    advice = recommendation.recommend("", table, Costs(1, 8))
    assert advice.label == "none"


def test_where_no_model_pays_it_says_so(table: Leaderboard, kept: Any) -> None:
    kept({"none": (-9, 0), "oversample": (-9, 0)})
    advice = recommendation.recommend("", table, Costs(1, 1000))
    assert advice.label == ""
    assert advice.sentences[0].text == "Predict 'wren' for every row: no strategy is cheaper."


def test_costs_of_more_than_two_classes_are_refused(table: Leaderboard) -> None:
    three = replace(table, facts=table.facts | {"classes": ["robin", "wren", "tit"]})
    with pytest.raises(UserError, match="--cost needs two classes"):
        recommendation.recommend("", three, Costs())


def test_another_strategy_by_hand(table: Leaderboard, kept: Any) -> None:
    kept({"none": (0, 1.5), "oversample": (2, 1.5)})
    by_f1 = recommendation.recommend("", table, None)
    assert recommendation.with_strategy(by_f1, "oversample").label == "oversample"
    with pytest.raises(UserError, match="did you mean 'oversample'"):
        recommendation.with_strategy(by_f1, "oversampel")
    by_costs = recommendation.recommend("", table, Costs(1, 50))
    assert (
        recommendation.with_strategy(by_costs, "oversample").rule
        == "the threshold tuned on validation"
    )
    with pytest.raises(UserError, match="threshold predicts as a simpler strategy does"):
        recommendation.with_strategy(by_costs, "threshold")


def test_one_leaderboard_is_meant(measured: str) -> None:
    assert (
        recommendation.find_leaderboard(measured, LeaderboardQuery()).facts["task"] == "insurance"
    )
    assert recommendation.find_leaderboard(
        measured, LeaderboardQuery(task="insurance", data="", steps=100)
    )
    for wrong in (LeaderboardQuery(steps=7), LeaderboardQuery(data="/else/where")):
        with pytest.raises(UserError, match=r"no leaderboard fits; choose one of\n  insurance"):
            recommendation.find_leaderboard(measured, wrong)


def test_the_command_names_the_strategy_of_the_leaderboard(measured: str) -> None:
    shown = CliRunner().invoke(main, ["recommend", "--tracking", measured])
    assert shown.exit_code == 0, shown.output
    first = verdict(analyse(recommendation.find_leaderboard(measured, LeaderboardQuery())))[0]
    assert first.text in " ".join(shown.output.split())
    priced = CliRunner().invoke(
        main, ["recommend", "insurance", "--cost", "fn=50", "--tracking", measured]
    )
    assert priced.exit_code == 0, priced.output
    assert "1/51 = 0.0196" in priced.output and "--cost fp=1,fn=50" in priced.output


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
