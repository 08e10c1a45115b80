"""Which benchmarks are alive, so that none repeats another's cells and the dead are cleared away.

An invocation's run says which process runs it. On the same machine that settles whether
it lives; from elsewhere, its last sign of life does.
"""

from __future__ import annotations

import json
import os
import platform
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.protocol.errors import UserError
from benchmark.tracking import history, tags
from benchmark.tracking.store import Store, pages

if TYPE_CHECKING:
    from mlflow.entities import Run


BEAT = 60.0  # seconds between two signs of life
SILENCE = 10 * BEAT  # after which an invocation on another machine counts as dead
OWNERS = ("invocation", "search")  # kinds of runs that say which process runs them
OWNED = ("cell", "trial")


class NotAloneError(UserError):
    """Another benchmark is at the same cells."""


def owner() -> dict[str, str]:
    """Tags by which others tell whether this process is alive."""
    facts = {"machine": _machine(), "pid": os.getpid(), "began": _began(os.getpid())}
    return {tags.OWNER: json.dumps(facts), tags.ALIVE: f"{time.time():.0f}"}


def require_alone(store: Store, conditions: str) -> None:
    """Raises UserError if another living invocation has these conditions."""
    for other in _running(store, ["invocation"]):
        if other.info.run_id == store.invocation:
            continue
        if other.data.tags.get(tags.CONDITIONS) == conditions and _lives(other.data.tags):
            facts = json.loads(other.data.tags[tags.OWNER])
            silent = time.time() - float(other.data.tags[tags.ALIVE])
            raise NotAloneError(
                "another benchmark with this task, settings, data and steps is running in this "
                f"store (machine {facts['machine'].split()[0]}, process {facts['pid']}, last sign "
                f"of life {max(0, silent):.0f} s ago): wait until it ends, or stop it"
            )


def clear_the_dead(store: Store) -> int:
    """Ends what dead invocations left RUNNING; returns how many runs of cells that were."""
    alive = living(store)
    left = [
        run for run in _running(store, OWNED) if run.data.tags.get(tags.INVOCATION) not in alive
    ]
    for run in left:
        history.end_abandoned(store, run, "KILLED", "its benchmark was killed")
    for one in _running(store, OWNERS):
        if one.info.run_id not in alive:
            history.fail(store, one.info.run_id, "it was killed", "KILLED")
    return len(left)


def living(store: Store) -> set[str]:
    """Run ids of the processes that are alive, this one's among them."""
    others = {one.info.run_id for one in _running(store, OWNERS) if _lives(one.data.tags)}
    return others | {store.invocation}


@contextmanager
def sign_of_life(store: Store) -> Iterator[None]:
    """Lets others see from time to time that this invocation lives, until the block ends."""
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(BEAT):
            with suppress(Exception):  # whoever needs the store will say so
                store.client.set_tag(store.invocation, tags.ALIVE, f"{time.time():.0f}")

    threading.Thread(target=beat, daemon=True).start()
    try:
        yield
    finally:
        stop.set()


def _running(store: Store, kinds: Iterable[str]) -> list[Run]:
    client = store.client
    numbers = [experiment.experiment_id for experiment in client.search_experiments()]
    queries = [f"tags.`{tags.KIND}` = '{kind}' AND attributes.status = 'RUNNING'" for kind in kinds]
    return [run for query in queries for run in pages(client, numbers, query)]


def _lives(written: Mapping[str, str]) -> bool:
    """Whether the invocation with these tags, not this one, is alive."""
    if tags.OWNER not in written:
        return False
    facts = json.loads(written[tags.OWNER])
    if facts["machine"] == _machine():
        if facts["pid"] == os.getpid():
            return False  # an earlier one of this process, which runs one at a time
        return abs(_began(facts["pid"]) - float(facts["began"])) < 2
    return time.time() - float(written[tags.ALIVE]) < SILENCE


def _began(pid: int) -> float:
    """When a process of this machine began; 0 if there is none."""
    import psutil

    try:
        process = psutil.Process(pid)
        dead = process.status() == psutil.STATUS_ZOMBIE
        return 0.0 if dead else float(process.create_time())
    except psutil.NoSuchProcess:
        return 0.0


@cache
def _machine() -> str:
    """Tells machines apart, and containers on them; the first word is the name."""
    parts = [platform.node() or "unnamed"]
    with suppress(OSError):
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    try:
        parts.append(Path("/etc/machine-id").read_text().strip())
    except OSError:
        parts.append(f"{uuid.getnode():x}")
    return " ".join(parts)
