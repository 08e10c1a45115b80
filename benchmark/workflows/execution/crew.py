"""Workers of a Dask cluster elsewhere, kept busy with jobs.

Each worker passes the preflight before it gets a job. The coordinator hands jobs out one by one,
so that workers may come late, leave, or be lost with their scheduler, and a job that is lost is
handed out again. Dask carries the calls and tells who is there.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from queue import Empty
from typing import TYPE_CHECKING, Any, Protocol

from benchmark.protocol.errors import UserError
from benchmark.tracking.store import Store
from benchmark.workflows.execution import sealed, stopping
from benchmark.workflows.execution.connection import (
    POLL_SECONDS,
    Connection,
    Events,
)
from benchmark.workflows.execution.examiner import Examiner
from benchmark.workflows.execution.preflight import Requirements, WorkerFacts
from benchmark.workflows.execution.roster import Roster
from benchmark.workflows.execution.wishes import Wishes

if TYPE_CHECKING:
    from distributed import Client, Future

NOBODY_SECONDS = 3.0  # without workers, before it is said


class Jobs(Protocol):
    """What a crew works on."""

    def left(self) -> int | None:
        """Count what nobody does yet; None if everything is done, also by other processes."""

    def take(self, loaded: Any) -> Any:
        """Remove and return the job for a worker whose last one was `loaded`."""

    def give_back(self, job: Any) -> None:
        """Take back a job that was lost with its worker."""

    def call(self, job: Any) -> Callable[[int, str], Any]:
        """Return what the worker calls with the number of its GPU and the job's own."""


@dataclass(frozen=True)
class _Assignment:
    job: Any
    address: str
    future: Future[Any]


