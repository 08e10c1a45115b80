"""Which benchmarks are alive: none repeats another's runs, and dead ones are ended.

The run of an invocation names the process that owns it. On the same machine that settles
whether it is alive; on another machine, its last heartbeat does.
"""

from __future__ import annotations

import json
import os
import platform
import threading
import time
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.protocol.errors import UserError
from benchmark.tracking import tags
from benchmark.tracking.history import end_abandoned, fail
from benchmark.tracking.store import Store, pages

if TYPE_CHECKING:
    from mlflow.entities import Run


HEARTBEAT = 60.0  # seconds
SILENCE = 10 * HEARTBEAT  # after which an invocation on another machine counts as dead
OWNERS = ("invocation", "search", "suite")  # kinds of runs that name the process that owns them
OWNED = ("cell", "trial")


class NotAloneError(UserError):
    """Another benchmark is running the same cells."""


def owner_tags() -> dict[str, str]:
    """Return tags by which others can tell whether this process is alive."""
    facts = {"machine": _machine(), "pid": os.getpid(), "began": _began(os.getpid())}
    return {tags.OWNER: json.dumps(facts), tags.ALIVE: f"{time.time():.0f}"}


def require_alone(store: Store, conditions: Collection[str]) -> None:
    """Check that no other living invocation has any of these conditions.

    Raises:
        NotAloneError: if one has.
    """
    for run in _running(store, ["invocation"]):
        if run.info.run_id == store.invocation:
            continue
        if run.data.tags.get(tags.CONDITIONS) in conditions and _is_alive(run.data.tags):
            facts = json.loads(run.data.tags[tags.OWNER])
            silent = time.time() - float(run.data.tags[tags.ALIVE])
            raise NotAloneError(
                "another benchmark with this task, settings, data and steps is running in this "
                f"store (machine {facts['machine'].split()[0]}, process {facts['pid']}, last sign "
                f"of life {max(0, silent):.0f} s ago): wait until it ends, or stop it"
            )


def end_dead_runs(store: Store) -> int:
    """End what dead invocations left RUNNING; return how many runs of cells and trials."""
    alive = living(store)
    left = [
        run for run in _running(store, OWNED) if run.data.tags.get(tags.INVOCATION) not in alive
    ]
    for run in left:
        end_abandoned(store, run, "KILLED", "its benchmark was killed")
    for run in _running(store, OWNERS):
        if run.info.run_id not in alive:
            fail(store, run.info.run_id, "it was killed", "KILLED")
    return len(left)


def living(store: Store) -> set[str]:
    """Return the ids of the runs whose owners are alive, this process's among them."""
    others = {run.info.run_id for run in _running(store, OWNERS) if _is_alive(run.data.tags)}
    return others | {store.invocation}


@contextmanager
def heartbeat(store: Store) -> Iterator[None]:
    """Show others regularly that this invocation is alive, until the block ends."""
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(HEARTBEAT):
            with suppress(Exception):  # whoever needs the store will report it
                store.client.set_tag(store.invocation, tags.ALIVE, f"{time.time():.0f}")

    threading.Thread(target=beat, daemon=True).start()
    try:
        yield
    finally:
        stop.set()


def _running(store: Store, kinds: Iterable[str]) -> list[Run]:
    """Return all RUNNING runs of these kinds, in any experiment."""
    client = store.client
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    queries = [f"tags.`{tags.KIND}` = '{kind}' AND attributes.status = 'RUNNING'" for kind in kinds]
    return [run for query in queries for run in pages(client, experiments, query)]


def _is_alive(run_tags: Mapping[str, str]) -> bool:
    """Return whether the invocation with these tags, not this one, is alive."""
    if tags.OWNER not in run_tags:
        return False
    facts = json.loads(run_tags[tags.OWNER])
    if facts["machine"] == _machine():
        if facts["pid"] == os.getpid():
            return False  # an earlier invocation of this process, which runs one at a time
        return abs(_began(facts["pid"]) - float(facts["began"])) < 2
    return time.time() - float(run_tags[tags.ALIVE]) < SILENCE


def _began(pid: int) -> float:
    """Return when a process of this machine began, in seconds since 1970; 0 if there is none."""
    import psutil

    try:
        process = psutil.Process(pid)
        dead = process.status() == psutil.STATUS_ZOMBIE
        return 0.0 if dead else float(process.create_time())
    except psutil.NoSuchProcess:
        return 0.0


@cache
def _machine() -> str:
    """Return what identifies a machine, or a container on it; the first word is its name."""
    parts = [platform.node() or "unnamed"]
    with suppress(OSError):
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    try:
        parts.append(Path("/etc/machine-id").read_text().strip())
    except OSError:
        parts.append(f"{uuid.getnode():x}")
    return " ".join(parts)
