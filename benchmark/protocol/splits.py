"""Splits by share, count or group, and the rows that are held out from every search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.protocol.arrays import Ints
from benchmark.protocol.dealing import deal
from benchmark.protocol.errors import UserError
from benchmark.protocol.task import Data, Portion, Splits, Task
from benchmark.protocol.windows import (
    TEST,
    TRAIN,
    VALIDATION,
    fold_places,
    window_places,
)

PLACES = ("train", "validation", "test")  # 0, 1, 2; -1 is a row in no split
IMBALANCE = 2  # random stream that chooses which rows are left out
HALVES = 3  # random stream that chooses which rows are held out from searches


def with_checked_splits(task: Task) -> Task:
    """Return the task with splits that are checked against the rules of the experiment."""

    def split(data: Data, settings: Any, seed: int) -> Splits:
        splits = task.split(data, settings, seed)
        _check(splits, data)
        return splits

    return replace(task, split=split)


def _check(splits: Splits, data: Data) -> None:
    """Raise UserError for splits that share rows or lack a class."""
    parts = {"train": splits.train, "validation": splits.validation, "test": splits.test}
    if len(splits.x) != len(data.labels) or not np.array_equal(splits.y, data.labels):
        raise UserError(f"{data.origin}: the splits of the task have other rows than its data")
    _require_classes(parts, data)
    _require_population(splits, data)
    rows = np.bincount(np.concatenate(list(parts.values())))
    group = np.unique(data.groups, return_inverse=True)[1]
    holds = np.zeros((len(parts), group.max() + 1), bool)
    for number, part in enumerate(parts.values()):
        holds[number, group[part]] = True
    if rows.max() > 1 or holds.sum(axis=0).max() > 1:
        raise UserError(
            f"{data.origin}: a row, or an exact duplicate of it, is in two places of the task's "
            "splits: split first, by groups, and leave resampling to the strategies"
        )


def _require_population(splits: Splits, data: Data) -> None:
    """Raise UserError for a population that is not the share of each class."""
    shares = splits.population
    if shares is None:
        return
    one_each = shares.shape == (len(data.classes),) and (shares > 0).all()
    if not (one_each and np.isclose(shares.sum(), 1)):
        raise UserError(
            f"{data.origin}: the population of the task's splits is {shares.tolist()}: it needs a "
            f"share above 0 of each of its {len(data.classes)} classes, 1 in all"
        )


def _require_classes(parts: Mapping[str, Ints], data: Data) -> None:
    """Raise UserError if a class has no row in a split.

    With more than two classes, a class of too few groups for three splits may be in training
    alone.
    """
    few = np.zeros(len(data.classes), bool)
    if len(data.classes) > 2:
        group = np.unique(data.groups, return_inverse=True)[1]
        pairs = np.unique(group * len(data.classes) + data.labels)
        few = np.bincount(pairs % len(data.classes), minlength=len(data.classes)) < len(PLACES)
    for part, rows in parts.items():
        counts = np.bincount(data.labels[rows], minlength=len(data.classes))
        exempt = few & ("train" not in part)
        for label in np.flatnonzero((counts == 0) & ~exempt):
            raise UserError(
                f"{data.origin}: no row of class {data.classes[label]!r} is in the {part} split: "
                "add rows of that class or give the split a larger share"
            )


def held_out_rows(data: Data) -> NDArray[np.bool_]:
    """Return the mask of rows held out from every search: always the same half of each class.

    Rows of one group stay together.
    """
    return np.asarray(_deal(data, (0.5, 0.5), [0, HALVES], "a search and its confirmation") == 1)


def restrict(splits: Splits, data: Data, portion: Portion) -> Splits:
    """Return the portion of a seed's splits that a search, or its confirmation, may use.

    Splits of other seeds are random splits of the same rows: rows that one seed tests on, another
    trains or validates on. Therefore half of the rows are held out from every search
    (`held_out_rows`). A search trains and validates on the rest of its splits; it has no test
    split and no label of any other row. A confirmation trains and validates on all of its splits
    and tests on held-out rows alone: on nothing that the search has seen at any seed.
    """
    if portion == "all":
        return splits
    held_out = held_out_rows(data)
    if portion == "confirmation":
        test = splits.test[held_out[splits.test]]
        _require_classes({"confirmation's test": test}, data)
        return replace(splits, test=test)
    train, validation = (rows[~held_out[rows]] for rows in (splits.train, splits.validation))
    _require_classes({"search's train": train, "search's validation": validation}, data)
    y = np.full_like(splits.y, -1)
    for rows in (train, validation):
        y[rows] = splits.y[rows]
    return replace(splits, y=y, train=train, validation=validation, test=splits.test[:0])


def class_shares(labels: Ints, classes: int, weights: NDArray[Any] | None = None) -> NDArray[Any]:
    """Return the share of each class, float64 (classes,), of rows that may be weighted."""
    counts = np.bincount(labels, weights=weights, minlength=classes)
    return np.asarray(counts / counts.sum(), np.float64)


def split_by_share(
    data: Data, shares: tuple[float, float, float], seed: int
) -> tuple[Ints, Ints, Ints]:
    """Return the rows of train, validation and test, each with the population's prevalence.

    Rows of one group stay together.

    Args:
        shares: of train, validation and test; they add up to 1.

    Raises:
        UserError: if a class is too small to be in every split.
    """
    place = _deal(data, shares, seed, "train, validation and test")
    train, validation, test = (np.flatnonzero(place == number) for number in range(3))
    return train, validation, test


def _deal(data: Data, shares: Sequence[float], seed: int | list[int], parts: str) -> Ints:
    """Return the part of each row, 0, 1, ...; each part has the population's prevalence.

    Args:
        parts: their names in an error.
    """
    place = deal(data.labels, data.groups, shares, np.random.default_rng(seed))
    for label, name in enumerate(data.classes):
        of_class = data.labels == label
        if len(np.unique(place[of_class])) < len(shares):
            found, rows = len(np.unique(data.groups[of_class])), int(of_class.sum())
            or_groups = " or groups" if found < rows else ""
            raise UserError(
                f"{data.origin}: class {name!r} has {found} distinct rows{or_groups}, "
                f"too few for {parts}"
            )
    return place


def split_by_count(data: Data, counts: NDArray[np.int64], seed: int) -> tuple[Ints, Ints, Ints]:
    """Return the rows of train, validation and test, ``counts[split, class]`` of each class.

    Without a third row of counts, test takes all rows that are left over. One row per group is
    used. Other counts for test leave training and validation unchanged, and other counts for
    training leave validation unchanged, and test where it has counts.

    Raises:
        UserError: if a class has too few distinct rows.
    """
    rng = np.random.default_rng(seed)
    _, firsts = np.unique(data.groups, return_index=True)
    parts: list[list[Ints]] = [[], [], []]
    for label, name in enumerate(data.classes):
        members = rng.permutation(firsts[data.labels[firsts] == label])
        trained, validated, *tested = counts[:, label].tolist()
        least = tested[0] if tested else 1
        needed = trained + validated + least
        if len(members) < needed:
            raise UserError(
                f"{data.origin}: class {name!r} has {len(members)} distinct rows, "
                f"but train, validation and test together need {needed}"
            )
        # validation is dealt from one end and training from the other: test lies between them
        begin = len(members) - trained
        end = validated + least if tested else begin
        chosen = (members[begin:], members[:validated], members[validated:end])
        for part, rows in zip(parts, chosen, strict=True):
            part.append(rows)
    train, validation, test = (np.sort(np.concatenate(part)) for part in parts)
    return train, validation, test


def left_over(data: Data, *parts: Ints) -> Ints:
    """Return one row of every group that has no row in any of the parts."""
    firsts = np.unique(data.groups, return_index=True)[1]
    used = data.groups[np.concatenate(parts)]
    return np.sort(firsts[~np.isin(data.groups[firsts], used)])


def at_imbalance(labels: Ints, imbalance: float, seed: int) -> Ints:
    """Return the positions of the largest subset with `imbalance` negatives per positive.

    Rows of one class only are left out, at random.

    Raises:
        UserError: if no positive row would remain.
    """
    negatives, positives = (np.flatnonzero(labels == label) for label in range(2))
    fewer_negatives = round(len(positives) * imbalance)
    fewer_positives = round(len(negatives) / imbalance)
    if fewer_positives < 1:
        raise UserError(
            f"imbalance {imbalance:g} leaves no positive row beside {len(negatives):,} negative "
            "rows: lower it"
        )
    rng = np.random.default_rng([seed, IMBALANCE])
    remaining = [
        rng.permutation(negatives)[:fewer_negatives],
        rng.permutation(positives)[:fewer_positives],
    ]
    return np.sort(np.concatenate(remaining))


def join_groups(first: Ints, second: Ints) -> Ints:
    """Return groups that keep together what either of two groupings does, (rows,)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    links = (first, first.max() + 1 + second)
    nodes = int(links[1].max()) + 1
    graph = coo_array((np.ones(len(first), bool), links), shape=(nodes, nodes))
    return np.asarray(connected_components(graph, directed=False)[1][first], np.int64)


