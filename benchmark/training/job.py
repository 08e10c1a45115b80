"""What a training depends on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from benchmark.protocol.strategy import Strategy
from benchmark.protocol.task import Budget, Splits, Task


@dataclass(frozen=True)
class TrainingJob:
    """Everything that a training depends on; `budget` is that of all networks together."""

    task: Task
    settings: Any
    splits: Splits
    classes: int
    strategy: Strategy
    budget: Budget
    seed: int
