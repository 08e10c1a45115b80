"""Carries out the trials of a search, here or on the workers of a Dask cluster."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from benchmark.tracking import lease, trials
from benchmark.tracking.store import Store, one_at_a_time
from benchmark.workflows.execution.pool import keep_busy
from benchmark.workflows.search import storage as trial_storage
from benchmark.workflows.search import trial as search_trial
from benchmark.workflows.search.spec import Search

if TYPE_CHECKING:
    from distributed import Client
    from optuna import Study
    from optuna.trial import FrozenTrial


SECONDS_BETWEEN_LOOKS = 0.2  # at the trials of others, and at the workers


def run_trials(
    client: Client | None, search: Search, store: Store, study: Study, seconds: float | None
) -> Iterator[FrozenTrial]:
    """Yields what this process finishes, until no trial is left, not even one of another."""
    trial_storage.retry_lost(study, search.storage, lease.living(store))
    trial_storage.plan(study, search.storage, search.trials)
    if client is None:
        while _left(study, search):
            finished = search_trial.run_next_trial(search, store, seconds)
            if finished:
                yield finished
            else:
                _wait(study, search)
    else:
        claim = partial(search_trial.run_next_trial, search, store, seconds)
        yield from keep_busy(
            client, claim, lambda: _waiting(study, search), lambda: _wait(study, search)
        )
    _log_missing(search, store, study)


def _left(study: Study, search: Search) -> list[str]:
    """States of the trials that are not finished."""
    standing = trial_storage.standing(study)[: search.trials]
    return [trial.state.name for trial in standing if not trial.state.is_finished()]


def _waiting(study: Study, search: Search) -> int | None:
    """Trials that nobody has claimed; None if all are finished."""
    left = _left(study, search)
    return left.count("WAITING") if left else None


def _wait(study: Study, search: Search) -> None:
    time.sleep(SECONDS_BETWEEN_LOOKS)
    trial_storage.retry_lost(study, search.storage)


def _log_missing(search: Search, store: Store, study: Study) -> None:
    """The runs of finished trials whose process died before it could log them."""
    with one_at_a_time(store.uri):
        logged = trials.logged(store, search.identity)
        others = lease.living(store) - {store.invocation}
        for trial in trial_storage.standing(study):
            owned = trial.user_attrs.get(trial_storage.OWNER) in others
            if trial.state.is_finished() and trial.number not in logged and not owned:
                trials.log(store, search.identity, search_trial.trial_record(search, trial))
