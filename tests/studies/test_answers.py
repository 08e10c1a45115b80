"""What studies read out of tables, on tables whose answer is known."""

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import f1_score

from benchmark.protocol import grammar
from benchmark.protocol.errors import UserError
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.predicted import Predicted, predict
from benchmark.results.row_errors import RowErrors
from benchmark.results.study import Arm, Measured
from benchmark.training.predictions import Predictions
from studies import averages, balance, imbalance, oversample, shift, size, weights
from tests.toys import FIT

pytestmark = pytest.mark.drawn

Tables = Callable[..., Leaderboard]
WOBBLE = np.array([0.004, -0.003, 0.001, -0.002, 0.0])


def near(centre: float, turn: int = 0) -> list[float]:
    return (centre + np.roll(WOBBLE, turn)).tolist()


def measured(table: Leaderboard, name: str = "all") -> Measured:
    return Measured(Arm(name, ""), table, "nowhere")


def test_weights_finds_the_best_weight_and_compares_it_with_a_moved_threshold(
    table_of: Tables,
) -> None:
    at_half = dict(zip(weights.WEIGHTS, (0.1, 0.2, 0.3, 0.42, 0.35, 0.3), strict=True))
    measures = {
        weights.label_of(weight): {
            "f1": near(f1, place),
            "f1_at_half": near(f1, place),
            "f1_tuned": near(0.45, place),
        }
        for place, (weight, f1) in enumerate(at_half.items())
    }
    measures["threshold"] = {"f1": near(0.45), "f1_at_half": near(0.1), "f1_tuned": near(0.45)}
    answer = weights.answer([measured(table_of(measures))])
    print(answer.paragraph)
    assert "weight 10 has the highest mean F1, 0.420 [" in answer.paragraph
    assert "-0.030 [" in answer.paragraph and "significant (95 %, adjusted)" in answer.paragraph
    assert [row[0] for row in answer.rows] == ["1", "2", "5", "10", "25", "50"]


def test_balance_pairs_the_same_seeds_of_two_arms(table_of: Tables) -> None:
    plain = {"f1_at_half": near(0.3), "f1_tuned": near(0.4)}
    dropped = {"f1_at_half": near(0.25, 4), "f1_tuned": near(0.3, 1)}
    more = {"f1_at_half": near(0.2, 2), "f1_tuned": near(0.5, 3)}
    first = measured(table_of({"none": plain, "undersample": dropped}))
    answer = balance.answer([first, measured(table_of({"none": more}), "more")])
    said = answer.paragraph
    print(said)
    tuned, half = "tuned threshold: ΔF1 +0.100 [", "threshold at 0.5: ΔF1 -0.100 ["
    assert f"more vs the population's shares, {tuned}" in said
    assert f"more vs the population's shares, {half}" in said
    assert said.count("significant (95 %, adjusted)") == 4 and "no significant" not in said
    assert [len(line.values) for line in answer.lines] == [3, 3]


def test_imbalance_says_where_a_strategy_pays(table_of: Tables) -> None:
    arms = []
    for ratio in imbalance.RATIOS:
        gain = 0.1 if ratio >= 20 else 0.0
        tuned = {"none": 0.4, "threshold": 0.4, "undersample": 0.3, "oversample": 0.4 + gain}
        tuned["class_weight"] = 0.4
        table = {
            label: {"f1_tuned": near(f1, turn), "f1": near(f1 - 0.1 * (label == "none"), turn)}
            for turn, (label, f1) in enumerate(tuned.items())
        }
        arms.append(measured(table_of(table), str(ratio)))
    said = imbalance.answer(arms).paragraph
    assert "oversample at 20:1 (+0.100), 50:1 (+0.100), 100:1 (+0.100)" in said
    print(said)
    assert "undersample at no imbalance; " in said and "class_weight at no imbalance" in said
    assert "Threshold tuning alone changes the baseline's F1 by +0.100 at 2:1" in said


def test_size_reads_a_strategy_on_the_curve_of_plain_training(table_of: Tables) -> None:
    plain = (0.2, 0.3, 0.4, 0.5)
    arms = [
        measured(
            table_of(
                {
                    "none": {"average_precision": near(ap)},
                    "oversample": {"average_precision": near(ap + 0.05)},
                    "class_weight": {"average_precision": near(ap)},
                }
            ),
            f"{share}",
        )
        for share, ap in zip(size.SHARES, plain, strict=True)
    ]
    said = size.answer(arms).paragraph
    print(said)
    assert "With half of the positive rows, the baseline loses 0.100 in average precision" in said
    assert "75 % of them to match oversample with half" in said
    assert "50 % of them to match class_weight with half" in said


