"""Small networks trained on subsamples of real insurance rows, quick enough for thousands.

Each subsample is a data set of its own: what a benchmark finds on it is held against the mean over
all subsamples, which is what it estimates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit

from benchmark.metrics import classification, influence, stats
from benchmark.metrics.thresholds import best_threshold
from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.windows import TEST, TRAIN, VALIDATION, fold_places, window_places

TRAININGS = ("none", "oversample", "undersample", "class_weight")
TUNED = "threshold"  # the baseline's training at its tuned threshold, one more at own thresholds
MEASURES = ("F1 at own threshold", "F1 at tuned threshold", "average precision")
CORRELATIONS = (stats.AT_OWN_THRESHOLDS, stats.WITHOUT_THRESHOLDS, stats.WITHOUT_THRESHOLDS)
SHARES = (0.7, 0.15, 0.15)
ROWS, SEEDS = 3000, 10  # of a subsample
FOLDS = 5  # of each partition
WINDOWS, OF_WINDOW = 5, 0.1  # their number, and the share of the rows that each tests
EPOCHS, BATCH, UNITS, RATE, MOMENTUM = 8, 64, 8, 0.1, 0.9


@dataclass(frozen=True)
class Training:
    """All that chance decides in a training, drawn before it."""

    batches: Ints  # rows of each step, (steps, BATCH)
    weights: Floats  # of the classes, (2,)
    network: Network  # untrained


@dataclass(frozen=True)
class Network:
    """One hidden layer of tanh units; of several networks, all arrays have a leading axis."""

    hidden: Floats  # (columns + 1, units), the last row is the bias
    out: Floats  # (units + 1,)

    @classmethod
    def random(cls, columns: int, rng: np.random.Generator) -> Network:
        """Draw weights."""
        hidden = rng.normal(size=(columns + 1, UNITS)) / columns**0.5
        return cls(hidden, rng.normal(size=UNITS + 1) / UNITS**0.5)

    def __call__(self, x: Floats) -> Floats:
        """Log-odds of rows, (rows,)."""
        units = np.tanh(x @ self.hidden[:-1] + self.hidden[-1])
        return units @ self.out[:-1] + self.out[-1]


@dataclass(frozen=True)
class Results:
    """What a benchmark of one subsample found.

    Attributes:
        scores: measure -> on the test rows, (strategies, seeds); the baseline is the first.
        influences: measure -> strategy -> seed -> (rows, influences).
    """

    scores: list[Floats]
    influences: list[list[dict[int, tuple[Ints, Floats]]]]

    def first(self, seeds: int) -> Results:
        """The first seeds alone."""
        return Results([own[:, :seeds] for own in self.scores], self.influences)

    def differences(self, measure: int, seeds: int) -> list[stats.Difference]:
        """Differences to the baseline of the first seeds, as a leaderboard compares them."""
        of_seeds = [{seed: own[seed] for seed in range(seeds)} for own in self.influences[measure]]
        rows, count = influence.row_covariance(of_seeds), len(of_seeds)
        signs = np.column_stack([-np.ones(count - 1), np.eye(count - 1)])
        table = list(signs @ self.scores[measure][:, :seeds])
        variances = np.diag(signs @ rows @ signs.T).tolist()
        return stats.differences(table, variances, CORRELATIONS[measure])


def read(path: Path) -> tuple[Floats, Ints]:
    """Return features (rows, columns), scaled, and labels of all rows."""
    frame = pd.read_csv(path / "train.csv")
    age = frame["Age"].to_numpy(np.float64)
    numbers = np.column_stack(
        [age, np.abs(age - 43), frame["Annual_Premium"].clip(upper=1e5), frame["Vintage"]]
    )
    numbers = (numbers - numbers.mean(axis=0)) / numbers.std(axis=0)
    flags = [frame["Gender"] == "Male", frame["Vehicle_Damage"] == "Yes"]
    flags += [frame["Previously_Insured"] == 1]
    flags += [frame["Vehicle_Age"] == age for age in ("< 1 Year", "> 2 Years")]
    flags += [frame["Policy_Sales_Channel"] == channel for channel in (152, 26, 124, 160)]
    flags += [frame["Region_Code"] == region for region in (28, 8)]
    x = np.column_stack([numbers, *flags]).astype(np.float64)
    return x, frame["Response"].to_numpy(np.int64)


Splitter = Callable[[Ints, int, np.random.Generator], Sequence[Ints]]
"""(labels, seed, random generator) -> rows of train, validation and test"""


def at_random(y: Ints, seed: int, rng: np.random.Generator) -> Sequence[Ints]:
    """Split at random, as a task does without folds."""
    return split(y, rng)


def in_folds(y: Ints, seed: int, rng: np.random.Generator) -> Sequence[Ints]:
    """Split as repeated stratified k-fold does."""
    return _parts(fold_places(y, np.arange(len(y)), FOLDS, SHARES[1], seed))


def in_windows(y: Ints, seed: int, rng: np.random.Generator) -> Sequence[Ints]:
    """Split by windows that move back in time, as if rows came one by one."""
    time = np.arange(len(y))
    return _parts(window_places(time, time, WINDOWS, SHARES[1], OF_WINDOW, seed))


def _parts(places: Ints) -> Sequence[Ints]:
    return [np.flatnonzero(places == part) for part in (TRAIN, VALIDATION, TEST)]


def benchmark(
    x: Floats, y: Ints, rows: Ints, rng: np.random.Generator, splitter: Splitter = at_random
) -> Results:
    """Split `rows`, train and measure every strategy at every seed."""
    scores: list[list[list[float]]] = [[[] for _ in _strategies(name)] for name in MEASURES]
    influences: list[list[dict[int, tuple[Ints, Floats]]]] = [
        [{} for _ in _strategies(name)] for name in MEASURES
    ]
    parts: list[Sequence[Ints]] = []
    trainings = []
    for seed in range(SEEDS):
        parts.append([rows[part] for part in splitter(y[rows], seed, rng)])
        trainings += [draw(name, x, y, parts[-1][0], rng) for name in TRAININGS]
    networks = iter(train(trainings, x, y))
    for seed, (_, validation, test) in enumerate(parts):
        for number, strategy in enumerate(TRAININGS):
            network = next(networks)
            validated, tested = network(x[validation]), network(x[test])
            tuned = best_threshold(y[validation], validated, np.ones(len(validation)))
            found = _measured(y[test], tested, tuned)
            places = [(measure, number, one) for measure, one in enumerate(found)]
            if strategy == "none":
                places.append((0, len(TRAININGS), found[1]))
            for measure, place, (value, of_rows) in places:
                scores[measure][place].append(value)
                influences[measure][place][seed] = test, of_rows
    return Results([np.array(own) for own in scores], influences)


def _strategies(measure: str) -> tuple[str, ...]:
    """Return what is compared, the baseline first."""
    return (*TRAININGS, TUNED) if measure == MEASURES[0] else TRAININGS


def benchmarks(
    x: Floats,
    y: Ints,
    subsamples: int,
    rng: np.random.Generator,
    splitter: Splitter = at_random,
) -> list[Results]:
    """Benchmark subsamples drawn at random."""
    drawn = (rng.choice(len(y), ROWS, replace=False) for _ in range(subsamples))
    return [benchmark(x, y, np.sort(rows), rng, splitter) for rows in drawn]


def coverage(results: Sequence[Results], measure: int, seeds: int) -> Floats:
    """Share of subsamples whose interval holds the mean over all of them, by comparison."""
    means = np.mean([one.scores[measure].mean(axis=1) for one in results], axis=0)
    truth = means[1:] - means[0]
    held = [
        [it.low <= true <= it.high for it, true in zip(found, truth, strict=True)]
        for found in (one.differences(measure, seeds) for one in results)
    ]
    return np.asarray(np.mean(held, axis=0), np.float64)


def split(y: Ints, rng: np.random.Generator) -> Sequence[Ints]:
    """Return the rows of train, validation and test, each with the prevalence of all."""
    parts: list[list[Ints]] = [[], [], []]
    for label in (0, 1):
        rows = rng.permutation(np.flatnonzero(y == label))
        ends = np.round(np.cumsum(SHARES)[:2] * len(rows)).astype(int)
        for part, chosen in zip(parts, np.split(rows, ends), strict=True):
            part.append(chosen)
    return [np.sort(np.concatenate(part)) for part in parts]


def draw(strategy: str, x: Floats, y: Ints, train: Ints, rng: np.random.Generator) -> Training:
    """Draw the training of a strategy; every strategy trains for as many steps."""
    steps = EPOCHS * len(train) // BATCH
    positive, negative = train[y[train] == 1], train[y[train] == 0]
    if strategy == "undersample":
        train = np.concatenate([positive, rng.choice(negative, len(positive), replace=False)])
    if strategy == "oversample":
        train = np.concatenate([negative, rng.choice(positive, len(negative))])
    order = [rng.permutation(train) for _ in range(1 + steps * BATCH // len(train))]
    weights = np.ones(2)
    if strategy == "class_weight":
        weights = len(train) / 2 / np.bincount(y[train])
    batches = np.concatenate(order)[: steps * BATCH].reshape(steps, BATCH)
    return Training(batches, weights, Network.random(x.shape[1], rng))


def train(trainings: Sequence[Training], x: Floats, y: Ints) -> list[Network]:
    """Train networks, those of as many steps side by side."""
    trained: dict[int, Network] = {}
    for steps in {len(one.batches) for one in trainings}:
        alike = [place for place, one in enumerate(trainings) if len(one.batches) == steps]
        networks = _descend([trainings[place] for place in alike], x, y)
        trained |= dict(zip(alike, networks, strict=True))
    return [trained[place] for place in range(len(trainings))]


def _descend(trainings: Sequence[Training], x: Floats, y: Ints) -> list[Network]:
    """Descend along the gradients of the weighted log loss of each batch, with momentum."""
    with_ones = np.column_stack([x, np.ones(len(x))])
    hidden = np.stack([one.network.hidden for one in trainings])
    out = np.stack([one.network.out for one in trainings])[:, :, None]
    velocities = np.zeros_like(hidden), np.zeros_like(out)
    batches = np.stack([one.batches for one in trainings], axis=1)  # (steps, networks, BATCH)
    of_class = np.stack([one.weights for one in trainings])
    for rows in batches:
        inputs, labels = with_ones[rows], y[rows]
        weights = np.take_along_axis(of_class, labels, axis=1)
        units = np.tanh(inputs @ hidden)
        scores = (units @ out[:, :-1] + out[:, -1:])[:, :, 0]
        error = (weights * (expit(scores) - labels) / weights.sum(axis=1, keepdims=True))[
            :, :, None
        ]
        back = error * out[:, :-1, 0][:, None] * (1 - units**2)
        total = error.sum(axis=1, keepdims=True)
        gradients = (
            inputs.transpose(0, 2, 1) @ back,
            np.concatenate([units.transpose(0, 2, 1) @ error, total], axis=1),
        )
        for values, velocity, gradient in zip((hidden, out), velocities, gradients, strict=True):
            velocity *= MOMENTUM
            velocity -= RATE * gradient
            values += velocity
    return [Network(*own) for own in zip(hidden, out[:, :, 0], strict=True)]


def logits_of(scores: Floats) -> Floats:
    """Return logits of two classes, (rows, 2), from log-odds."""
    return np.column_stack([np.zeros(len(scores)), scores])


def _measured(y: Ints, scores: Floats, tuned: float) -> list[tuple[float, Floats]]:
    """Value and influences of each measure."""
    ones = np.ones(len(y))
    found = []
    for threshold in (0.0, tuned):
        decisions = (scores >= threshold).astype(np.int64)
        value = classification.decision_metrics(y, decisions, ones, 2)["f1"]
        found.append((value, influence.f1(y, decisions, 2, ones)))
    value = classification.average_precision(y, logits_of(scores), ones)
    return [*found, (value, influence.average_precision(y, logits_of(scores), ones))]
