"""Splits of data that may have groups of several classes, or say themselves where rows belong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmark.errors import UserError
from benchmark.task import PLACES, Data, Ints, split_by_share

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
    return np.where(places == latest[group], places, NOWHERE)


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
    return places