class Crew:
    """The workers of a cluster that do the jobs of one benchmark.

    Everything that happens is put into a queue and handled by the thread that calls `work`.
    """

    def __init__(
        self,
        scheduler: str,
        required: Requirements,
        say: Callable[[str], None],
        prepare: Callable[[Client], None] = lambda _: None,
    ) -> None:
        """Connect to a scheduler.

        Args:
            say: called with a line on each worker and on what happens to it.
            prepare: called with each client that is connected.
        """
        self._scheduler, self._required, self._say = scheduler, required, say
        self._events: Events = Events()
        self._roster = Roster()
        self._examiner = Examiner(self._events, self._on_admitted, self._on_refused)
        self._hear: Callable[..., None] = lambda *_: None
        self._give_back: Callable[[Any], None] = lambda _: None
        self._assigned: dict[str, _Assignment] = {}
        self._orphans: dict[str, list[Any]] = {}  # address -> jobs that may go on there
        self._wishes = Wishes()
        self._ended: list[tuple[Any, Any]] = []
        self._nobody_since, self._next_notice = 0.0, NOBODY_SECONDS
        self._connection = Connection(scheduler, self._events, self._on_present, say, prepare)

    def assemble(self, wanted: int) -> None:
        """Wait for the first worker that passes the preflight.

        Args:
            wanted: jobs, for a cluster that starts workers when there is work.

        Raises:
            UserError: if there are workers, but none passes.
        """
        since = time.monotonic()
        while not self._roster.members:
            self._wishes.tell(self._connection.client, wanted)
            self._wait()
            if self._roster.examined or not self._roster.refused:
                since = time.monotonic()
            elif time.monotonic() - since > NOBODY_SECONDS:
                reasons = "; ".join(self._roster.refused.values())
                raise UserError(f"no worker of {self._scheduler} can be used: {reasons}")
        self._wishes.tell(self._connection.client, 0)

    def work(
        self, jobs: Jobs, store: Store, hear: Callable[..., None] = lambda *_: None
    ) -> Iterator[tuple[Any, Any]]:
        """Yield each job with its result, or with the error that it raised.

        If the caller breaks off, the trainings on the workers are stopped.

        Args:
            hear: called with what the jobs tell.

        Raises:
            UserError: if the scheduler is lost.
        """
        self._required = replace(self._required, store=store)
        self._hear, self._give_back = hear, jobs.give_back
        self._listen()
        try:
            while (left := jobs.left()) is not None or self._assigned or self._orphans:
                self._hand_out(jobs, left or 0)
                self._wait()
                while self._ended:
                    yield self._ended.pop(0)
        finally:
            self._wishes.tell(self._connection.client, 0)
            self._stop_trainings()

    def close(self) -> None:
        """Leave the cluster; its workers go on for others."""
        self._examiner.close()
        self._connection.close()

    def _wait(self) -> None:
        """Handle what happened, or wait a moment for something to happen."""
        with suppress(Empty):
            self._events.get(timeout=POLL_SECONDS)()
            while True:
                self._events.get_nowait()()

    def _listen(self) -> None:
        topic = sealed.topic_of(self._required.store)
        self._connection.client.subscribe_topic(topic, lambda event: self._on_told(*event[1]))

    def _on_told(self, kind: str, *words: Any) -> None:
        if kind == "trained":
            self._events.put(partial(self._roster.set_free, *words))
        else:
            self._hear(*words)

    def _hand_out(self, jobs: Jobs, left: int) -> None:
        if self._connection.client.status != "running":
            return
        for member in self._roster.free()[:left]:
            job, number = jobs.take(member.loaded), uuid.uuid4().hex
            future = sealed.submit(
                self._connection.client,
                jobs.call(job),
                member.gpu,
                number,
                key=f"training-{number}",
                workers=[member.address],
                resources=member.resources,
            )
            member.job, member.loaded, left = number, job, left - 1
            self._assigned[number] = _Assignment(job, member.address, future)
            done = partial(self._on_done, number)
            future.add_done_callback(lambda _, done=done: self._events.put(done))
        self._wishes.tell(self._connection.client, left)

    def _on_present(self, present: frozenset[str]) -> None:
        if self._connection.broken:
            self._start_over()
        new, gone = self._roster.update(present)
        for member in gone:
            self._say(f"worker {member.facts.name} left")
            self._lose(member.address)
        for address in [address for address in self._orphans if address not in present]:
            self._release_orphans(address)
        self._examiner.forget(present)
        for address in new:
            self._examiner.ask(self._connection.client, address, self._required)
        self._notice_nobody()

    def _start_over(self) -> None:
        """Examine all workers again after the connection was lost.

        A worker may still train what it was given. That is handed to nobody else before the
        worker has answered, which it does when it is done.
        """
        self._connection.broken = False
        for assigned in self._assigned.values():
            self._orphans.setdefault(assigned.address, []).append(assigned.job)
        self._assigned.clear()
        self._wishes.forget()
        self._roster = Roster()
        self._examiner.forget()
        self._listen()

    def _lose(self, address: str) -> None:
        for number, assigned in list(self._assigned.items()):
            if assigned.address == address:
                del self._assigned[number]
                assigned.future.release()
                self._give_back(assigned.job)

    def _release_orphans(self, address: str) -> None:
        for job in self._orphans.pop(address, []):
            self._give_back(job)

    def _notice_nobody(self) -> None:
        """Say that nobody works, at once and then ever more rarely."""
        now = time.monotonic()
        if self._roster.members:
            self._nobody_since, self._next_notice = 0.0, NOBODY_SECONDS
            return
        self._nobody_since = self._nobody_since or now
        if now - self._nobody_since >= self._next_notice:
            self._next_notice *= 10
            examined, refused = len(self._roster.examined), len(self._roster.refused)
            if examined:
                self._say(f"workers that load libraries and read the data: {examined}")
            else:
                others = f" but {refused} refused" if refused else ""
                self._say(f"no worker at {self._scheduler}{others}: waiting for one (Ctrl-C ends)")

    def _on_admitted(self, address: str, facts: WorkerFacts) -> None:
        if address in self._roster.examined:
            self._roster.admit(address, facts)
            self._release_orphans(address)
            self._say(f"worker {facts}")

    def _on_refused(self, address: str, reason: str) -> None:
        if address in self._roster.examined:
            self._roster.refuse(address, reason)
            self._release_orphans(address)
            self._say(f"refused worker {reason}")

    def _on_done(self, number: str) -> None:
        assigned = self._assigned.get(number)
        if assigned is None:  # given up before
            return
        if assigned.future.cancelled():
            self._connection.broken = True
            return
        del self._assigned[number]
        self._roster.set_free(number)
        result = sealed.result_of(assigned.future)
        if result is None:
            self._give_back(assigned.job)
        else:
            self._ended.append((assigned.job, result[0]))

    def _stop_trainings(self) -> None:
        """Stop what still runs, and wait a little for its end."""
        if not self._assigned or self._connection.broken:
            return
        self._give_back = lambda _: None
        stop = partial(
            self._connection.client.run,
            stopping.stop,
            self._required.store.invocation,
            workers=list({assigned.address for assigned in self._assigned.values()}),
            on_error="ignore",
        )
        threading.Thread(target=stop, daemon=True).start()
        end = time.monotonic() + stopping.GRACE + 2 * POLL_SECONDS
        while self._assigned and time.monotonic() < end:
            with suppress(UserError):
                self._wait()
        self._assigned.clear()
