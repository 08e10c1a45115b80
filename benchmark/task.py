"""What a task is: data, a network and a budget.

A module in ``tasks/`` fills in one ``Task`` and exports it as ``TASK``;
``tasks/_template.py`` shows how. The record's functions are called in the order
in which its fields stand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import UserError
from benchmark.frozen import lock

if TYPE_CHECKING:
    import keras

Ints = NDArray[np.int64]
Kind = Literal["image", "table"]
Source = Literal["real", "synthetic"]

Portion = Literal["all", "search", "confirmation"]  # of the rows, see `restricted`


PLACES = ("train", "validation", "test")  # 0, 1, 2; a row that is to be in none has -1
IMBALANCE = 2  # the stream of random numbers that decides which rows are left out
HALVES = 3  # likewise, which rows no search may see


@dataclass(frozen=True)
class Data:
    """All rows of a data set, before anything was learned from them."""

    rows: Any  # images: uint8 (rows, height, width, 3); tables: a DataFrame
    labels: Ints  # (rows,), positions in `classes`
    groups: Ints  # (rows,); rows of one group (exact duplicates) share a split
    classes: tuple[str, ...]  # of two classes the second is the positive one
    digest: str  # hash of the content
    source: Source
    origin: str  # where it came from, for people
    weights: NDArray[np.float64] | None = None  # (rows,), what a row counts in training
    places: Ints | None = None  # (rows,), where the data itself says so: see `PLACES`
    notes: tuple[str, ...] = ()  # what a person should know about it, a line each


@dataclass(frozen=True)
class Splits:
    """Three disjoint sets of rows, and features whose statistics come from `train` alone."""

    x: NDArray[Any]  # (rows, ...), one row for every row of the data
    y: Ints  # (rows,)
    train: Ints  # row numbers into x and y
    validation: Ints
    test: Ints
    categorical: tuple[int, ...] = ()  # columns of x that hold category codes
    weights: NDArray[np.float64] | None = None  # (rows,), what a row counts in training
    learned: Any = None  # all that was learned from `train` to make x, as JSON can hold it

    def __post_init__(self) -> None:
        """Strategies and seeds share them."""
        lock(self)


@dataclass(frozen=True)
class Budget:
    """How long every strategy trains."""

    steps: int  # optimizer steps
    batch: int  # rows a step; 0 is all of them

    def __str__(self) -> str:
        return f"{self.steps:,} steps of {self.batch or 'all'} rows"


@dataclass(frozen=True)
class Thaw:
    """When layers that are frozen at first begin to learn, and how."""

    share: float  # of the steps, at their end
    optimizer: keras.optimizers.Optimizer  # of all layers from then on


@dataclass(frozen=True)
class Network:
    """An untrained Keras model and its optimizer.

    The model takes rows of ``Splits.x`` and ends in a dense layer with a bias
    that gives one logit a class. Layers that are not trainable stay so, unless there is a thaw.
    """

    model: keras.Model
    optimizer: keras.optimizers.Optimizer
    thaw: Thaw | None = None


@dataclass(frozen=True)
class Reference:
    """An untrained classifier of scikit-learn, to hold networks against.

    It has `fit` (x, y, sample_weight) on rows of ``Splits.x`` and `decision_function`, which
    gives log-odds. It is fitted whole: there are no checkpoints and no curves.
    """

    estimator: Any


@dataclass(frozen=True)
class Task:
    """One classification problem. `S` below is an instance of `settings`.

    settings:  a frozen dataclass; its fields are what ``--settings`` can change,
               ``Annotated[float, Range(1, 100)]`` gives a field its bounds
    load:      (S, path) -> Data; reads and checks real data, UserError names what is wrong
    stand_in:  (S) -> Data; a small synthetic set, the same at every call
    split:     (Data, S, seed) -> Splits; the same for the same seed, UserError if too small
    encode:    (S, learned, raw) -> x of raw rows, just as `split` gives it. Raw rows are a
               DataFrame with the columns of ``Data.rows``; of images, a list of the bytes of
               files. What a deployed model is asked: UserError names what cannot be read
    network:   (S, Splits, classes, Budget) -> Network; Keras has its seed already. Or a
               Reference, if `is_network` says so
    budget:    (S, source) -> Budget; what is trained if nobody says otherwise
    fetch:     (path) -> None; downloads the real set into the folder `path`
    is_network: (S) -> whether `network` gives one, for remedies that change its loss or its start
    """

    summary: str
    kind: Kind
    settings: type
    load: Callable[[Any, Path], Data]
    stand_in: Callable[[Any], Data]
    split: Callable[[Data, Any, int], Splits]
    encode: Callable[[Any, Any, Any], NDArray[Any]]
    network: Callable[[Any, Splits, int, Budget], Network | Reference]
    budget: Callable[[Any, Source], Budget]
    fetch: Callable[[Path], None]
    is_network: Callable[[Any], bool] = lambda settings: True


def guarded(task: Task) -> Task:
    """The same task, whose splits are held to the rules of the experiment."""

    def split(data: Data, settings: Any, seed: int) -> Splits:
        splits = task.split(data, settings, seed)
        _check(splits, data)
        return splits

    return replace(task, split=split)


def _check(splits: Splits, data: Data) -> None:
    """Raises UserError for splits that share rows or lack a class."""
    parts = {"train": splits.train, "validation": splits.validation, "test": splits.test}
    if len(splits.x) != len(data.labels) or not np.array_equal(splits.y, data.labels):
        raise UserError(f"{data.origin}: the task's splits have other rows than its data")
    _require_classes(parts, data)
    together = np.concatenate(list(parts.values()))
    groups = [np.unique(data.groups[rows]) for rows in parts.values()]
    if len(np.unique(together)) < len(together) or (
        len(np.unique(np.concatenate(groups))) < sum(map(len, groups))
    ):
        raise UserError(
            f"{data.origin}: a row, or an exact duplicate of it, is in more than one place of the "
            "task's splits: split first, by groups, and leave resampling to the strategies"
        )


def _require_classes(parts: Mapping[str, Ints], data: Data) -> None:
    """Of more than two classes, those with too few rows to be held out may be in training alone."""
    firsts = np.unique(data.groups, return_index=True)[1]
    groups = np.bincount(data.labels[firsts], minlength=len(data.classes))
    few = (groups < len(PLACES)) & (len(data.classes) > 2)
    for part, rows in parts.items():
        counts = np.bincount(data.labels[rows], minlength=len(data.classes))
        exempt = few & ("train" not in part)
        for label in np.flatnonzero((counts == 0) & ~exempt):
            raise UserError(
                f"{data.origin}: no row of class {data.classes[label]!r} is in the {part} split: "
                "it needs more rows of that class, or a larger share"
            )


def held_out(data: Data) -> NDArray[np.bool_]:
    """Which rows no search may see: half of each class, always the same half.

    Rows of one group stay together.
    """
    return np.asarray(_dealt(data, (0.5, 0.5), [0, HALVES], "a search and its confirmation") == 1)


def restricted(splits: Splits, data: Data, portion: Portion) -> Splits:
    """What a search, or the confirmation of what it found, has of the splits of a seed.

    Splits of other seeds are random splits of the same rows: what one seed tests on, another
    trains or validates on. So half of the rows are `held_out` of every search. It trains and
    validates on the rest of the splits of its own seeds; it has no test split, and no label of
    another row. A confirmation trains and validates on all of its splits, and tests on held out
    rows alone: on nothing that the search has seen at any seed.
    """
    if portion == "all":
        return splits
    held = held_out(data)
    if portion == "confirmation":
        test = splits.test[held[splits.test]]
        _require_classes({"confirmation's test": test}, data)
        return replace(splits, test=test)
    train, validation = (rows[~held[rows]] for rows in (splits.train, splits.validation))
    _require_classes({"search's train": train, "search's validation": validation}, data)
    y = np.full_like(splits.y, -1)
    for rows in (train, validation):
        y[rows] = splits.y[rows]
    return replace(splits, y=y, train=train, validation=validation, test=splits.test[:0])


def class_shares(labels: Ints, classes: int, weights: NDArray[Any] | None = None) -> NDArray[Any]:
    """The share of each class, float64 (classes,), of rows that may be weighted."""
    counts = np.bincount(labels, weights=weights, minlength=classes)
    return np.asarray(counts / counts.sum(), np.float64)


def split_by_share(
    data: Data, shares: tuple[float, float, float], seed: int
) -> tuple[Ints, Ints, Ints]:
    """Rows of train, validation and test, each with the population's prevalence.

    Rows of one group stay together. Raises UserError if a class is too small to
    be in every split.
    """
    part = _dealt(data, shares, seed, "train, validation and test")
    train, validation, test = (np.flatnonzero(part == number) for number in range(3))
    return train, validation, test


def _dealt(data: Data, shares: Sequence[float], seed: int | list[int], parts: str) -> Ints:
    """The part of each row, 0, 1, ...; each part has the population's prevalence."""
    rng = np.random.default_rng(seed)
    _, firsts, group = np.unique(data.groups, return_index=True, return_inverse=True)
    destination = np.empty(len(firsts), np.int64)
    for label, name in enumerate(data.classes):
        members = rng.permutation(np.flatnonzero(data.labels[firsts] == label))
        ends = np.round(np.cumsum(shares) * len(members)).astype(int)
        dealt = np.split(members, ends[:-1])
        if min(map(len, dealt)) == 0:
            raise UserError(
                f"{data.origin}: class {name!r} has {len(members)} distinct rows, "
                f"too few for {parts}"
            )
        for number, part in enumerate(dealt):
            destination[part] = number
    return destination[group]


