"""Sends the preflight to workers and judges their answers, many at once."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from benchmark.protocol.errors import UserError
from benchmark.tracking import probe
from benchmark.workflows.execution import sealed
from benchmark.workflows.execution.connection import Events
from benchmark.workflows.execution.preflight import Requirements, WorkerFacts, examine
from benchmark.workflows.execution.shipping import PACKAGES

if TYPE_CHECKING:
    from distributed import Client, Future

ARRIVAL_SECONDS = 10.0  # that an artifact may take
POLL_SECONDS = 1.0  # between two looks for it
READERS = 8  # answers judged at once: each reads an artifact back


class Examiner:
    """Examines workers; what it finds is put into a queue.

    Args:
        on_admitted, on_refused: called with the worker's address, and with its facts or why it
            cannot be used.
    """

    def __init__(
        self,
        events: Events,
        on_admitted: Callable[[str, WorkerFacts], None],
        on_refused: Callable[[str, str], None],
    ) -> None:
        self._events, self._on_admitted, self._on_refused = events, on_admitted, on_refused
        self._asked: dict[str, Future[WorkerFacts]] = {}
        self._readers = ThreadPoolExecutor(READERS)

    def close(self) -> None:
        """Judge no more."""
        self._asked.clear()
        self._readers.shutdown(wait=False, cancel_futures=True)

    def forget(self, present: Collection[str] = ()) -> None:
        """Wait no longer for the workers that are not present."""
        self._asked = {a: future for a, future in self._asked.items() if a in present}

    def ask(self, client: Client, address: str, required: Requirements) -> None:
        """Send the preflight to a worker."""
        future = sealed.submit(
            client,
            examine,
            required,
            key=f"preflight-{uuid.uuid4().hex}",
            workers=[address],
            priority=1,
        )
        self._asked[address] = future
        judge = partial(self._judge, client, address, required)

        def on_done(answered: Future[WorkerFacts]) -> None:
            with suppress(RuntimeError):  # closed meanwhile
                self._readers.submit(judge, answered)

        future.add_done_callback(on_done)

    def _judge(
        self,
        client: Client,
        address: str,
        required: Requirements,
        answered: Future[WorkerFacts],
    ) -> None:
        if self._asked.get(address) is not answered or answered.cancelled():
            return
        try:
            facts = answered.result()
        except Exception as error:
            reason = f"{_name_of(client, address)}: {_why(error)}"
            self._events.put(partial(self._on_refused, address, reason))
            return
        objections = list(facts.objections)
        if facts.artifact:
            if not _arrives(required, facts):
                objections.append("what it writes as an artifact does not arrive in the store")
            with suppress(Exception):  # takes a permission that not everybody has
                probe.remove(required.store, facts.artifact)
        if objections:
            reason = f"{facts.name}: {'; '.join(objections)}"
            self._events.put(partial(self._on_refused, address, reason))
        else:
            self._events.put(partial(self._on_admitted, address, facts))


def _arrives(required: Requirements, facts: WorkerFacts) -> bool:
    """Return whether this process, too, can read what the worker wrote, now or a little later.

    The first request after a lost network fails: it goes over a connection that was closed.
    """
    end = time.monotonic() + ARRIVAL_SECONDS
    while time.monotonic() < end:
        with suppress(Exception):  # whatever a kind of store raises
            if probe.is_there(required.store, facts.artifact):
                return True
        time.sleep(POLL_SECONDS)
    return False


def _name_of(client: Client, address: str) -> str:
    """Return the name of a worker that did not say it."""
    with suppress(Exception):
        workers = client.scheduler_info(n_workers=-1)["workers"]
        return str(workers[address]["name"])
    return address


def _why(error: BaseException) -> str:
    """Return why a worker could not even be examined."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] in PACKAGES:
        return (
            f"its code lacks {error.name}: start it with PYTHONPATH set to a checkout like this "
            "one, or send it the code with --ship-code yes"
        )
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
