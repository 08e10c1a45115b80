"""The claims of a table and who may be the best: what holds together, and what counts once."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmark.metrics import stats
from benchmark.results import comparison
from benchmark.results.advice import _certainty
from benchmark.results.analysis import analyse
from benchmark.results.comparison import claims
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.outlook import TUNED
from benchmark.results.verdict import headline
from tests.results.tables import SEEDS, around, text_of

Tables = Callable[..., Leaderboard]


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("spread", [0.0, 0.02])
def test_a_perfect_ranking_is_better_than_chance_at_any_number_of_seeds(
    table_of: Tables, count: int, spread: float
) -> None:
    area = (1 - spread * np.arange(count)).tolist()
    f1 = [0.9, 0.95, 1.0][:count]
    table = table_of({label: {"f1": f1, "roc_auc": area} for label in ("none", "focal")})
    assert analyse(table).skilled == {"none", "focal"}
    assert "better than chance" not in text_of(table)


@pytest.mark.parametrize("count", [1, 3])
def test_a_ranking_that_few_rows_can_show_by_chance_is_not(table_of: Tables, count: int) -> None:
    # ten positive rows of a hundred: the area of a coin has a standard deviation of .097
    table = table_of({"none": {"f1": [0.2] * count, "roc_auc": [0.6] * count}})
    assert analyse(table).skilled == frozenset()


def test_copies_count_once_and_what_equals_the_baseline_is_no_claim(table_of: Tables) -> None:
    plain, better = around(0.3, 1), around(0.304, 2)
    alone = {"none": {"f1": plain}, "focal": {"f1": better}, "smote": {"f1": around(0.3, 3)}}
    copies = {"ldam": {"f1": better}, "ros": {"f1": plain}, "rus": {"f1": plain}}

    def claimed(measures: Any) -> dict[str, comparison.Claim]:
        analysis = analyse(table_of(measures))
        return {claim.label: claim for claim in analysis.claims_on("test/f1")}

    few, many = claimed(alone), claimed(alone | copies)
    assert set(few) == {"focal", "smote"} and set(many) == {"focal", "smote", "ldam"}
    assert replace(many["ldam"], label="focal") == many["focal"] == few["focal"]
    assert many["smote"] == few["smote"]
    assert "none and ros gave identical results at every seed" in text_of(table_of(alone | copies))


def test_copies_share_their_chance_to_be_the_best(table_of: Tables) -> None:
    plain, better = around(0.3, 1, 0.02), around(0.33, 2, 0.02)
    measures = {"none": {"f1": plain, "f1_tuned": plain}, "focal": {"f1": better}}
    alone = analyse(table_of(measures)).ranking
    both = analyse(table_of(measures | {"ldam": {"f1": better}, "ros": {"f1": plain}})).ranking
    for label, copy in (("focal", "ldam"), ("none", "ros")):
        columns = ["best", "within", "regret"]
        assert both.loc[copy, columns].tolist() == both.loc[label, columns].tolist()
        assert both.loc[label, "best"] == pytest.approx(alone.loc[label, "best"], abs=0.02)


def test_p_values_and_intervals_of_one_question_hold_together(table_of: Tables) -> None:
    rng = np.random.default_rng(5)
    measures = {
        label: {"f1": (centre + 0.02 * rng.normal(size=SEEDS)).tolist()}
        for label, centre in {"none": 0.3, "a": 0.31, "b": 0.34, "c": 0.45, "d": 0.3}.items()
    }
    found = analyse(table_of(measures)).claims_on("test/f1")
    raw = np.array([claim.difference.p for claim in found])
    assert len(found) == 4 and [claim.p for claim in found] == pytest.approx(
        stats.holm(raw).tolist()
    )
    assert {claim.p < 0.05 for claim in found} == {True, False}
    for claim in found:
        assert (claim.low < 0 < claim.high) is (claim.p >= 0.05)
        assert claim.high - claim.low > claim.difference.high - claim.difference.low - 1e-9


def test_a_repeated_look_halves_the_level(table_of: Tables) -> None:
    plain = around(0.3, 1, 0.02)
    spread = 0.01 * np.array([1, 4, -2, 2, -1, 3, -3, 2, -4, -2])
    error = stats.difference(spread, 0.0, comparison.correlation("test/f1")).error
    differences = spread + 2.45 * error  # of which Student's t with nine degrees gives p = .037
    table = table_of({"none": {"f1": plain}, "focal": {"f1": (plain + differences).tolist()}})
    again = replace(table, repeated=True)
    assert (table.level, again.level) == (0.05, 0.025)
    [once], [twice] = (analyse(it).claims_on("test/f1") for it in (table, again))
    assert 0.025 < once.p < 0.05 and once.p == twice.p
    assert twice.low < 0 < once.low
    assert "focal is significantly better than the baseline (95 %, adjusted)" in text_of(table)
    assert "of the baseline (97.5 %): no significant difference" in text_of(again)


@pytest.mark.parametrize(
    "errors, word",
    [
        ([0.2, 0.21, 0.2, 0.22], "no"),
        ([0.01, 0.02, 0.01, 0.01], "yes"),
        ([0.03, 0.08, 0.05, 0.04], "unclear"),
        ([0.051, 0.05, 0.049, 0.05], "unclear"),
        ([0.2], "unclear"),
    ],
)
def test_probabilities_are_calibrated_or_not_or_it_is_unclear(
    errors: list[float], word: str, table_of: Tables
) -> None:
    table = table_of({"none": {"f1": [0.3] * len(errors), "ece": errors}})
    assert analyse(table).calibrated == {"none": word}
    assert ("are calibrated" in text_of(table)) is (word == "yes")
    assert ("not calibrated" in text_of(table)) is (word == "no")


def test_calibration_is_one_sided(table_of: Tables) -> None:
    """An error just above .05 in one tail: a two-sided test would not see it."""
    errors = np.array([0.062, 0.054, 0.068, 0.057, 0.05])
    found = stats.difference(errors - 0.05, 0.0, comparison.correlation("test/ece"))
    assert found.p / 2 < 0.05 < found.p
    table = table_of({"none": {"f1": [0.3] * 5, "ece": errors.tolist()}})
    assert analyse(table).calibrated == {"none": "no"}


def test_the_baseline_at_its_tuned_threshold_takes_part_once(table_of: Tables) -> None:
    tuned = around(0.45, 2)
    measures = {"none": {"f1": around(0.1, 1), "f1_tuned": tuned}, "focal": {"f1": around(0.2, 3)}}
    [*labels] = analyse(table_of(measures)).race.outlooks  # type: ignore[union-attr]
    assert labels == ["none", "focal", TUNED]
    with_threshold = measures | {"threshold": {"f1": tuned, "f1_tuned": tuned}}
    analysis = analyse(table_of(with_threshold, deciding=["threshold"]))
    assert analysis.race and TUNED not in analysis.race.outlooks
    assert TUNED not in analysis.ranking.index and headline(analysis)[0].use == "threshold"


def test_words_follow_the_probability_of_being_nearly_the_best() -> None:
    words = [_certainty(within, "3 seeds") for within in (0.96, 0.95, 0.94, 0.75, 0.74)]
    sure, likely = "the best, or within 0.01 of it", "likely the best, or within 0.01 of it"
    assert words == [sure, sure, likely, likely, "the best guess at 3 seeds"]


def test_a_guess_says_how_probably_the_next_look_settles_it(table_of: Tables) -> None:
    rng = np.random.default_rng(3)
    for seeds, coming in ((3, 5), (5, 10), (7, 10), (20, 40)):
        f1 = (0.3 + 0.1 * rng.normal(size=seeds)).tolist()
        other = (0.33 + 0.1 * rng.normal(size=seeds)).tolist()
        table = table_of({"none": {"f1": f1, "f1_tuned": f1}, "focal": {"f1": other}})
        figures = headline(analyse(table))[0].figures
        assert re.search(rf"settled at {coming} seeds with probability (\d+|< 1|> 99) %", figures)


@pytest.mark.slow
def test_fewer_than_one_answer_in_twenty_claims_an_effect_where_there_is_none(
    table_of: Tables,
) -> None:
    """Ten strategies at ten seeds, as correlated as `stats` takes them to be, for each question."""
    rng = np.random.default_rng(12)
    labels = ["none", *(f"s{number}" for number in range(10))]
    table = table_of({label: {"f1": [0.0] * SEEDS} for label in labels})
    claimed = dict.fromkeys([*comparison.QUESTIONS, "not calibrated", "calibrated"], 0)
    draws = 1000
    for _ in range(draws):
        for metric in comparison.QUESTIONS:
            correlated = noise(rng, len(labels), comparison.correlation(metric))
            table.runs[metric] = 0.4 + 0.02 * correlated.ravel()
            claimed[metric] += any(claim.p < 0.05 for claim in claims(table, metric, 0.05))
        correlated = noise(rng, len(labels), comparison.correlation("test/ece"))
        table.runs["test/ece"] = 0.05 + 0.01 * correlated.ravel()
        found = set(comparison.calibrated(table, 0.05).values())
        claimed["not calibrated"] += "no" in found
        claimed["calibrated"] += "yes" in found
    print(f"\nof {draws} tables, claims that are not true: {claimed}")
    assert max(claimed.values()) / draws < 0.065
    assert min(claimed.values()) / draws > 0.01


def noise(rng: np.random.Generator, strategies: int, overlap: float) -> NDArray[np.float64]:
    """(strategies, seeds), correlated between seeds as overlapping splits are."""
    shared = rng.normal(size=(strategies, 1))
    own = rng.normal(size=(strategies, SEEDS))
    return np.sqrt(overlap) * shared + np.sqrt(1 - overlap) * own
