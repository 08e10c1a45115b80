"""The connection to a Dask scheduler: made, watched, and made again after it was lost."""

from __future__ import annotations

import logging
import threading
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from benchmark.protocol.errors import UserError

if TYPE_CHECKING:
    from distributed import Client

CONNECT_SECONDS = 10.0  # that a scheduler may take to answer at first
ANSWER_SECONDS = 5.0  # and later
LOST_SECONDS = 60.0  # without an answer, after which it counts as lost
POLL_SECONDS = 1.0  # between two looks at who is there

Events = SimpleQueue[Callable[[], None]]  # what happened, for the main thread to handle


def silence() -> None:
    """Keep Dask's logs off the terminal: outcomes report failures."""
    # Dask gives its client a level of its own
    for name in ("distributed", "distributed.client", "tornado.application"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def connect(scheduler: str) -> Client:
    """Connect to a scheduler; certificates and passwords are those of Dask's configuration.

    Raises:
        UserError: if none answers there, or its certificates do not fit.
    """
    from distributed import Client
    from distributed.versions import VersionMismatchWarning

    silence()
    try:
        with warnings.catch_warnings():
            # a table of its own, for what the preflight refuses in a line
            warnings.simplefilter("ignore", VersionMismatchWarning)
            return Client(scheduler, timeout=CONNECT_SECONDS)
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"no Dask scheduler answers at {scheduler} ({reason})") from None


class Connection:
    """A connection that says when the scheduler is silent, and ends when it is for too long.

    Attributes:
        client: Dask's; another one after the connection was made again.
        broken: whether the scheduler has forgotten what this client had asked for.
    """

    def __init__(
        self,
        scheduler: str,
        events: Events,
        on_present: Callable[[frozenset[str]], None],
        say: Callable[[str], None],
        prepare: Callable[[Client], None],
    ) -> None:
        """Connect.

        Args:
            on_present: called with the addresses of all workers, every second.
            prepare: called with each new client.
        """
        self._scheduler, self._events, self._prepare = scheduler, events, prepare
        self._handle, self._say = on_present, say
        self.client, self.broken = self._connect(), False
        self._silent_since = 0.0
        self._closed = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def _connect(self) -> Client:
        client = connect(self._scheduler)
        self._prepare(client)
        return client

    def close(self) -> None:
        """Leave the cluster; its workers go on for others."""
        self._closed.set()
        with suppress(Exception):
            self.client.close(timeout=ANSWER_SECONDS)

    def _watch(self) -> None:
        """Look who is there, in a thread of its own: a lost connection takes long to answer."""
        while not self._closed.wait(POLL_SECONDS):
            client: Any = self.client
            try:
                present = client.sync(client.scheduler.ncores, callback_timeout=ANSWER_SECONDS)
            except Exception:  # Dask raises all kinds
                self._events.put(self._on_silence)
            else:
                self._events.put(partial(self._on_present, frozenset(present)))

    def _on_present(self, present: frozenset[str]) -> None:
        if self._silent_since:
            self._silent_since = 0.0
            self._say("the scheduler answers again")
        self._handle(present)

    def _on_silence(self) -> None:
        now = time.monotonic()
        self._silent_since = self._silent_since or now
        if now == self._silent_since:
            self._say(
                f"the scheduler at {self._scheduler} does not answer: waiting for it, "
                f"up to {LOST_SECONDS:.0f} s"
            )
        if now - self._silent_since > LOST_SECONDS:
            self.broken = True
            raise UserError(
                f"the scheduler at {self._scheduler} has not answered for {LOST_SECONDS:.0f} s: "
                "when it is back, the same command goes on"
            )
        if self.client.status in ("closing", "closed"):  # Dask gave up
            self.broken = True
            with suppress(UserError):
                self.client = self._connect()
