"""A task and strategies of the test's own, found by their files as any other."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

import strategies
import tasks
from benchmark.cli.main import main
from benchmark.protocol import fingerprint, registry
from benchmark.protocol.arrays import Ints
from benchmark.protocol.splits import class_shares
from benchmark.protocol.strategy import NONE, OutputLayer, Priors
from benchmark.protocol.task import FitData, Splits
from benchmark.training import estimator
from benchmark.training.job import TrainingJob
from benchmark.training.predictions import Fit, Predictions
from benchmark.training.stages import plan_stages
from benchmark.workflows.execution import worker

TEMPLATE = Path(__file__).parents[1] / "tasks" / "_template.py"

LABELS = np.repeat([0, 1], [20, 10])
LOGITS = np.random.default_rng(1).normal(size=(30, 2)).astype(np.float32).astype(np.float64)
PREDICTIONS = Predictions(np.arange(30), LABELS, LOGITS, LOGITS, np.ones(30))
FIT = Fit(  # what a training might leave
    validation=PREDICTIONS,
    test=PREDICTIONS,
    outputs=dict.fromkeys(("best", "last"), OutputLayer(np.array([3.0, 2.0]), np.zeros(2))),
    priors=Priors(np.array([0.5, 0.5]), np.array([0.8, 0.2])),
    trained_rows=360,
    class_rows=np.array([324, 36]),
    best_step=10,
    seconds={"training": 1.0, "data": 0.1},
    compiled=False,
    device="CPU: an abacus",
    curves={"train/loss": [(10, 0.5)], "val/log_loss": [(10, 0.5)]},
)


def rows_of(splits: Splits) -> FitData:
    """What an estimator is fitted on without a strategy."""
    classes = int(splits.y.max()) + 1
    plan = plan_stages(splits, NONE, classes, 1, 0)
    return estimator.fit_data(NONE, plan, splits, classes)


def fit(job: TrainingJob) -> Fit:
    """What a training might leave, of at most ten rows of each class in each split."""
    rng = np.random.default_rng(job.seed)

    def predictions(rows: Ints) -> Predictions:
        labels = job.splits.y[rows]
        few = [rows[labels == label][:10] for label in range(job.classes)]
        chosen = np.sort(np.concatenate(few))
        logits = rng.normal(size=(len(chosen), job.classes)) + np.eye(job.classes)[y[chosen]]
        logits = logits.astype(np.float32).astype(np.float64)  # as networks give them
        return Predictions(chosen, y[chosen], logits, logits, np.ones(len(chosen)))

    y, steps = job.splits.y, job.budget.steps
    shares = class_shares(y[job.splits.train], job.classes)
    output = OutputLayer(np.linspace(3.0, 2.0, job.classes), np.zeros(job.classes))
    return replace(
        FIT,
        validation=predictions(job.splits.validation),
        test=predictions(job.splits.test),
        outputs=dict.fromkeys(("best", "last"), output),
        priors=Priors(shares, shares),
        trained_rows=len(job.splits.train),
        class_rows=np.bincount(y[job.splits.train], minlength=job.classes),
        best_step=steps,
        curves={name: [(steps, 0.5)] for name in FIT.curves},
    )


@contextmanager
def registered(folder: Path) -> Iterator[None]:
    """Lets the Python files in `folder` count as tasks and as strategies."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strategies, "__path__", [*strategies.__path__, str(folder)])
        patch.setattr(tasks, "__path__", [*tasks.__path__, str(folder)])
        patch.setattr(sys, "dont_write_bytecode", True)  # it tells versions apart by the second
        forget(folder)
        yield
    forget(folder)


def forget(folder: Path) -> None:
    """As a new process would know nothing of the files in `folder`."""
    for file in folder.glob("*.py"):
        for package in (tasks, strategies):
            sys.modules.pop(f"{package.__name__}.{file.stem}", None)
            vars(package).pop(file.stem, None)
    for cached in (
        registry.tasks,
        registry.strategies,
        fingerprint._code,
        fingerprint._imported,
        worker.load,
        worker.find_data,
        worker._split,
    ):
        cached.cache_clear()


def write(folder: Path, rows: int = 360, **strategy_files: str) -> Path:
    """Puts the task `toy`, its data and files of strategies into `folder`."""
    shutil.copy(TEMPLATE, folder / "toy.py")
    for name, text in strategy_files.items():
        (folder / f"{name}.py").write_text(text)
    y = (np.arange(rows) % 6 == 0).astype(np.int64)
    x = np.random.default_rng(0).normal(size=(rows, 3)) + y[:, None]
    np.savez(folder / "data.npz", x=x, y=y)
    return folder


def benchmark(store: str, data: Path, *words: str, strategies: str = "none") -> Result:
    """``run`` of the task `toy` with one seed and ten steps, in this process."""
    given = ["--task", "toy", "--data", str(data), "--strategies", strategies, "--seeds", "1"]
    given += ["--steps", "10", "--workers", "0", "--tracking", store]
    return CliRunner().invoke(main, ["run", *given, *words])


def enliven(model: Any, seed: int = 0) -> None:
    """Give a deep network weights that keep the size of its signals: Keras' own lose it."""
    rng = np.random.default_rng(seed)
    kernels = [values.ndim > 1 for values in model.get_weights()]
    model.set_weights(
        [
            rng.normal(0, np.sqrt(2 / _inputs(values.shape)), values.shape) if kernel else values
            for values, kernel in zip(model.get_weights(), kernels, strict=True)
        ]
    )


def _inputs(shape: tuple[int, ...]) -> float:
    """Inputs of an output; a depthwise kernel, (height, width, channels, 1), has no channels."""
    return float(np.prod(shape[:2] if shape[-1] == 1 else shape[:-1]))
