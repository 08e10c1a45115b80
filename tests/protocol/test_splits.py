"""Splits: prevalence, disjointness, groups that stay together, seeds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from benchmark.protocol.arrays import Ints
from benchmark.protocol.errors import UserError
from benchmark.protocol.splits import (
    at_imbalance,
    class_shares,
    held_out_rows,
    left_over,
    restrict,
    split_by_count,
    split_by_share,
)
from benchmark.protocol.task import Data, Splits

Parts = tuple[Ints, Ints, Ints]
SHARES = (0.6, 0.2, 0.2)
COUNTS = np.array([[300, 30], [100, 10], [100, 10]])


def population(labels: Any, groups: Any = None) -> Data:
    labels = np.asarray(labels)
    groups = np.arange(len(labels)) if groups is None else np.asarray(groups)
    return Data(np.zeros(len(labels)), labels, groups, ("no", "yes"), "digest", "real", "rows.csv")


def shuffled(negatives: int, positives: int) -> Ints:
    return np.random.default_rng(5).permutation(np.repeat([0, 1], [negatives, positives]))


def by_share(data: Data, seed: int) -> Parts:
    return split_by_share(data, SHARES, seed)


def by_count(data: Data, seed: int) -> Parts:
    return split_by_count(data, COUNTS, seed)


BOTH = pytest.mark.parametrize("split", [by_share, by_count])
Split = Callable[[Data, int], Parts]


@pytest.mark.parametrize("labels", [shuffled(900, 100), np.sort(shuffled(900, 100))])
def test_a_split_by_share_uses_every_row_once_and_keeps_the_prevalence(labels: Ints) -> None:
    parts = by_share(population(labels), 3)
    assert np.sort(np.concatenate(parts)).tolist() == list(range(1000))
    assert [len(part) for part in parts] == [600, 200, 200]
    assert [int(labels[part].sum()) for part in parts] == [60, 20, 20]


def test_shares_that_do_not_divide_the_rows_are_rounded_to_the_nearest_row() -> None:
    labels = shuffled(997, 103)
    parts = by_share(population(labels), 0)
    assert sum(map(len, parts)) == 1100
    for part, share in zip(parts, SHARES, strict=True):
        assert abs(int(labels[part].sum()) - share * 103) <= 1
        assert abs(len(part) - share * 1100) <= 2


@pytest.mark.parametrize("labels", [shuffled(900, 100), np.sort(shuffled(900, 100))[::-1]])
def test_a_split_by_count_has_exactly_those_counts_and_no_row_twice(labels: Ints) -> None:
    parts = by_count(population(labels), 3)
    assert [np.bincount(labels[part]).tolist() for part in parts] == COUNTS.tolist()
    rows = np.concatenate(parts)
    assert len(np.unique(rows)) == len(rows) == COUNTS.sum()


def test_a_split_by_count_may_use_every_row() -> None:
    assert len(np.concatenate(by_count(population(shuffled(500, 50)), 0))) == 550


@pytest.mark.parametrize("labels", [shuffled(900, 400), shuffled(501, 51)])
def test_without_counts_for_test_all_that_are_left_are_tested(labels: Ints) -> None:
    data = population(labels)
    train, validation, test = split_by_count(data, COUNTS[:2], 3)
    assert np.sort(np.concatenate([train, validation, test])).tolist() == [*range(len(labels))]
    assert np.bincount(labels[train]).tolist() == [300, 30]
    assert np.bincount(labels[validation]).tolist() == [100, 10]


def test_rows_that_are_left_over_are_one_of_each_group() -> None:
    labels = np.repeat(shuffled(900, 400), 3)
    data = population(labels, np.arange(3900) // 3)
    parts = split_by_count(data, COUNTS[:2], 0)
    rows = np.concatenate(parts)
    assert len(np.unique(data.groups[rows])) == len(rows) == 1300
    left = left_over(data, *parts[:2])
    assert left.tolist() == parts[2].tolist()
    twice = data.groups[np.concatenate([left, *parts[:2]])]
    assert len(np.unique(twice)) == len(twice)
    assert left_over(data, rows).tolist() == []


def test_the_size_of_test_changes_no_other_split_and_a_smaller_one_is_part_of_a_larger() -> None:
    data = population(shuffled(900, 400))
    open_ended = split_by_count(data, COUNTS[:2], 7)
    larger = open_ended[2]
    for tested in ([500, 300], [100, 10], [1, 1]):
        train, validation, test = split_by_count(data, np.array([*COUNTS[:2], tested]), 7)
        assert train.tolist() == open_ended[0].tolist()
        assert validation.tolist() == open_ended[1].tolist()
        assert set(test) < set(larger) and np.bincount(data.labels[test]).tolist() == tested
        larger = test


def test_the_size_of_training_changes_no_validation_and_no_test_of_given_size() -> None:
    data = population(shuffled(900, 400))
    plain, balanced = (
        split_by_count(data, np.array([train, *COUNTS[1:]]), 7) for train in ([300, 30], [300, 300])
    )
    assert plain[1].tolist() == balanced[1].tolist() and plain[2].tolist() == balanced[2].tolist()
    assert set(plain[0]) < set(balanced[0])


def test_a_class_without_a_row_left_for_test_is_refused() -> None:
    with pytest.raises(UserError, match=r"class 'yes' has 40 distinct rows, .* together need 41"):
        split_by_count(population(shuffled(900, 40)), COUNTS[:2], 0)


def test_three_classes_split_by_share_and_by_count() -> None:
    labels = np.repeat([0, 1, 2], [100, 50, 10])
    data = Data(labels, labels, np.arange(160), ("a", "b", "c"), "digest", "real", "x")
    for parts in (
        split_by_share(data, SHARES, 0),
        split_by_count(data, np.array([[60, 30, 6], [20, 10, 2], [20, 10, 2]]), 0),
    ):
        assert [np.bincount(labels[part]).tolist() for part in parts] == [
            [60, 30, 6],
            [20, 10, 2],
            [20, 10, 2],
        ]


@BOTH
def test_groups_never_straddle_splits(split: Split) -> None:
    labels = shuffled(1800, 200)
    # pairs and triples of rows of one class are duplicates of one another
    groups = np.empty(2000, np.int64)
    for label in (0, 1):
        members = np.flatnonzero(labels == label)
        groups[members] = label * 10_000 + np.arange(len(members)) // 3
    parts = [set(groups[part].tolist()) for part in split(population(labels, groups), 1)]
    assert not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])


def test_a_split_by_share_keeps_all_rows_of_a_group_and_by_count_one() -> None:
    labels = np.repeat(shuffled(500, 50), 2)
    data = population(labels, np.arange(1100) // 2)
    assert len(np.concatenate(by_share(data, 0))) == 1100
    rows = np.concatenate(by_count(data, 0))
    assert len(np.unique(data.groups[rows])) == len(rows) == 550


def test_equal_rows_with_different_labels_stay_together() -> None:
    labels, groups = np.tile([0, 1, 1, 0, 0, 0, 0, 0], 50), np.arange(400) // 2
    parts = [set(groups[part].tolist()) for part in by_share(population(labels, groups), 0)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 200


@BOTH
def test_rows_come_sorted_as_whole_numbers(split: Split) -> None:
    for part in split(population(shuffled(900, 100)), 0):
        assert part.dtype == np.int64
        assert (np.diff(part) > 0).all()


@BOTH
def test_the_same_seed_gives_the_same_split_and_another_seed_another(split: Split) -> None:
    data = population(shuffled(900, 100))
    once, again, other = split(data, 4), split(data, 4), split(data, 5)
    for number in range(3):
        assert once[number].tolist() == again[number].tolist()
        assert once[number].tolist() != other[number].tolist()


@BOTH
def test_both_classes_are_drawn_at_random(split: Split) -> None:
    labels = np.sort(shuffled(900, 100))
    train, _, _ = split(population(labels), 0)
    for label in (0, 1):
        place = np.flatnonzero(labels == label)
        drawn = train[labels[train] == label]
        assert abs(drawn.mean() - place.mean()) < 0.1 * len(place)  # not only the first ones


def test_too_few_rows_for_the_shares_are_refused_by_class() -> None:
    with pytest.raises(UserError) as error:
        by_share(population(shuffled(900, 2)), 0)
    assert str(error.value) == (
        "rows.csv: class 'yes' has 2 distinct rows, too few for train, validation and test"
    )


@pytest.mark.parametrize(
    ("labels", "groups", "complaint"),
    [
        (shuffled(499, 50), None, "class 'no' has 499 distinct rows, but .* together need 500"),
        (shuffled(900, 49), None, "class 'yes' has 49 distinct rows, but .* together need 50"),
        # duplicates do not count
        (np.sort(shuffled(600, 50)), np.arange(650) // 2, "class 'no' has 300 distinct rows"),
    ],
)
def test_too_few_rows_for_the_counts_are_refused_by_class(
    labels: Ints, groups: Ints | None, complaint: str
) -> None:
    with pytest.raises(UserError, match=f"^rows.csv: {complaint}"):
        by_count(population(labels, groups), 0)


@pytest.mark.parametrize(
    ("weights", "shares"),
    [(None, [0.5, 0.25, 0.25, 0]), (np.array([1, 2, 3, 4.0]), [0.5, 0.2, 0.3, 0])],
)
def test_class_shares_count_weights_and_absent_classes(weights: Any, shares: list[float]) -> None:
    assert class_shares(np.array([0, 1, 2, 0]), 4, weights).tolist() == pytest.approx(shares)


@pytest.mark.parametrize("imbalance, kept", [(2, [200, 100]), (9, [900, 100]), (90, [900, 10])])
def test_an_imbalance_is_reached_by_leaving_rows_of_one_class_out(
    imbalance: float, kept: list[int]
) -> None:
    labels = shuffled(900, 100)
    rows = at_imbalance(labels, imbalance, 0)
    assert np.bincount(labels[rows]).tolist() == kept
    assert len(set(rows.tolist())) == len(rows)
    np.testing.assert_array_equal(rows, at_imbalance(labels, imbalance, 0))
    if sum(kept) < 1000:
        assert set(rows) != set(at_imbalance(labels, imbalance, 1))


def test_an_imbalance_that_leaves_no_positive_is_refused() -> None:
    with pytest.raises(UserError, match="imbalance 2000 leaves no positive row beside 900"):
        at_imbalance(shuffled(900, 100), 2000, 0)


def test_half_of_each_class_is_held_out_and_groups_stay_together() -> None:
    labels = shuffled(900, 100)
    groups = np.arange(1000)
    groups[labels == 0] //= 3
    data = population(labels, groups)
    held = held_out_rows(data)
    assert held[labels == 1].sum() == 50
    assert 0.45 < held[labels == 0].mean() < 0.55
    assert not set(groups[held]) & set(groups[~held])
    assert held.tolist() == held_out_rows(data).tolist()


def test_the_half_that_is_held_out_has_nothing_to_do_with_the_splits_of_any_seed() -> None:
    data = population(shuffled(900, 100))
    held = held_out_rows(data)
    for seed in range(20):
        for rows in (*by_share(data, seed), *by_count(data, seed)):
            spread = np.sqrt(0.25 / len(rows))
            assert abs(held[rows].mean() - 0.5) < 5 * spread


@BOTH
def test_no_row_that_a_search_sees_is_tested_by_its_confirmation(split: Split) -> None:
    data = population(shuffled(900, 100))
    seen: set[int] = set()
    tested: set[int] = set()
    for seed in range(5):
        parts = [
            Splits(np.zeros(1000), data.labels, *split(data, at)) for at in (1000 + seed, seed)
        ]
        searched, confirmed = (
            restrict(parts[0], data, "search"),
            restrict(parts[1], data, "confirmation"),
        )
        assert len(searched.test) == 0
        used = np.concatenate([searched.train, searched.validation])
        assert (searched.y[used] == data.labels[used]).all()
        assert (np.delete(searched.y, used) == -1).all()
        assert confirmed.train.tolist() == parts[1].train.tolist()
        assert confirmed.validation.tolist() == parts[1].validation.tolist()
        seen |= {*used.tolist()}
        tested |= {*confirmed.test.tolist()}
    assert tested and not seen & tested


def test_all_rows_are_as_they_were() -> None:
    data = population(shuffled(900, 100))
    splits = Splits(np.zeros(1000), data.labels, *by_share(data, 0))
    assert restrict(splits, data, "all") is splits


@pytest.mark.parametrize("portion", ["search", "confirmation"])
def test_a_class_that_is_too_small_for_a_search_is_named(portion: Any) -> None:
    data = population(np.repeat([0, 1], [60, 3]))
    held = np.flatnonzero(held_out_rows(data) & (data.labels == 1))
    free = np.setdiff1d([60, 61, 62], held)
    negatives = np.arange(60)
    rare = {"search": (held[:1], held[1:], free), "confirmation": (held, free[:1], free[1:])}
    parts = [
        np.concatenate([own, few])
        for own, few in zip(np.split(negatives, 3), rare[portion], strict=True)
    ]
    with pytest.raises(UserError, match=f"no row of class 'yes' is in the {portion}'s"):
        restrict(Splits(np.zeros(63), data.labels, *parts), data, portion)


def test_groups_of_both_classes_are_split_by_share() -> None:
    labels = np.tile([0, 0, 0, 1], 100)
    data = population(labels, np.arange(400) // 4)
    parts = by_share(data, 0)
    assert [np.bincount(labels[part]).tolist() for part in parts] == [
        [180, 60],
        [60, 20],
        [60, 20],
    ]
    assert len(set.intersection(*(set(data.groups[part].tolist()) for part in parts))) == 0
    assert held_out_rows(data).sum() == 200


@pytest.mark.parametrize("seed", range(5))
def test_one_large_group_leaves_every_split_its_share_of_each_class(seed: int) -> None:
    labels = shuffled(9770, 230)
    groups = np.arange(10_000)
    groups[np.flatnonzero(labels == 0)[:3329]] = -1
    parts = by_share(population(labels, groups), seed)
    assert [len(part) for part in parts] == [6000, 2000, 2000]
    assert [int(labels[part].sum()) for part in parts] == [138, 46, 46]
    assert (groups[parts[0]] == -1).sum() == 3329


@pytest.mark.parametrize("seed", range(5))
def test_groups_of_all_sizes_leave_every_split_about_its_share(seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(400), np.minimum(rng.pareto(1.2, 400) * 5 + 1, 900).astype(int))
    labels = (rng.random(len(groups)) < rng.beta(0.5, 9, 400)[groups]).astype(np.int64)
    parts = by_share(population(labels, groups), seed)
    for part, share in zip(parts, SHARES, strict=True):
        assert len(part) / len(labels) == pytest.approx(share, abs=0.06)
        assert labels[part].sum() / labels.sum() == pytest.approx(share, abs=0.05)


def test_a_group_of_most_rows_leaves_others_to_train_on() -> None:
    labels = shuffled(900, 100)
    groups = np.arange(1000)
    groups[np.flatnonzero(labels == 0)[:800]] = -1
    train, *_ = by_share(population(labels, groups), 0)
    assert (groups[train] == -1).sum() == 800
    assert ((groups[train] >= 0) & (labels[train] == 0)).sum() >= 10