SAME_TEST = "every seed tests the same rows; intervals include what their choice leaves to chance"


def by_groups(data: Data, validation: float, test: float, seed: int) -> tuple[Ints, Ints, Ints]:
    """Return the rows of train, validation and test; rows of one group stay together.

    Where the data itself places rows (`Data.places`), those places hold; without a place for
    validation, its rows are taken from training.

    Args:
        validation: share of all rows.
        test: share of all rows.
    """
    places = data.places
    if places is None:
        return split_by_share(data, (1 - validation - test, validation, test), seed)
    parts = [np.flatnonzero(places == place) for place in (TRAIN, VALIDATION, TEST)]
    if not len(parts[VALIDATION]):
        rows = parts[TRAIN]
        rest = replace(data, labels=data.labels[rows], groups=data.groups[rows], places=None)
        share = validation / (1 - test)
        thirds = split_by_share(rest, (1 - share, share / 2, share / 2), seed)
        parts[:2] = rows[thirds[0]], rows[np.sort(np.concatenate(thirds[1:]))]
    return parts[TRAIN], parts[VALIDATION], parts[TEST]


def by_turns(
    data: Data, validation: float, test: float, seed: int, folds: int
) -> tuple[Ints, Ints, Ints]:
    """Return the rows of train, validation and test where every seed tests other rows.

    They are windows of time where the data has times, else folds; see `windows`.

    Args:
        folds: of each partition, or windows.
    """
    if data.times is not None:
        places = window_places(data.times, data.groups, folds, validation, test, seed)
    else:
        places = fold_places(data.labels, data.groups, folds, validation, seed)
    train, validate, tested = (np.flatnonzero(places == it) for it in (TRAIN, VALIDATION, TEST))
    return train, validate, tested
