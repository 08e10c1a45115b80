"""Sends trainings to workers: of this machine, of a cluster elsewhere, or in this process."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING

from benchmark.protocol.grid import Conditions, Training
from benchmark.tracking.store import Store
from benchmark.workflows.execution import remote, worker
from benchmark.workflows.execution.crew import Crew
from benchmark.workflows.execution.tracked_training import (
    Outcome,
    lost_training,
    reason_of,
    run_training,
)
from benchmark.workflows.execution.worker import Report

if TYPE_CHECKING:
    from distributed import Client


def warm_up(client: Client | None, conditions: Conditions) -> None:
    """Let every worker import and load what it needs, without waiting for it."""
    if client is None:
        return
    from distributed import fire_and_forget

    for address in client.scheduler_info(n_workers=-1)["workers"]:
        fire_and_forget(client.submit(_warm_up, conditions, workers=[address], pure=False))


def _warm_up(conditions: Conditions) -> None:
    from distributed import get_worker

    worker.warm_up(conditions, get_worker().name)


def run_trainings(
    client: Client | Crew | None,
    trainings: Sequence[Training],
    store: Store,
    report: Report,
    seconds: float | None = None,
) -> Generator[list[Outcome], None, None]:
    """Run all trainings and yield the outcomes of each as it ends.

    Args:
        client: of a Dask cluster on this machine, or the crew of one elsewhere; None is this
            process.
        report: called with the steps done, while they train.
        seconds: time limit of each training.
    """
    if client is None:
        for training in trainings:
            yield run_training(training, store, report, seconds)
        return
    if isinstance(client, Crew):
        yield from remote.run_trainings(client, trainings, store, report, seconds)
        return
    from distributed import KilledWorker, as_completed

    client.subscribe_topic(_topic(store), lambda event: report(*event[1]))
    futures = {
        client.submit(_run_on_worker, training, store, seconds, pure=False): training
        for training in trainings
    }
    for future in as_completed(list(futures)):
        # dropped, so that Dask does not repeat it if the worker that holds it dies later
        training = futures.pop(future)
        error = future.exception()
        if error is None:
            yield future.result()
        elif isinstance(error, KilledWorker):
            yield lost_training(training, store, "its worker died, again and again")
        else:
            yield lost_training(training, store, reason_of(error))


def _run_on_worker(training: Training, store: Store, seconds: float | None) -> list[Outcome]:
    """Run a training on a worker, which starts the next while this one is logged."""
    from distributed import get_worker, secede

    current = get_worker()

    def report(*event: object) -> None:
        current.log_event(_topic(store), event)

    return run_training(training, store, report, seconds, current.name, secede)


def _topic(store: Store) -> str:
    """Return the topic on which workers report steps; invocations may share a cluster."""
    return f"skewbench-{store.invocation}"
