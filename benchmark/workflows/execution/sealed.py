"""Calls to workers that their scheduler passes on unread, and what comes back.

Dask's scheduler unpickles what clients submit, and would need this code to do so. It shall work
with any scheduler, so a call travels as bytes, and the worker alone opens them.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from benchmark.tracking.store import Store

if TYPE_CHECKING:
    from distributed import Client, Future

RESULT_SECONDS = 5.0  # that a result may take to come from its worker


def submit(client: Client, function: Callable[..., Any], *args: Any, **options: Any) -> Future[Any]:
    """Submit a call to a worker; `options` are those of Dask."""

    def unseal(call: bytes) -> Any:  # a local function is pickled with its code, not by its name
        called, given = pickle.loads(call)
        return called(*given)

    return client.submit(unseal, pickle.dumps((function, args)), pure=False, **options)


def result_of(future: Future[Any]) -> tuple[Any] | None:
    """Return a job's result, or its error; None if it was lost with its worker."""
    from distributed import KilledWorker

    if future.status == "error":
        error = future.exception()
        return None if isinstance(error, KilledWorker) else (error,)
    try:
        return (future.result(timeout=RESULT_SECONDS),)
    except Exception:  # it died after it had answered
        return None


def topic_of(store: Store) -> str:
    """Return the topic on which workers report; invocations may share a cluster."""
    return f"skewbench-{store.invocation}"
