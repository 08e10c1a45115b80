"""Intervals and claims on classifiers trained on real insurance rows, 200 subsamples."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.metrics import classification
from benchmark.protocol import grammar
from benchmark.results.analysis import Analysis, analyse
from benchmark.results.comparison import QUESTIONS
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.predicted import predict
from benchmark.results.row_errors import RowErrors
from benchmark.training.predictions import Fit, Predictions
from tests import toys
from tests.simulations import insurance
from tests.simulations.insurance import MEASURES, TRAININGS, TUNED, Results

DATA = Path(__file__).parents[3] / "shared" / "data" / "insurance"
SUBSAMPLES, LEAST = 200, 0.92  # coverage at least, less what chance takes from 200 subsamples
OF_FOLDS = 100  # subsamples for folds, and for windows of time
COMPARED = ", ".join([*TRAININGS[1:], TUNED])  # the last at own thresholds alone
needs_data = pytest.mark.skipif(not DATA.exists(), reason=f"no real insurance rows in {DATA}")


@pytest.fixture(scope="module")
def results() -> list[Results]:
    """What benchmarks of 200 subsamples found."""
    return insurance.benchmarks(*insurance.read(DATA), SUBSAMPLES, np.random.default_rng(9))


def require_coverage(results: list[Results], measure: int, seeds: int) -> None:
    """Intervals cover in at least `LEAST` of the subsamples, less two standard errors."""
    covered = insurance.coverage(results, measure, seeds)
    print(f"  {seeds:>2} seeds: {covered.mean():.3f}  {covered.round(3).tolist()}")
    assert covered.mean() >= LEAST - 2 * (LEAST * (1 - LEAST) / len(results)) ** 0.5


@pytest.mark.slow
@needs_data
@pytest.mark.parametrize("measure", range(len(MEASURES)))
def test_intervals_hold_the_mean_over_data_sets(results: list[Results], measure: int) -> None:
    print(f"\n{MEASURES[measure]}: coverage, mean and {COMPARED}")
    for seeds in (3, 5, 10):
        require_coverage(results, measure, seeds)


@pytest.fixture(scope="module")
def of_folds() -> list[Results]:
    """What benchmarks of 100 subsamples found with five folds, twice."""
    rng = np.random.default_rng(9)
    return insurance.benchmarks(*insurance.read(DATA), OF_FOLDS, rng, insurance.in_folds)


@pytest.mark.slow
@needs_data
@pytest.mark.parametrize("measure", range(len(MEASURES)))
def test_intervals_of_folds_hold_the_mean_over_data_sets(
    of_folds: list[Results], measure: int
) -> None:
    print(f"\n{MEASURES[measure]}, five folds: coverage, mean and {COMPARED}")
    for seeds in (3, 5, 10):
        require_coverage(of_folds, measure, seeds)


@pytest.fixture(scope="module")
def of_windows() -> list[Results]:
    """What benchmarks of 100 subsamples found with five windows of time."""
    rng = np.random.default_rng(9)
    return insurance.benchmarks(*insurance.read(DATA), OF_FOLDS, rng, insurance.in_windows)


@pytest.mark.slow
@needs_data
@pytest.mark.parametrize("measure", range(len(MEASURES)))
def test_intervals_of_windows_hold_the_mean_over_data_sets(
    of_windows: list[Results], measure: int
) -> None:
    """Older windows train on fewer rows: the mean is that of the same windows."""
    print(f"\n{MEASURES[measure]}, windows of time: coverage, mean and {COMPARED}")
    for seeds in (3, 5):
        require_coverage([one.first(seeds) for one in of_windows], measure, seeds)


def analysis_of(fits: dict[str, list[Fit]], table_of: Callable[..., Leaderboard]) -> Analysis:
    """The analysis of trainings, as if they had been tracked."""
    strategy = grammar.read("none").strategy
    predicted = {
        label: [predict(strategy, fit, seed) for seed, fit in enumerate(own)]
        for label, own in fits.items()
    }
    measures: dict[str, dict[str, list[float]]] = {}
    for label, own in predicted.items():
        of_seeds = [
            classification.all_metrics(one.labels, one.logits, one.decision.offsets, one.weights)
            | {
                "f1_tuned": classification.decision_metrics(
                    one.labels, one.tuned, one.weights, one.classes
                )["f1"]
            }
            for one in own
        ]
        measures[label] = {name: [values[name] for values in of_seeds] for name in of_seeds[0]}
    return analyse(replace(table_of(measures), row_errors=RowErrors(predicted)))


@pytest.mark.slow
@needs_data
def test_hardly_any_shuffle_of_the_labels_ends_in_a_claim(
    table_of: Callable[..., Leaderboard],
) -> None:
    x, y = insurance.read(DATA)
    rng, shuffles, claimed, better = np.random.default_rng(10), 200, 0, ("none", "oversample")
    for _ in range(shuffles):
        rows = rng.choice(len(y), insurance.ROWS, replace=False)
        own_x, own_y = x[rows], rng.permutation(y[rows])
        fits: dict[str, list[Fit]] = {name: [] for name in (*better, "undersample")}
        splits = [insurance.split(own_y, rng) for _ in range(3)]
        trainings = [insurance.draw(name, own_x, own_y, s[0], rng) for s in splits for name in fits]
        networks = iter(insurance.train(trainings, own_x, own_y))
        for _, *parts in splits:
            for made in fits.values():
                network = next(networks)
                validation, test = (
                    Predictions(part, own_y[part], logits, logits, np.ones(len(part)))
                    for part in parts
                    for logits in [insurance.logits_of(network(own_x[part]))]
                )
                made.append(replace(toys.FIT, validation=validation, test=test))
        analysis = analysis_of(fits, table_of)
        claimed += any(
            analysis.significant(metric, sign) for metric in QUESTIONS for sign in (True, False)
        )
    print(f"\n{claimed} of {shuffles} shuffles end in a claim")
    assert claimed / shuffles <= 0.05