def split_by_count(data: Data, counts: NDArray[np.int64], seed: int) -> tuple[Ints, Ints, Ints]:
    """Rows of train, validation and test with ``counts[split, class]`` rows each.

    Of each group one row is used. Another count for training leaves validation and test as
    they are. Raises UserError if a class has too few.
    """
    rng = np.random.default_rng(seed)
    _, firsts = np.unique(data.groups, return_index=True)
    parts: tuple[list[Ints], list[Ints], list[Ints]] = ([], [], [])
    for label, name in enumerate(data.classes):
        members = rng.permutation(firsts[data.labels[firsts] == label])
        needed = int(counts[:, label].sum())
        if len(members) < needed:
            raise UserError(
                f"{data.origin}: class {name!r} has {len(members)} distinct rows, "
                f"but train, validation and test together need {needed}"
            )
        backwards = np.cumsum(counts[::-1, label])  # test first
        for part, chosen in zip(
            parts[::-1], np.split(members[:needed], backwards[:2]), strict=True
        ):
            part.append(chosen)
    train, validation, test = (np.sort(np.concatenate(part)) for part in parts)
    return train, validation, test


def at_imbalance(labels: Ints, imbalance: float, seed: int) -> Ints:
    """Positions of as many rows as there can be with `imbalance` negatives for each positive.

    Rows of one class only are left out, at random. Raises UserError if no positive would be left.
    """
    negatives, positives = (np.flatnonzero(labels == label) for label in range(2))
    fewer_negatives = round(len(positives) * imbalance)
    fewer_positives = round(len(negatives) / imbalance)
    if fewer_positives < 1:
        raise UserError(
            f"imbalance {imbalance:g} leaves no positive row beside {len(negatives):,} negative "
            "ones: lower it"
        )
    rng = np.random.default_rng([seed, IMBALANCE])
    kept = [
        rng.permutation(negatives)[:fewer_negatives],
        rng.permutation(positives)[:fewer_positives],
    ]
    return np.sort(np.concatenate(kept))
