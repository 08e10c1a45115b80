"""Carries out the trials of a search, here or on the workers of a Dask cluster."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from benchmark.search import trials, work
from benchmark.search.work import Search
from benchmark.tracking import lease
from benchmark.tracking import trials as tracked
from benchmark.tracking.store import Store, one_at_a_time

if TYPE_CHECKING:
    from distributed import Client, Future
    from optuna import Study
    from optuna.trial import FrozenTrial

SECONDS_BETWEEN_LOOKS = 0.2  # at the trials of others, and at the workers


def conduct(
    client: Client | None, search: Search, store: Store, study: Study, seconds: float | None
) -> Iterator[FrozenTrial]:
    """Yields what this process finishes, until no trial is left, not even one of another."""
    trials.retry_lost(study, search.storage, lease.living(store))
    trials.plan(study, search.storage, search.trials)
    if client is None:
        while _left(study, search):
            finished = work.next_trial(search, store, seconds)
            if finished:
                yield finished
            else:
                _wait(study, search)
    else:
        yield from _on_dask(client, search, store, study, seconds)
    _log_missing(search, store, study)


def _on_dask(
    client: Client, search: Search, store: Store, study: Study, seconds: float | None
) -> Iterator[FrozenTrial]:
    from distributed import KilledWorker

    futures: list[Future[FrozenTrial | None]] = []
    room = sum(client.nthreads().values())
    while futures or _left(study, search):
        waiting = _left(study, search).count("WAITING")
        for _ in range(min(waiting, room - len(futures))):
            futures.append(client.submit(_next_trial, search, store, seconds, pure=False))
        _wait(study, search)
        for future in [future for future in futures if future.done()]:
            futures.remove(future)
            error = future.exception()
            if error is None:
                if finished := future.result():
                    yield finished
            elif not isinstance(error, KilledWorker):  # whose trial is retried
                raise error


def _next_trial(search: Search, store: Store, seconds: float | None) -> FrozenTrial | None:
    from distributed import get_worker

    return work.next_trial(search, store, seconds, get_worker().name)


def _left(study: Study, search: Search) -> list[str]:
    """States of the trials that are not finished."""
    standing = trials.standing(study)[: search.trials]
    return [trial.state.name for trial in standing if not trial.state.is_finished()]


def _wait(study: Study, search: Search) -> None:
    time.sleep(SECONDS_BETWEEN_LOOKS)
    trials.retry_lost(study, search.storage)


def _log_missing(search: Search, store: Store, study: Study) -> None:
    """The runs of finished trials whose process died before it could log them."""
    with one_at_a_time(store.uri):
        logged = tracked.logged(store, search.identity)
        others = lease.living(store) - {store.invocation}
        for trial in trials.standing(study):
            owned = trial.user_attrs.get(trials.OWNER) in others
            if trial.state.is_finished() and trial.number not in logged and not owned:
                tracked.log(store, search.identity, work.as_tracked(search, trial))
