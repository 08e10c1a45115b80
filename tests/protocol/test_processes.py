"""Pieces of work in processes: in order, here where that is less work, an error in one line."""

from __future__ import annotations

import os

import pytest

from benchmark.protocol.errors import UserError
from benchmark.protocol.processes import in_processes


def _process(piece: int) -> tuple[int, int]:
    return piece, os.getpid()


def _die(piece: int) -> None:
    os._exit(1)


def _fail(piece: int) -> None:
    raise UserError(f"piece {piece} cannot be read")


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


def test_results_come_in_order_from_other_processes() -> None:
    pieces, processes = zip(*in_processes(_process, range(20), 2, "work"), strict=True)
    assert pieces == tuple(range(20))
    assert os.getpid() not in processes and len(set(processes)) <= 2


def test_little_work_stays_in_this_process() -> None:
    assert list(in_processes(_process, range(3), 1, "work")) == [(n, os.getpid()) for n in range(3)]


def test_a_process_that_dies_is_an_error_with_a_name() -> None:
    with pytest.raises(UserError, match="reading the runs: a process died"):
        list(in_processes(_die, range(3), 2, "reading the runs"))


def test_an_error_of_the_work_reaches_the_caller() -> None:
    with pytest.raises(UserError, match="piece 0 cannot be read"):
        list(in_processes(_fail, range(3), 2, "work"))
