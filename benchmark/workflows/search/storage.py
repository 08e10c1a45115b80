"""Trials in Optuna's storage: planned ahead, claimed one by one, finished once.

All requested trials are enqueued first, and workers claim those that wait. So several processes
and machines can share a search, and it ends with exactly as many trials as were requested. A
trial whose worker died is failed and enqueued again with the same parameters, by Optuna's own
heartbeat and retry. The new trial then *stands* in place of the failed one.

MLflow's own storage for Optuna has no heartbeat, and Optuna's callback for MLflow is deprecated:
runs are written by ``tracking.trials`` from what is finished here.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.protocol.errors import UserError
from benchmark.tracking.store import SQLITE, locked

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.storages import RDBStorage
    from optuna.storages._heartbeat import BaseHeartbeatThread
    from optuna.trial import FrozenTrial, TrialState


OWNER = "owner"  # user attribute of a trial: run id of the process that runs it
HEARTBEAT = 10.0  # seconds
GRACE = 6  # heartbeats that may be missing
PAUSES = (0.5, 2.0)  # seconds before tables are created again
RETRIES = 2  # of a trial whose worker dies again and again
PRUNING_PERCENTILE = 75.0  # trials outside this best share, at equal seeds, are pruned
UNPRUNED = 8  # trials that finish before any is pruned


def default_storage(tracking: str) -> str:
    """Return the default storage: beside a tracking store that is a file, else here."""
    folder = Path(tracking.removeprefix(SQLITE)).parent if tracking.startswith(SQLITE) else Path()
    return f"{SQLITE}{folder.absolute() / 'optuna.db'}"


def create(url: str, name: str, minimize: bool) -> Study:
    """Return the study of that name; create it if it does not exist.

    Raises:
        UserError: if the storage cannot be reached.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with locked(url), _quiet():
        try:
            return optuna.create_study(
                storage=_with_tables(url),
                study_name=name,
                direction="minimize" if minimize else "maximize",
                load_if_exists=True,
            )
        except Exception as error:  # whatever a driver raises
            raise UserError(
                f"--storage {url} cannot be reached ({_line(error)}): is it there, spelled "
                "rightly, a database of its own, and its driver installed?"
            ) from None


@contextmanager
def reported_lost(url: str) -> Iterator[None]:
    """Report a storage that is lost meanwhile in one line, as UserError."""
    from optuna.exceptions import StorageInternalError

    try:
        yield
    except StorageInternalError as error:
        raise UserError(
            f"--storage {url} was lost ({_line(error.__cause__ or error)}): when it is back, the "
            "same command goes on"
        ) from None


def _line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def load(url: str, name: str) -> Study:
    """Return the study, in a worker."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    pruner = optuna.pruners.PercentilePruner(
        PRUNING_PERCENTILE, n_startup_trials=UNPRUNED, n_min_trials=UNPRUNED
    )
    with _quiet():
        return optuna.load_study(storage=_storage(url), study_name=name, pruner=pruner)


def _with_tables(url: str) -> RDBStorage:
    """Return the storage; create its tables, unless another host does at the same moment."""
    from sqlalchemy.exc import IntegrityError, ProgrammingError

    for pause in PAUSES:
        try:
            return _storage(url, exists=False)
        except (IntegrityError, ProgrammingError):  # a table appeared in between
            time.sleep(pause)
    return _storage(url, exists=False)


@cache
def _storage(url: str, exists: bool = True) -> RDBStorage:
    from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback

    beat = float(os.environ.get("SKEWBENCH_HEARTBEAT", HEARTBEAT))
    return RDBStorage(
        url,
        engine_kwargs={"connect_args": {"timeout": 60}} if url.startswith("sqlite") else {},
        heartbeat_interval=max(1, round(beat)),
        grace_period=max(2, round(GRACE * beat)),
        heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(max_retry=RETRIES),
        skip_table_creation=exists,
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence Optuna's warning that heartbeats are experimental."""
    from optuna.exceptions import ExperimentalWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield


def standing(study: Study) -> list[FrozenTrial]:
    """Return the trials without those that were enqueued again, by their first attempts."""
    from optuna.storages import RetryHeartbeatStaleTrialCallback

    with _quiet():
        history = RetryHeartbeatStaleTrialCallback.retry_history
        trials = study.get_trials(deepcopy=False)
        attempts = {trial.number: [*history(trial), trial.number] for trial in trials}
    retried = {number for numbers in attempts.values() for number in numbers[:-1]}
    return sorted(
        (trial for trial in trials if trial.number not in retried),
        key=lambda trial: attempts[trial.number][0],
    )


def plan(study: Study, url: str, total: int) -> None:
    """Enqueue trials until there are `total` in all."""
    with locked(url):
        for _ in range(total - len(standing(study))):
            study.enqueue_trial({})


def claim(study: Study, url: str, total: int, owner: str) -> Trial | None:
    """Claim the next of the `total` trials that waits; return None if none does."""
    import optuna
    from optuna.trial import TrialState

    with locked(url):  # SQLite would let two processes claim it
        for trial in standing(study)[:total]:
            if trial.state == TrialState.WAITING and _move(study, trial, TrialState.RUNNING):
                # a seed per trial: two workers must not draw the same numbers
                study.sampler = optuna.samplers.TPESampler(seed=trial.number)
                claimed = optuna.Trial(study, trial._trial_id)
                claimed.set_user_attr(OWNER, owner)
                return claimed
    return None


def heartbeat(study: Study, trial: Trial) -> BaseHeartbeatThread:
    """Show other processes that a trial is running."""
    from optuna.storages._heartbeat import get_heartbeat_thread

    return get_heartbeat_thread(trial._trial_id, study._storage)


def retry_lost(study: Study, url: str, living: Collection[str] | None = None) -> None:
    """Fail trials whose process died, and enqueue them again.

    Args:
        living: the processes that may own one; None leaves it to heartbeats.
    """
    import optuna
    from optuna.storages import RetryHeartbeatStaleTrialCallback
    from optuna.trial import TrialState

    with locked(url), _quiet():
        enqueue_again = RetryHeartbeatStaleTrialCallback()
        for trial in study.get_trials(states=(TrialState.RUNNING,)):
            owner = trial.user_attrs.get(OWNER)
            lost = _claimed_long_ago(trial) if owner is None else living and owner not in living
            if lost and _move(study, trial, TrialState.FAIL):
                enqueue_again(
                    study, trial
                )  # without limit: a killed process is not the trial's fault
        optuna.storages.fail_stale_trials(study)


def _claimed_long_ago(trial: FrozenTrial) -> bool:
    """Return whether a trial without an owner was claimed so long ago that its worker died."""
    grace = timedelta(seconds=GRACE * float(os.environ.get("SKEWBENCH_HEARTBEAT", HEARTBEAT)))
    return trial.datetime_start is not None and trial.datetime_start + grace < datetime.now()


def _move(study: Study, trial: FrozenTrial, state: TrialState) -> bool:
    """Move a trial to a state; return whether this process did, and no other before."""
    from optuna.exceptions import UpdateFinishedTrialError

    try:
        return study._storage.set_trial_state_values(trial._trial_id, state=state)
    except UpdateFinishedTrialError:
        return False
