"""Runs the trials of a search, in this process or on the workers of a Dask cluster."""

from __future__ import annotations

import time
from collections.abc import Generator
from functools import partial
from typing import TYPE_CHECKING

from benchmark.tracking import lease, trials
from benchmark.tracking.store import Store, locked
from benchmark.workflows.execution import remote
from benchmark.workflows.execution.crew import Crew
from benchmark.workflows.execution.pool import keep_busy
from benchmark.workflows.search import storage
from benchmark.workflows.search.spec import Search
from benchmark.workflows.search.trial import run_next_trial, trial_record

if TYPE_CHECKING:
    from distributed import Client
    from optuna import Study
    from optuna.trial import FrozenTrial


POLL_SECONDS = 0.2  # between two checks of other processes' trials, and of the workers


def run_trials(
    client: Client | Crew | None, search: Search, store: Store, study: Study, seconds: float | None
) -> Generator[FrozenTrial, None, None]:
    """Yield the trials that this process finishes, until no process has one left.

    Args:
        client: of a Dask cluster on this machine, or the crew of one elsewhere; None is this
            process.
        seconds: time limit of each training.
    """
    storage.retry_lost(study, search.storage, lease.living(store))
    storage.plan(study, search.storage, search.trials)
    if client is None:
        while _left(study, search):
            finished = run_next_trial(search, store, seconds)
            if finished:
                yield finished
            else:
                _wait(study, search)
    elif isinstance(client, Crew):
        claim = partial(run_next_trial, search, store, seconds)

        def waiting() -> int | None:
            storage.retry_lost(study, search.storage)
            return _waiting(study, search)

        yield from remote.keep_busy(client, claim, store, waiting)
    else:
        claim = partial(run_next_trial, search, store, seconds)
        yield from keep_busy(
            client, claim, lambda: _waiting(study, search), lambda: _wait(study, search)
        )
    _log_missing(search, store, study)


def _left(study: Study, search: Search) -> list[str]:
    """Return the states of the trials that are not finished."""
    standing = storage.standing(study)[: search.trials]
    return [trial.state.name for trial in standing if not trial.state.is_finished()]


def _waiting(study: Study, search: Search) -> int | None:
    """Count the trials that nobody has claimed; None if all are finished."""
    left = _left(study, search)
    return left.count("WAITING") if left else None


def _wait(study: Study, search: Search) -> None:
    time.sleep(POLL_SECONDS)
    storage.retry_lost(study, search.storage)


def _log_missing(search: Search, store: Store, study: Study) -> None:
    """Log finished trials whose process died before it could."""
    with locked(store.uri):
        logged = trials.logged(store, search.identity)
        others = lease.living(store) - {store.invocation}
        for trial in storage.standing(study):
            owned = trial.user_attrs.get(storage.OWNER) in others
            if trial.state.is_finished() and trial.number not in logged and not owned:
                trials.log(store, search.identity, trial_record(search, trial))
