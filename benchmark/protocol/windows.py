"""Places of rows in splits by time, and in splits that test every row in turn: folds, windows."""

from __future__ import annotations

import numpy as np

from benchmark.protocol.arrays import Ints
from benchmark.protocol.dealing import deal
from benchmark.protocol.errors import UserError

NOWHERE, TRAIN, VALIDATION, TEST = range(-1, 3)


def by_time(times: np.ndarray, validation: float, test: float) -> Ints:
    """Return the place of each row: the newest rows test, those before them validate.

    Rows of one point in time stay together.

    Raises:
        UserError: if there are too few points in time.
    """
    first, second = np.quantile(
        times, (1 - validation - test, 1 - test), method="closest_observation"
    )
    places = (times >= first).astype(np.int64) + (times >= second)
    if len(np.unique(places)) < len((TRAIN, VALIDATION, TEST)):
        raise UserError(
            f"{len(np.unique(times)):,} points in time, too unevenly spread for train, "
            "validation and test: change their shares or leave out time="
        )
    return np.asarray(places, np.int64)


def fold_places(labels: Ints, groups: Ints, folds: int, validation: float, seed: int) -> Ints:
    """Return the place of each row at a seed of repeated stratified k-fold, see `VALIDATION`.

    Seeds 0, 1, ... k - 1 test the k folds of one partition, the next k seeds those of another.
    Validation is dealt from the other folds. Rows of one group stay together. Source: Kohavi 1995,
    "A study of cross-validation and bootstrap for accuracy estimation and model selection".

    Args:
        validation: share of all rows.

    Raises:
        UserError: for one fold.
    """
    if folds < 2:
        raise UserError(
            "one fold leaves nothing to train on: folds=5, or folds=0 for random splits"
        )
    repeat, fold = divmod(seed, folds)
    part = deal(labels, groups, [1 / folds] * folds, np.random.default_rng([repeat, folds]))
    places = np.where(part == fold, TEST, TRAIN)
    rest = np.flatnonzero(part != fold)
    share = validation * folds / (folds - 1)
    rng = np.random.default_rng([seed, folds, VALIDATION])
    chosen = deal(labels[rest], groups[rest], (1 - share, share), rng) == 1
    places[rest[chosen]] = VALIDATION
    return np.asarray(places, np.int64)


def window_places(
    times: Ints, groups: Ints, windows: int, validation: float, test: float, seed: int
) -> Ints:
    """Return the place of each row in a window of time; later rows are nowhere.

    Seed 0 tests the newest `test` share of the rows, seed 1 the share before it, and so on; seeds
    beyond the windows begin again. Rows before the tested ones validate, and all before these
    train: no row of the future is in training. A group that is in a later part is left out of the
    earlier ones. Source: Tashman 2000, "Out-of-sample tests of forecasting accuracy" (rolling
    origin).

    Args:
        times: (rows,), numbers in the order of time.
        validation: share of all rows.
        test: share of all rows in each window.

    Raises:
        UserError: if the oldest window leaves no rows to train on.
    """
    if windows * test + validation >= 1:
        raise UserError(
            f"{windows} windows of {test:.0%} and {validation:.0%} to validate leave no rows to "
            "train on: lower windows, test or validation".replace("%", " %")
        )
    newer = (seed % windows) * test
    ends = [1 - newer - test - validation, 1 - newer - test, 1 - newer]
    first, second, third = np.quantile(times, ends, method="closest_observation")
    places = np.full(len(times), TRAIN)
    places[times >= first] = VALIDATION
    places[times >= second] = TEST
    if newer:
        places[times >= third] = NOWHERE
    return without_straddlers(places, groups)


def without_straddlers(places: Ints, groups: Ints) -> Ints:
    """Return the places without rows whose group is in a later split too; these are in none."""
    _, group = np.unique(groups, return_inverse=True)
    latest = np.full(group.max() + 1, NOWHERE)
    np.maximum.at(latest, group, places)
    return np.asarray(np.where(places == latest[group], places, NOWHERE), np.int64)