def predicted(seed: int, rows: int = 300) -> Predicted:
    """Weighted rows of a classifier that is often right."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(rows) < 0.3).astype(np.int64)
    logits = rng.normal(size=(rows, 2)) + 1.5 * np.eye(2)[labels]
    kept = Predictions(np.arange(rows), labels, logits, logits, np.where(labels, 0.5, 1.2))
    fit = replace(FIT, validation=kept, test=kept)
    return predict(grammar.read("none").strategy, fit, seed)


@pytest.mark.parametrize("odds", [20.0, 1.0, 0.1])
def test_f1_at_another_prevalence_is_that_of_rows_drawn_so(odds: float) -> None:
    seeds = [predicted(seed) for seed in range(3)]
    expected = []
    for one in seeds:
        weight = odds * one.labels.sum() / (1 - one.labels).sum()  # of every negative row
        of_row = np.where(one.labels, 1, weight)
        expected.append(f1_score(one.labels, one.decisions, sample_weight=of_row))
    found = shift._f1(seeds, odds)
    assert found.mean == pytest.approx(np.mean(expected))
    assert found.deviation == pytest.approx(np.std(expected, ddof=1))


def test_its_interval_is_about_other_rows_too() -> None:
    """The same rows and decisions at every seed: only the rows are uncertain."""
    one = predicted(0)
    found = shift._f1([replace(one, seed=seed) for seed in range(5)], 7.0)
    rng = np.random.default_rng(1)
    resampled = []
    for _ in range(400):
        rows = rng.integers(0, 300, 300)
        labels, decisions = one.labels[rows], one.decisions[rows]
        weight = np.where(labels, 1, 7.0 * labels.sum() / (1 - labels).sum())
        resampled.append(f1_score(labels, decisions, sample_weight=weight))
    assert found.deviation == 0 and found.error == pytest.approx(np.std(resampled), rel=0.15)


def test_shift_retunes_for_each_prevalence_and_says_where_a_decision_holds(
    table_of: Tables,
) -> None:
    seeds = [predicted(seed) for seed in range(3)]
    for odds in (20.0, 0.1):
        retuned = shift._f1(shift._retuned(seeds, odds), odds)
        assert retuned.mean >= shift._f1(seeds, odds).mean - 0.01
    table = table_of({label: {"f1": [0.5] * 3} for label in shift.LABELS})
    table = replace(table, row_errors=RowErrors(dict.fromkeys(shift.LABELS, seeds)))
    answer = shift.answer([measured(table)])
    assert re.search(r"the baseline between [\d:]+ and [\d:]+;", answer.paragraph)
    assert len(answer.rows) == len(shift.ODDS) and len(answer.lines) == len(shift.LABELS) + 1
    lost = replace(table, row_errors=RowErrors({"none": seeds}))
    with pytest.raises(UserError, match="nowhere has lost predictions of threshold: run it again"):
        shift.answer([measured(lost)])


def test_averages_of_ten_are_shown_beside_single_models(table_of: Tables) -> None:
    rng = np.random.default_rng(2)
    centres = dict(zip(averages.LABELS, (0.80, 0.80, 0.70, 0.90), strict=True))
    measures = {
        label: {"f1_at_half": (centre + 0.01 * rng.normal(size=20)).tolist()}
        for label, centre in centres.items()
    }
    answer = averages.answer([measured(table_of(measures))])
    assert "oversample beats the baseline in 2 of 2 averages of ten" in answer.paragraph
    assert "class_weight(positive=25) beats the baseline in 0 of 2" in answer.paragraph
    firsts = [np.mean(own["f1_at_half"][:10]) for own in measures.values()]
    assert [one.mean for one in answer.lines[1].values] == pytest.approx(firsts)
    few = {label: {"f1_at_half": near(0.8)} for label in averages.LABELS}
    with pytest.raises(UserError, match="give --seeds 20"):
        averages.answer([measured(table_of(few))])


def test_oversampling_is_compared_with_a_weight(table_of: Tables) -> None:
    measures = {
        label: {"f1_at_half": near(centre, turn), "f1_tuned": near(0.5, turn)}
        for turn, (label, centre) in enumerate(
            {"none": 0.3, "oversample": 0.4, "class_weight": 0.3}.items()
        )
    }
    answer = oversample.answer([measured(table_of(measures))])
    assert "oversample vs the baseline, threshold at 0.5: ΔF1 +0.100 [" in answer.paragraph
    assert "significant (95 %, adjusted)" in answer.paragraph
