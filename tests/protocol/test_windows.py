"""Folds and windows: every row has its turn, no group and nothing of the future is in training."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.protocol.errors import UserError
from benchmark.protocol.windows import NOWHERE, TEST, TRAIN, VALIDATION, fold_places, window_places


@settings(max_examples=15, deadline=None)
@given(folds=st.integers(2, 6), repeat=st.integers(0, 3), seed=st.integers(0, 99))
def test_folds_test_every_row_once_a_repeat_and_keep_groups(
    folds: int, repeat: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 120, 400)
    labels = ((rng.random(120) < 0.3)[groups] & (rng.random(400) < 0.8)).astype(np.int64)
    seeds = range(repeat * folds, (repeat + 1) * folds)
    places = np.stack([fold_places(labels, groups, folds, 0.15, seed) for seed in seeds])
    assert ((places == TEST).sum(axis=0) == 1).all()
    for at in places:
        assert (at != NOWHERE).all()
        for group in np.unique(groups):
            assert len(np.unique(at[groups == group])) == 1
        for part in (TRAIN, VALIDATION, TEST):
            share = labels[at == part].mean()
            assert share == pytest.approx(labels.mean(), abs=0.12)
        assert (at == VALIDATION).mean() == pytest.approx(0.15, abs=0.05)
    other = fold_places(labels, groups, folds, 0.15, seeds[0] + folds)
    assert (other == TEST).tolist() != (places[0] == TEST).tolist()


@settings(max_examples=25, deadline=None)
@given(
    windows=st.integers(1, 4),
    number=st.integers(0, 9),
    points=st.integers(40, 400),
    seed=st.integers(0, 99),
)
def test_no_row_of_the_future_or_of_a_group_is_in_training(
    windows: int, number: int, points: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    times, groups = rng.integers(0, points, 500), rng.integers(0, 300, 500)
    places = window_places(times, groups, windows, 0.15, 0.15, number)
    assert {TRAIN, VALIDATION, TEST} <= set(places.tolist())
    assert times[places == TRAIN].max() < times[places == VALIDATION].min()
    assert times[places == VALIDATION].max() < times[places == TEST].min()
    later = times > times[places == TEST].max()
    assert (places[later] == NOWHERE).all()
    for one, two in ((TRAIN, VALIDATION), (TRAIN, TEST), (VALIDATION, TEST)):
        assert not set(groups[places == one]) & set(groups[places == two])
    again = window_places(times, groups, windows, 0.15, 0.15, number + windows)
    assert again.tolist() == places.tolist()


def test_windows_test_other_rows_and_too_many_are_refused() -> None:
    times = np.arange(200)
    tested = [window_places(times, times, 3, 0.1, 0.2, seed) == TEST for seed in range(3)]
    assert np.sum(tested, axis=0).max() == 1 and all(39 <= each.sum() <= 41 for each in tested)
    with pytest.raises(UserError, match="5 windows of 20 % and 10 % to validate leave no rows"):
        window_places(times, times, 5, 0.1, 0.2, 0)
    with pytest.raises(UserError, match="one fold leaves nothing to train on"):
        fold_places(times % 2, times, 1, 0.1, 0)
