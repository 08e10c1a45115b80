"""What studies read out of tables, on tables whose answer is known."""

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import f1_score

from benchmark.results.leaderboard import Leaderboard
from benchmark.results.measures import COUNTS
from benchmark.results.study import Arm, Measured
from studies import balance, imbalance, shift, size, weights

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


@pytest.mark.parametrize("odds", [20.0, 1.0, 0.1])
def test_f1_at_another_prevalence_is_that_of_rows_drawn_so(table_of: Tables, odds: float) -> None:
    table = table_of({"none": {"f1": [0.5]}})
    tp, fp, fn, tn = (int(table.runs[name].item()) for name in COUNTS)
    weight = odds * (tp + fn) / (fp + tn)  # of every negative row
    truth, decided = [1] * (tp + fn) + [0] * (fp + tn), [1] * tp + [0] * fn + [1] * fp + [0] * tn
    of_row = [1.0] * (tp + fn) + [weight] * (fp + tn)
    [found] = shift._f1(measured(table), "none", odds)
    assert found == pytest.approx(f1_score(truth, decided, sample_weight=of_row))
