"""Splits: by share, count, group or time; and the rows that a search may not see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.protocol.arrays import Ints
from benchmark.protocol.errors import UserError
from benchmark.protocol.task import Data, Portion, Splits, Task

PLACES = ("train", "validation", "test")  # 0, 1, 2; a row that is to be in none has -1
IMBALANCE = 2  # the stream of random numbers that decides which rows are left out
HALVES = 3  # likewise, which rows no search may see


def with_checked_splits(task: Task) -> Task:
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


def held_out_rows(data: Data) -> NDArray[np.bool_]:
    """Which rows no search may see: half of each class, always the same half.

    Rows of one group stay together.
    """
    return np.asarray(_deal(data, (0.5, 0.5), [0, HALVES], "a search and its confirmation") == 1)


def restrict(splits: Splits, data: Data, portion: Portion) -> Splits:
    """What a search, or the confirmation of what it found, has of the splits of a seed.

    Splits of other seeds are random splits of the same rows: what one seed tests on, another
    trains or validates on. So half of the rows are `held_out` of every search. It trains and
    validates on the rest of the splits of its own seeds; it has no test split, and no label of
    another row. A confirmation trains and validates on all of its splits, and tests on held out
    rows alone: on nothing that the search has seen at any seed.
    """
    if portion == "all":
        return splits
    held = held_out_rows(data)
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
    part = _deal(data, shares, seed, "train, validation and test")
    train, validation, test = (np.flatnonzero(part == number) for number in range(3))
    return train, validation, test


def _deal(data: Data, shares: Sequence[float], seed: int | list[int], parts: str) -> Ints:
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


SAME_TEST = (
    "every seed tests the same rows: intervals over seeds do not tell what other rows would give"
)
NOWHERE, TRAIN, VALIDATION, TEST = range(-1, len(PLACES))


def by_groups(data: Data, validation: float, test: float, seed: int) -> tuple[Ints, Ints, Ints]:
    """Rows of train, validation and test, by the shares of the last two.

    A group counts as its rarest class, so that each class gets its share of them. Where the
    data says which rows are to be tested, validation is taken from the others if need be.
    """
    given = data.places
    data = replace(data, labels=_rarest(data))
    if given is None:
        return split_by_share(data, (1 - validation - test, validation, test), seed)
    parts = [np.flatnonzero(given == place) for place in (TRAIN, VALIDATION, TEST)]
    if not len(parts[VALIDATION]):
        known = parts[TRAIN]
        rest = replace(data, labels=data.labels[known], groups=data.groups[known], places=None)
        share = validation / (1 - test)
        halves = split_by_share(rest, (1 - share, share / 2, share / 2), seed)
        parts[:2] = known[halves[0]], known[np.sort(np.concatenate(halves[1:]))]
    return parts[TRAIN], parts[VALIDATION], parts[TEST]


def _rarest(data: Data) -> Ints:
    """Of each row, the rarest class in its group."""
    order = np.argsort(np.bincount(data.labels, minlength=len(data.classes)), kind="stable")
    rank = np.argsort(order)[data.labels]
    _, group = np.unique(data.groups, return_inverse=True)
    lowest = np.full(group.max() + 1, len(order))
    np.minimum.at(lowest, group, rank)
    return np.asarray(order[lowest[group]], np.int64)


def without_straddlers(places: Ints, groups: Ints) -> Ints:
    """The places, but a row is in none where its group is in a later split too."""
    _, group = np.unique(groups, return_inverse=True)
    latest = np.full(group.max() + 1, NOWHERE)
    np.maximum.at(latest, group, places)
    return np.asarray(np.where(places == latest[group], places, NOWHERE), np.int64)


def by_time(times: np.ndarray, validation: float, test: float) -> Ints:
    """The place of each row: the newest are tested, those before them validate.

    Rows of one moment stay together. Raises UserError if there are too few moments.
    """
    first, second = np.quantile(
        times, (1 - validation - test, 1 - test), method="closest_observation"
    )
    places = (times >= first).astype(np.int64) + (times >= second)
    if len(np.unique(places)) < len(PLACES):
        raise UserError(
            f"{len(np.unique(times)):,} points in time, too unevenly spread for train, "
            "validation and test: lower their shares or leave out time="
        )
    return np.asarray(places, np.int64)
