"""How much of an error comes from the test rows, from predictions as a store keeps them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from benchmark.metrics import classification, stats
from benchmark.protocol import grammar
from benchmark.protocol.arrays import Floats, Ints
from benchmark.results import comparison, predictions
from benchmark.results.analysis import analyse
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.outlook import TUNED
from benchmark.results.predicted import Predicted, predict
from benchmark.results.predictions import with_predictions
from benchmark.results.row_errors import INFLUENCES, RowErrors, _overlap, variance_between
from benchmark.training.predictions import Fit, Predictions
from tests.slow import slow_but
from tests.toys import FIT

POOL = 2000  # rows, a tenth of them positive
LABELS = (np.arange(POOL) % 10 == 0).astype(np.int64)
Tables = Callable[..., Leaderboard]


def split(rng: np.random.Generator, size: int = 500) -> Ints:
    """Test rows, a tenth of them positive."""
    of_class = [np.flatnonzero(label == LABELS) for label in (0, 1)]
    counts = size - size // 10, size // 10
    drawn = [
        rng.choice(rows, count, replace=False) for rows, count in zip(of_class, counts, strict=True)
    ]
    return np.sort(np.concatenate(drawn))


def fit_of(rows: Ints, scores: Floats) -> Fit:
    logits = np.stack([np.zeros(len(rows)), scores], axis=1)
    kept = Predictions(rows, LABELS[rows], logits, logits, np.ones(len(rows)))
    return replace(FIT, validation=kept, test=kept)


def seeds_of(
    rng: np.random.Generator, scores: Floats, tested: Sequence[Ints], text: str = "none"
) -> list[Predicted]:
    """One prediction per seed; each training adds its own noise to the scores."""
    strategy = grammar.read(text).strategy
    return [
        predict(strategy, fit_of(rows, scores[rows] + 0.5 * rng.normal(size=len(rows))), seed)
        for seed, rows in enumerate(tested)
    ]


def f1_of(one: Predicted) -> float:
    found = classification.decision_metrics(one.labels, one.decisions, one.weights, one.classes)
    return found["f1"]


@pytest.mark.slow
@pytest.mark.parametrize("fixed", [True, False], ids=["one test split", "a split a seed"])
def test_the_error_of_rows_and_seeds_is_what_other_rows_show(fixed: bool) -> None:
    """Mean F1 over four seeds, on 150 populations."""
    rng = np.random.default_rng(1)
    means, said = [], []
    for _ in range(150):
        scores = rng.normal(size=POOL) + 1.5 * LABELS - 1.3
        tested = [split(rng)] * 4 if fixed else [split(rng) for _ in range(4)]
        seeds = seeds_of(rng, scores, tested)
        values = np.array([f1_of(one) for one in seeds])
        rows = RowErrors({"none": seeds}).variance("test/f1", "none")
        means.append(values.mean())
        said.append((values.var(ddof=1) / 4, rows))
    of_seeds, of_rows = np.mean(said, axis=0)
    # splits of one data set differ, and share what they have in common: both parts overlap a
    # little; of one test split, seeds say nothing of the rows
    assert of_seeds + of_rows == pytest.approx(np.var(means), rel=0.3)
    assert bool(of_rows > of_seeds) is fixed


def test_rows_that_two_strategies_share_cancel() -> None:
    rng = np.random.default_rng(2)
    scores = rng.normal(size=POOL) + 1.5 * LABELS - 1.3
    tested = [split(rng)] * 5
    errors = RowErrors({name: seeds_of(rng, scores, tested) for name in ("none", "focal")})
    alone = errors.variance("test/average_precision", "none")
    paired = errors.variance("test/average_precision", "focal", "none")
    assert 0 < abs(paired) < 0.3 * alone
    covariance = errors.covariance("test/average_precision", ["none", "focal"])
    assert paired == pytest.approx(np.array([1, -1]) @ covariance @ np.array([1, -1]))
    between = variance_between(
        RowErrors({"a": errors.predicted["focal"]}),
        "a",
        RowErrors({"b": errors.predicted["none"]}),
        "b",
        "test/average_precision",
    )
    assert between == pytest.approx(paired)


def test_what_is_unknown_adds_nothing() -> None:
    rng = np.random.default_rng(3)
    seeds = seeds_of(rng, rng.normal(size=POOL), [split(rng)] * 2)
    known = RowErrors({"none": seeds})
    assert known.covariance("test/f1", ["smote", "none"])[0].tolist() == [0, 0]
    assert known.variance("timing/training", "none") == 0
    assert RowErrors().variance("test/f1", "none") == 0
    assert variance_between(known, "none", RowErrors(), "none", "test/f1") == 0
    assert known.until(1).variance("test/f1", "none") == 0  # of a single seed


def test_errors_that_were_measured_stay_without_the_predictions() -> None:
    rng = np.random.default_rng(3)
    splits, values = [split(rng)] * 2, rng.normal(size=POOL)
    known = RowErrors({label: seeds_of(rng, values, splits) for label in ("none", "smote")})
    kept = known.only(["test/f1", "test/ece"])
    for metric in ("test/f1", "test/ece"):
        expected = known.covariance(metric, ["smote", "absent", "none"])
        assert np.array_equal(kept.covariance(metric, ["smote", "absent", "none"]), expected)
        assert expected[0, 0] > 0
    assert not any(kept.predicted.values())


@pytest.mark.parametrize(
    "metric", slow_but(["test/f1_tuned", "test/average_precision", "test/ece"], INFLUENCES)
)
def test_every_measure_has_the_influence_of_its_own_number(metric: str) -> None:
    """Twice the weight of a row moves the measure by its influence."""
    rng = np.random.default_rng(4)
    rows = split(rng, 60)
    one = predict(
        grammar.read("threshold").strategy,
        fit_of(rows, rng.normal(size=60) + 1.5 * LABELS[rows] - 1),
        0,
    )

    def measured(weights: Floats) -> float:
        decided = one.tuned if metric == "test/f1_tuned" else one.decisions
        decided = one.at_half if metric == "test/f1_at_half" else decided
        found = {
            **classification.decision_metrics(one.labels, decided, weights, 2),
            **classification.ranking_metrics(one.labels, one.logits, weights),
            **classification.probability_metrics(one.labels, one.logits, weights),
        }
        name = metric.removeprefix("test/")
        return found["f1" if name.startswith("f1") else name]

    found = INFLUENCES[metric](one)
    if metric == "test/ece":
        return  # bins move with the weights; tests/metrics/test_influence.py holds them fixed
    changes = np.array(
        [
            (measured(1 + 1e-5 * step) - measured(1 - 1e-5 * step)) / 2e-5
            for step in np.eye(len(rows))
        ]
    )
    for label in (0, 1):
        changes[one.labels == label] -= changes[one.labels == label].mean()
    assert found == pytest.approx(changes, abs=1e-6)


@pytest.mark.parametrize("overlap", ["none", "half", "all"])
def test_chance_roc_auc_counts_the_rows_that_seeds_share(overlap: str) -> None:
    rng = np.random.default_rng(5)
    order = np.concatenate([rng.permutation(np.flatnonzero(label == LABELS)) for label in (1, 0)])
    positives, negatives = order[:200], order[200:]
    shift = {"none": 40, "half": 20, "all": 0}[overlap]
    tested = [
        np.concatenate([positives[k * shift :][:40], negatives[9 * k * shift :][:360]])
        for k in range(3)
    ]
    seeds = seeds_of(rng, rng.normal(size=POOL), tested)
    share = {"none": 0, "half": 2 * 0.5 / 3, "all": 1}[overlap]
    one = stats.chance_auc_variance(40, 360)
    found = RowErrors({"none": seeds}).chance_auc()["none"]
    assert found == pytest.approx(one * (1 / 3 + 2 / 3 * share))


def test_the_calibration_error_of_calibrated_probabilities_is_noise() -> None:
    """With 50 rows a seed, the error is above .05 though the probabilities are exact."""
    rng = np.random.default_rng(6)
    p = expit(rng.normal(size=POOL))
    labels = (rng.random(POOL) < p).astype(np.int64)
    seeds, errors = [], []
    for seed in range(20):
        rows = rng.choice(POOL, 50, replace=False)
        logits = np.stack([np.zeros(50), np.log(p / (1 - p))[rows]], axis=1)
        kept = Predictions(rows, labels[rows], logits, logits, np.ones(50))
        fit = replace(FIT, validation=kept, test=kept)
        seeds.append(predict(grammar.read("none").strategy, fit, seed))
        events = classification.predicted_events(labels[rows], logits)
        errors.append(classification.calibration_error(*events, np.ones(50)))
    noise = RowErrors({"none": seeds}).noise_ece()["none"]
    assert noise == pytest.approx(np.mean(errors), rel=0.15) and noise > 0.1


@pytest.fixture
def kept(table_of: Tables, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Leaderboard]:
    """A table of three seeds with the predictions of its runs; those of `lost` are gone."""

    def make(lost: Sequence[str] = (), rename: str = "") -> Leaderboard:
        rng = np.random.default_rng(7)
        scores = rng.normal(size=POOL) + 1.5 * LABELS - 1.3
        fits = {
            f"{label}{seed}": fit_of(rows, scores[rows] + 0.5 * rng.normal(size=len(rows)))
            for seed in range(3)
            for rows in [split(rng)]
            for label in ("none", "focal", "smote")
        }

        def read(uri: str, run: str, digest: str) -> Any:
            return None if run in lost else fits[run]

        monkeypatch.setattr(predictions, "read_fit", read)
        f1 = {"none": [0.3, 0.32, 0.31], "threshold": [0.4, 0.41, 0.4], "focal": [0.35, 0.3, 0.33]}
        measures = {
            label: {"f1": values, "f1_tuned": [0.41, 0.4, 0.42]} for label, values in f1.items()
        }
        measures["smote"] = {"f1": [0.3, None, 0.3], "f1_tuned": [0.4] * 3}
        table = table_of(measures, ["threshold"])
        if rename:
            table.runs["strategy"] = table.runs["strategy"].replace(rename, "removed_since")
        return with_predictions("store", table)

    return make


def test_predictions_are_those_of_the_complete_strategies(kept: Callable[..., Leaderboard]) -> None:
    found = kept().row_errors.predicted
    assert set(found) == {"none", "threshold", "focal"}  # smote lacks a run
    assert [one.seed for one in found["focal"]] == [0, 1, 2]
    # they share a training, and decide differently
    assert found["threshold"][1].fit is found["none"][1].fit
    assert not np.array_equal(found["threshold"][1].decisions, found["none"][1].decisions)


def test_of_very_many_seeds_the_first_are_read(
    kept: Callable[..., Leaderboard], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictions, "ENOUGH_SEEDS", 2)
    table = kept()
    assert [one.seed for one in table.row_errors.predicted["focal"]] == [0, 1]
    assert analyse(table).seeds == 3


def test_a_strategy_that_lost_predictions_or_was_removed_is_left_out(
    kept: Callable[..., Leaderboard],
) -> None:
    table = kept(lost=["focal1"])
    assert set(table.row_errors.predicted) == {"none", "threshold"}
    assert "focal" in analyse(table).ranking.index  # its numbers are compared all the same
    assert set(kept(rename="focal").row_errors.predicted) == {"none", "threshold"}


def test_rows_widen_the_intervals_of_a_table(kept: Callable[..., Leaderboard]) -> None:
    with_rows = kept()
    without = replace(with_rows, row_errors=RowErrors())
    for metric in ("test/f1", "test/f1_tuned"):
        wide, narrow = (comparison.mean(table, "focal", metric) for table in (with_rows, without))
        rows = with_rows.row_errors.variance(metric, "focal")
        assert wide.error**2 == pytest.approx(narrow.error**2 + max(rows, 0))
    race = analyse(with_rows).race
    assert race and TUNED in race.outlooks and race.evidence.rows.any()


@given(
    st.lists(st.sets(st.integers(0, 12), min_size=1).map(sorted), min_size=1, max_size=6),
)
def test_the_overlap_of_splits_is_that_of_their_pairs(tested: list[list[int]]) -> None:
    pairs = list(combinations([set(rows) for rows in tested], 2))
    shared = sum(len(one & other) for one, other in pairs)
    larger = sum(max(len(one), len(other)) for one, other in pairs)
    assert _overlap([np.array(rows) for rows in tested]) == pytest.approx(
        shared / larger if pairs else 1.0
    )
