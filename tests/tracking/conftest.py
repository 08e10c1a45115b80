"""What tests of tracking share: a store with an invocation, and cells without a training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from benchmark.protocol.fingerprint import digest
from benchmark.protocol.grid import Cell, Conditions, Plan, Training
from benchmark.protocol.strategy import NONE
from benchmark.protocol.task import Budget
from benchmark.tracking import cells
from benchmark.tracking.invocation import start_invocation
from benchmark.tracking.store import Store, open_store
from benchmark.training.score import score
from tests import stores
from tests.toys import FIT

ENDED = 1_800_000_000_000  # milliseconds


@dataclass(frozen=True)
class Settings:
    """Of a task that does not exist."""

    size: int = 64


CONDITIONS = Conditions(
    task="birds",
    settings=Settings(),
    data="",
    classes=("robin", "wren"),
    counts=(20, 10),
    source="synthetic",
    origin="synthetic birds",
    content="c0ffee",
    budget=Budget(10, 32),
    portion="all",
    identity="now",
)


def make_training(
    *strategies: str, seed: int = 0, code: str = "v1", conditions: Conditions = CONDITIONS
) -> Training:
    """A training of `none` that these strategies share."""
    return Training(
        conditions=conditions,
        strategy="none",
        seed=seed,
        identity=digest("training", conditions.identity, seed, code),
        cells=tuple(
            Cell(name, name, seed, code, digest("cell", conditions.identity, name, seed, code))
            for name in strategies
        ),
    )


def make_plan(*strategies: str, seeds: int = 1, code: str = "v1") -> Plan:
    return Plan(CONDITIONS, [(name, name, code) for name in strategies], (seeds,) * len(strategies))


def result_of(run_id: str) -> cells.CellResult:
    """What a training without an effort leaves for a cell."""
    return cells.CellResult(run_id, ENDED, FIT, score(NONE, FIT), [])


def get_run(store: Store, run_id: str) -> Run:
    """A run, with each of its tags by its own name."""
    [run] = stores.unfolded([MlflowClient(store.uri).get_run(run_id)])
    return run


@pytest.fixture
def opened(store_uri: str) -> Store:
    """A store of the test's own, without an invocation."""
    return open_store(store_uri, "birds")


@pytest.fixture
def store(opened: Store) -> Store:
    """The same with an invocation that plans `none` and `threshold`."""
    return start_invocation(opened, make_plan("none", "threshold"))


@pytest.fixture
def finish(store: Store) -> Callable[..., list[str]]:
    """Starts and completes the cells of a training; returns the ids of their runs."""

    def done(training: Training, **changes: Any) -> list[str]:
        of = replace(store, **changes)
        ids = [cells.start(of, training, cell, 1) for cell in training.cells]
        for run_id in ids:
            cells.complete(of, result_of(run_id))
        return ids

    return done


def tag(store: Store, run_id: str, name: str) -> str:
    return str(get_run(store, run_id).data.tags.get(name, ""))
