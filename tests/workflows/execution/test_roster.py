"""Who works: workers come, are admitted or refused, and leave."""

from __future__ import annotations

from dataclasses import replace

from benchmark.workflows.execution.preflight import WorkerFacts
from benchmark.workflows.execution.roster import Roster

FACTS = WorkerFacts(
    name="w",
    host="h",
    objections=(),
    device="CPU: an abacus",
    gpus=(),
    visible="",
    threads=1,
    memory=8e9,
    resources={},
)
FOUR = replace(FACTS, gpus=("GPU: x",) * 4)


def test_a_worker_is_new_once_and_leaves_once() -> None:
    roster = Roster()
    new, gone = roster.update({"a", "b"})
    assert sorted(new) == ["a", "b"] and gone == []
    roster.admit("a", FACTS)
    roster.refuse("b", "b: other code")
    assert roster.update({"a", "b"}) == ([], [])
    [left] = roster.update({"b"})[1]
    assert left.address == "a" and roster.refused == {"b": "b: other code"}
    assert roster.update(set()) == ([], []) and not roster.refused
    new, _ = roster.update({"a"})  # it is examined again
    assert new == ["a"] and roster.examined == {"a"}


def test_workers_of_a_host_share_its_gpus_in_turn_whatever_their_names() -> None:
    roster = Roster()
    for number in range(6):
        roster.admit(f"tcp://{number}", replace(FOUR, name=f"host-{number}"))
    roster.admit("other host", replace(FOUR, host="i"))
    roster.admit("one GPU of its own", replace(FOUR, visible="3", gpus=("GPU: x",)))
    assert [member.gpu for member in roster.members.values()] == [0, 1, 2, 3, 0, 1, 0, 0]
    roster.update([*map("tcp://{}".format, (0, 1, 3, 4, 5)), "other host"])
    roster.admit("late", FOUR)
    assert roster.members["late"].gpu == 2  # which the one that left had


def test_a_declared_gpu_is_taken_by_one_training() -> None:
    roster = Roster()
    roster.admit("cpu", FACTS)
    roster.admit("gpu", replace(FOUR, resources={"GPU": 1.0}))
    assert [m.resources for m in roster.members.values()] == [{}, {"GPU": 1}]


def test_a_worker_is_free_when_its_device_is() -> None:
    roster = Roster()
    roster.admit("a", FACTS)
    [member] = roster.free()
    member.job = "job"
    assert not roster.free()
    roster.set_free("another job")
    assert not roster.free()
    roster.set_free("job")
    assert roster.free() == [member]
