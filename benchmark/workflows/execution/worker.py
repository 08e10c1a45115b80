"""What a process needs to train: the data, the splits and the device, each prepared once."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from benchmark.protocol import grammar, registry
from benchmark.protocol.errors import UserError
from benchmark.protocol.grid import Conditions, Training
from benchmark.protocol.splits import restrict
from benchmark.protocol.task import Data, Splits
from benchmark.tracking.store import preload
from benchmark.training import device, fit
from benchmark.training.job import TrainingJob
from benchmark.training.predictions import Fit

# workers of a cluster elsewhere may have several threads; a process trains one network at a time
TRAINING_LOCK = threading.Lock()

Report = Callable[[str, str, int], None]  # (training's identity, its name, steps done)


@lru_cache(maxsize=1)
def load(task: str, settings: Any, path: str) -> Data:
    """Read the data of a task, once per process; the path "" is synthetic data."""
    kind = registry.task(task)
    return kind.load(settings, Path(path)) if path else kind.synthetic(settings)


@lru_cache(maxsize=1)
def find_data(conditions: Conditions) -> Data:
    """Read the data of a benchmark from the first place on this machine that has its content.

    Raises:
        UserError: if no place has it.
    """
    places = _places(conditions)
    found = [place for place in places if not place or Path(place).exists()]
    if not found:
        raise UserError(f"the data is not at {', nor at '.join(places)}")
    for place in found:
        data = load(conditions.task, conditions.settings, place)
        if data.digest.startswith(conditions.content):
            return data
    raise UserError(
        f"{data.origin} has another content here ({data.digest[:16]}, not {conditions.content}), "
        "or changed while the benchmark ran: start it again"
    )


def _places(conditions: Conditions) -> list[str]:
    """Return where a worker looks for data: where the coordinator has it, or in its own folders."""
    if not conditions.data:
        return [""]
    places = [conditions.data, str(Path("data") / conditions.task)]
    if own := os.environ.get("SKEWBENCH_DATA"):
        places += [str(Path(own) / name) for name in (conditions.task, Path(conditions.data).name)]
    return list(dict.fromkeys(places))


@lru_cache(maxsize=1)
def _split(conditions: Conditions, seed: int) -> Splits:
    """Return the splits of a seed, which all its strategies share."""
    data = find_data(conditions)
    splits = registry.task(conditions.task).split(data, conditions.settings, seed)
    return restrict(splits, data, conditions.portion)


def prepare(worker: object) -> None:
    """Prepare the device of a worker for training.

    Args:
        worker: its name; those of a local cluster are 0, 1, ...
    """
    device.prepare(worker if isinstance(worker, int) else 0)


def warm_up(conditions: Conditions, worker: object) -> None:
    """Import TensorFlow and MLflow and read the data before the first training needs them."""
    prepare(worker)
    preload()
    _split(conditions, 0)


def train(training: Training, report: Report) -> Fit:
    """Train one network or estimator, from data to predictions.

    Args:
        report: called with the steps done, while it trains.
    """
    conditions = training.conditions
    started = time.perf_counter()
    splits = _split(conditions, training.seed)
    waited = time.perf_counter() - started
    trained = fit.fit(
        TrainingJob(
            registry.task(conditions.task),
            conditions.settings,
            splits,
            len(conditions.classes),
            grammar.read(training.strategy).strategy,
            conditions.budget,
            training.seed,
        ),
        lambda steps: report(training.identity, str(training), steps),
    )
    return replace(trained, seconds={**trained.seconds, "data": trained.seconds["data"] + waited})
