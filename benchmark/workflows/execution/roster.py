"""Who works for a benchmark: workers that passed the preflight, and those that did not."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from benchmark.workflows.execution.preflight import WorkerFacts


@dataclass
class Member:
    """A worker that passed.

    Attributes:
        gpu: number of the GPU that it trains on, among those that it sees.
        job: what it trains now, "" if its device is free.
        loaded: its last job, whose data it still has.
    """

    address: str
    facts: WorkerFacts
    gpu: int
    job: str = ""
    loaded: Any = None

    @property
    def resources(self) -> dict[str, float]:
        """What a training takes of the resources that the worker declares: one GPU."""
        return {"GPU": 1} if self.facts.resources.get("GPU", 0) >= 1 else {}


@dataclass
class Roster:
    """All workers of a cluster by their addresses; a worker that restarts has a new one."""

    members: dict[str, Member] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)  # why, with its name
    examined: set[str] = field(default_factory=set)  # preflight not answered yet

    def update(self, present: Collection[str]) -> tuple[list[str], list[Member]]:
        """Take in who is there; return the addresses that are new, and the members that left."""
        known = {*self.members, *self.refused, *self.examined}
        new = [address for address in present if address not in known]
        gone = [self.members.pop(a) for a in list(self.members) if a not in present]
        self.refused = {a: why for a, why in self.refused.items() if a in present}
        self.examined = {a for a in self.examined if a in present} | set(new)
        return new, gone

    def admit(self, address: str, facts: WorkerFacts) -> None:
        """Add a worker that passed; those that share GPUs of a host are dealt one each in turn."""
        self.examined.discard(address)
        shared = (facts.host, facts.visible)
        taken = [
            member.gpu
            for member in self.members.values()
            if (member.facts.host, member.facts.visible) == shared
        ]
        gpu = min(range(len(facts.gpus) or 1), key=taken.count)
        self.members[address] = Member(address, facts, gpu)

    def refuse(self, address: str, reason: str) -> None:
        """Note why a worker cannot be used."""
        self.examined.discard(address)
        self.refused[address] = reason

    def free(self) -> list[Member]:
        """Return the members whose device is free."""
        return [member for member in self.members.values() if not member.job]

    def set_free(self, job: str) -> None:
        """Note that the device of whoever trained this job is free again."""
        for member in self.members.values():
            if member.job == job:
                member.job = ""
