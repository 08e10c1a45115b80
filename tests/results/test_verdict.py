"""The verdict follows from the table beside it, and claims nothing where there is nothing."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmark.results.analysis import analyse
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.measures import COUNTS
from benchmark.results.sentence import Sentence
from benchmark.results.verdict import findings, headline, verdict
from tests.results.tables import SEEDS, around, text_of

Tables = Callable[..., Leaderboard]


@pytest.fixture
def insurance_like(table_of: Tables) -> Leaderboard:
    """A moved threshold gives all there is; class_weight spoils probabilities; smote is worse."""
    half, tuned = around(0.01, 1), around(0.45, 2)
    plain = {"f1_at_half": half, "f1_tuned": tuned, "ece": around(0.007, 3, 0.001)}
    return table_of(
        {
            "none": plain | {"f1": half},
            "threshold": plain | {"f1": tuned},
            "class_weight": {
                "f1": around(0.43, 4),
                "f1_tuned": around(0.45, 5),
                "ece": around(0.21, 9),
            },
            "smote": {"f1": around(0.42, 6), "f1_tuned": around(0.40, 7), "ece": around(0.01, 8)},
        },
        deciding=["threshold"],
    )


def test_what_insurance_shows_is_said(insurance_like: Leaderboard) -> None:
    said = text_of(insurance_like)
    first = verdict(analyse(insurance_like))[0]
    assert first.text == "Use threshold: the best, or within 0.01 of it."
    assert "P(best) > 99 %" in first.figures and "expected regret 0.000" in first.figures
    assert "Its F1 is 0.450, that of the baseline 0.011: the gain over the baseline is " in said
    assert "Tuning the threshold alone takes the F1 of the baseline from 0.011 to 0.450." in said
    assert (
        "At each strategy's own threshold, threshold, class_weight and smote are significantly "
        "better than the baseline (95 %, adjusted)."
    ) in said
    assert "With every threshold tuned, smote is significantly worse than the baseline" in said
    assert re.search(
        r"With every threshold tuned, class_weight is within ±0\.00\d of the baseline \(95 %\): "
        "no significant difference",
        said,
    )
    assert "The probabilities of class_weight are not calibrated" in said
    assert "The probabilities of none, threshold and smote are calibrated" in said


@pytest.mark.parametrize("half, told", [(1.0, False), (0.9, True)])
def test_a_threshold_that_gains_nothing_is_not_told_of(
    table_of: Tables, half: float, told: bool
) -> None:
    table = table_of({"none": {"f1": [1.0] * 3, "f1_at_half": [half] * 3, "f1_tuned": [1.0] * 3}})
    assert ("Tuning the threshold alone takes" in text_of(table)) == told


def test_its_figures_are_those_of_the_table(insurance_like: Leaderboard) -> None:
    runs = insurance_like.runs.set_index(["label", "seed"])["test/f1"]
    gained = (runs["threshold"] - runs["none"]).mean()
    assert f"threshold {gained:+.3f} [" in text_of(insurance_like)
    assert f"highest at its own threshold: threshold {runs['threshold'].mean():.3f}" in text_of(
        insurance_like
    )


def test_the_simpler_of_what_cannot_be_told_apart_is_advised(table_of: Tables) -> None:
    better = {"f1": around(0.452, 5), "f1_tuned": around(0.452, 5)}
    table = table_of(
        {
            "none": {"f1": around(0.1, 1), "f1_tuned": around(0.45, 2)},
            "threshold": {"f1": around(0.45, 2), "f1_tuned": around(0.45, 2)},
            "oversample": better,
        },
        deciding=["threshold"],
    )
    assert verdict(analyse(table))[0].text == (
        "Use threshold: the best, or within 0.01 of it; oversample is less simple."
    )


def test_how_sure_the_advice_is_depends_on_seeds_and_spread(table_of: Tables) -> None:
    def first(count: int, spread: float) -> Sentence:
        plain, gain = around(0.3, 1, 0.03), around(0.05, 2, spread)
        better = np.add(plain, gain).tolist()
        measures = {
            "none": {"f1": plain[:count], "f1_tuned": plain[:count]},
            "focal": {"f1": better[:count]},
        }
        return verdict(analyse(table_of(measures)))[0]

    assert first(1, 0.02).text.startswith("One seed cannot tell luck from effect")
    assert first(10, 0.01).text == "Use focal: the best, or within 0.01 of it."
    assert "the best guess at 3 seeds" in first(3, 0.2).text


def test_the_first_command_ends_in_advice_for_oversample(table_of: Tables) -> None:
    """Its F1 at three seeds; the simplest that is not significantly beaten would be `none`."""
    table = table_of(
        {
            "none": {"f1": [0.147, 0.077, 0.039], "f1_tuned": [0.488, 0.373, 0.344]},
            "threshold": {"f1": [0.488, 0.373, 0.344], "f1_tuned": [0.488, 0.373, 0.344]},
            "undersample": {"f1": [0.656, 0.613, 0.711]},
            "oversample": {"f1": [0.674, 0.782, 0.758]},
            "class_weight": {"f1": [0.341, 0.259, 0.384]},
            "focal": {"f1": [0.094, 0.095, 0.02]},
        },
        deciding=["threshold"],
    )
    first = verdict(analyse(table))[0]
    assert first.use == "oversample"
    assert first.text == "Use oversample: likely the best, or within 0.01 of it."
    assert re.search(r"P\(best\) (8\d|9\d) %", first.figures), first.figures


def test_nothing_is_claimed_of_networks_that_rank_no_better_than_chance(table_of: Tables) -> None:
    table = table_of(
        {
            "none": {"f1": [0.0] * SEEDS, "roc_auc": around(0.5, 1)},
            "oversample": {"f1": around(0.18, 2), "roc_auc": around(0.5, 3)},
        }
    )
    [only] = verdict(analyse(table))
    assert only.text.startswith("No strategy ranks rows significantly better than chance")
    assert "predicting every row positive gives F1 0.182" in only.figures  # ten of a hundred


def test_a_strategy_that_lost_cells_is_named_and_not_compared(table_of: Tables) -> None:
    lost: list[float | None] = [*around(0.9, 3)[:-1], None]
    table = table_of({"none": {"f1": around(0.1, 1)}, "focal": {"f1": lost}})
    said = text_of(table)
    assert "focal lacks runs and is left out of all comparisons. (failed 1)" in said
    assert "focal is significantly better" not in said and "best focal" not in said


@pytest.mark.parametrize(
    "none, words",
    [(None, "There is no baseline to compare with"), ([0.1, None], "The baseline has runs")],
)
def test_without_none_there_is_no_verdict(table_of: Tables, none: Any, words: str) -> None:
    measures = {"focal": {"f1": [0.3, 0.4]}} | ({"none": {"f1": none}} if none else {})
    assert verdict(analyse(table_of(measures)))[0].text.startswith(words)


def test_strategies_with_the_same_scores_and_dearer_ones_are_named(table_of: Tables) -> None:
    f1 = around(0.4, 1)
    measures = {"none": {"f1": f1}, "focal": {"f1": f1}}
    table = table_of(measures)
    assert "none and focal gave identical results at every seed" in text_of(table)
    table = table_of(measures | {"smote": {"f1": around(0.4, 2)}})
    table.runs.loc[table.runs["label"] == "smote", "timing/training"] = 21.0
    assert "smote took longer to train than the baseline. (smote 2.1 times)" in text_of(table)


def test_a_trial_with_fewer_seeds_takes_nothing_from_the_others(table_of: Tables) -> None:
    table = table_of({"none": {"f1": around(0.1, 1)}, "oversample": {"f1": around(0.4, 2)}})
    before = verdict(analyse(table))[0]
    [trial] = table_of({"focal": {"f1": [0.2]}}).runs.to_dict("records")
    table.runs.loc[len(table.runs)] = trial
    assert verdict(analyse(table))[0] == before
    assert "oversample is significantly better than the baseline" in text_of(table)


def test_what_ranks_by_chance_is_not_advised_however_high_its_f1(table_of: Tables) -> None:
    table = table_of(
        {
            "none": {"f1": around(0.05, 1), "f1_tuned": around(0.05, 1)},
            "focal": {"f1": around(0.12, 2)},
            "oversample": {"f1": around(0.18, 3), "roc_auc": around(0.5, 4)},
        }
    )
    assert verdict(analyse(table))[0].text == "Use focal: the best, or within 0.01 of it."


def test_a_sure_loss_does_not_settle_what_is_open(table_of: Tables) -> None:
    table = table_of(
        {
            "none": {"f1": around(0.4, 1), "f1_tuned": around(0.4, 1)},
            "smote": {"f1": around(0.3, 2)},
            "oversample": {"f1": around(0.42, 3, 0.1)},
        }
    )
    assert verdict(analyse(table))[0].text.startswith("Use none: the best guess at 10 seeds")
    assert "smote is significantly worse than the baseline" in text_of(table)


def test_a_threshold_that_nobody_tuned_is_pointed_out(table_of: Tables) -> None:
    table = table_of(
        {
            "none": {"f1": around(0.01, 1), "f1_tuned": around(0.45, 2)},
            "focal": {"f1": around(0.05, 3), "f1_tuned": around(0.45, 4)},
        }
    )
    assert verdict(analyse(table))[0].text.startswith(
        "Tune the threshold of the baseline, which no strategy here does alone: the best"
    )
    assert "Its F1 is 0.450, that of the baseline 0.010" not in text_of(table)
    tuned, plain = (
        table.runs.loc[table.runs["label"] == "none", f"test/{name}"].mean()
        for name in ("f1_tuned", "f1")
    )
    assert f"Its F1 is {tuned:.3f}, that of the baseline {plain:.3f}." in text_of(table)


def test_a_collapse_is_named(table_of: Tables) -> None:
    table = table_of({"none": {"f1": [0.1, 0.2]}, "focal": {"f1": [0.3, 0.4]}})
    table.runs.loc[table.runs["label"] == "focal", "collapsed"] = [True, False]
    assert "focal collapsed: it predicted the same class for every test row. (at 1 of 2 seeds)" in (
        text_of(table)
    )


def test_strategies_that_collapse_alike_share_a_sentence(table_of: Tables) -> None:
    table = table_of({name: {"f1": [0.1, 0.2]} for name in ("none", "focal", "smote")})
    table.runs.loc[table.runs["label"] != "none", "collapsed"] = True
    said = "focal and smote collapsed: each predicted the same class for every test row."
    assert f"{said} (at 2 of 2 seeds)" in text_of(table)


@pytest.fixture
def of_three_classes(insurance_like: Leaderboard) -> Leaderboard:
    """The same numbers, measured on three classes."""
    facts = insurance_like.facts | {"classes": ["a", "b", "c"], "counts": [800, 100, 100]}
    runs = insurance_like.runs.assign(**dict.fromkeys(COUNTS, np.nan), **{"test/rows": 150.0})
    return replace(insurance_like, facts=facts, runs=runs)


def test_of_more_classes_it_speaks_of_macro_f1_and_class_offsets(
    of_three_classes: Leaderboard,
) -> None:
    said = text_of(of_three_classes)
    assert "Use threshold: the best, or within 0.01 of it." in said
    assert "Tuning the class offsets alone takes the macro-F1 of the baseline from 0.011" in said
    assert "With all class offsets tuned, class_weight is within ±" in said
    assert "At each strategy's own class offsets, threshold, class_weight and smote are" in said
    assert "the threshold" not in said and "own threshold" not in said


def test_chance_of_more_classes_has_the_shares_of_the_data(of_three_classes: Leaderboard) -> None:
    """Test rows of the two rare classes are 15 each, and of the first 120."""
    runs = of_three_classes.runs
    for area, skilled in ((0.70, True), (0.55, False)):
        table = replace(of_three_classes, runs=runs.assign(**{"test/roc_auc": area}))
        assert bool(analyse(table).skilled) is skilled


def test_the_headline_has_at_most_three_sentences_and_findings_repeat_none(
    table_of: Tables,
) -> None:
    lost: list[float | None] = [*around(0.3, 3)[:-1], None]
    table = table_of(
        {
            "none": {"f1": around(0.1, 1), "f1_tuned": around(0.1, 1)},
            "focal": {"f1": around(0.4, 2), "ece": around(0.3, 4)},
            "smote": {"f1": lost},
        }
    )
    table.runs.loc[table.runs["label"] == "focal", "collapsed"] = [True] + [False] * (SEEDS - 1)
    analysis = analyse(table)
    first, found = headline(analysis), findings(analysis)
    assert [sentence.text.split()[0] for sentence in first] == ["Use", "Its", "smote"]
    said = [sentence.text for sentence in found]
    assert not {sentence.text for sentence in first} & set(said) and len(said) == len(set(said))
    assert any("focal collapsed" in text for text in said)
    whole = replace(table, runs=table.runs[table.runs["label"] != "smote"])
    assert headline(analyse(whole))[2].text.startswith("focal collapsed")
    whole.runs["collapsed"] = False
    assert headline(analyse(whole))[2].text.startswith("Its probabilities are not calibrated")
