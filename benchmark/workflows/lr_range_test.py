"""The learning-rate range test: the loss while the learning rate rises exponentially.

Source: Smith 2017, "Cyclical learning rates for training neural networks", section 3.3, with
an exponential instead of a linear rise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.protocol import grid, registry
from benchmark.protocol.arrays import Floats
from benchmark.protocol.errors import UserError
from benchmark.protocol.grammar import StrategySpec
from benchmark.training import device
from benchmark.training.figures import canvas
from benchmark.training.job import TrainingJob
from benchmark.training.range_test import losses_at_rising_rates
from benchmark.workflows.execution.worker import load

if TYPE_CHECKING:
    from matplotlib.figure import Figure


LOW, HIGH = 1e-7, 10.0
SMOOTHING = 60  # all steps / standard deviation of the Gaussian that smooths the losses
FALLEN = 0.95  # of the way from the first loss to the lowest
DIVERGED = 1.5  # times the lowest loss
MIN_STEPS = 20
SEED = 0


@dataclass(frozen=True)
class RangeTest:
    """The loss at each step until it diverged, (steps,), and notable learning rates.

    Attributes:
        steepest: rate at which the smoothed loss fell fastest.
        settled: rate at which it had fallen by `FALLEN` of its fall: Smith's largest useful
            rate, at which progress slows. It is 0.004 for the networks of insurance, catsdogs
            and cifar10lt, whose own largest rate is 0.002; a tenth of where the loss diverged
            is 0.01, 0.002 and 0.02 (``lr TASK --data synthetic``).
        diverged: rate at which it had risen again; None if it did not.
    """

    device: str
    batch: int
    rates: Floats
    losses: Floats
    smoothed: Floats
    steepest: float
    settled: float
    diverged: float | None


def range_test(
    task_name: str, settings: Any, path: str, spec: StrategySpec, steps: int
) -> RangeTest:
    """Train the first seed's network at a learning rate that rises at every step.

    Raises:
        UserError: if the task has no network, or the strategy does not suit it.
    """
    if steps < MIN_STEPS:
        raise UserError(f"{steps} steps are too few for a range test: give at least {MIN_STEPS}")
    device.prepare()
    task = registry.task(task_name)
    if not task.is_network(settings):
        raise UserError(f"task {task_name!r} with these settings has no network to find a rate for")
    data = load(task_name, settings, path)
    grid.require_suitable(task, settings, data.classes, [spec])
    splits = task.split(data, settings, SEED)
    budget = task.budget(settings, data.source)
    classes = len(data.classes)
    job = TrainingJob(task, settings, splits, classes, spec.strategy, budget, SEED)
    rates = np.geomspace(LOW, HIGH, steps)
    return read_losses(
        device.name(task.kind), budget.batch, rates, losses_at_rising_rates(job, rates)
    )


def read_losses(device_name: str, batch: int, rates: Floats, losses: Floats) -> RangeTest:
    """Derive the notable rates from the losses at rising rates, both (steps,).

    Raises:
        UserError: if the loss became nan or infinite too soon, or never fell.
    """
    finite = np.isfinite(losses)
    end = len(losses) if finite.all() else int(np.argmin(finite))
    if end < MIN_STEPS:
        raise UserError(
            f"the loss is {losses[end]} after {end} steps at a rate of {rates[end]:.1g}: "
            "no rate can be suggested"
        )
    from scipy.ndimage import gaussian_filter1d

    smoothed = gaussian_filter1d(losses[:end], len(rates) / SMOOTHING, mode="nearest")
    risen = smoothed > DIVERGED * np.minimum.accumulate(smoothed)
    risen[:MIN_STEPS] = False  # the first losses are noise
    stop = int(np.argmax(risen)) if risen.any() else end
    fall = smoothed[0] - smoothed[:stop].min()
    settled = int(np.argmax(smoothed[:stop] <= smoothed[0] - FALLEN * fall))
    if settled == 0:
        raise UserError("the loss never fell, at any rate: train for more steps")
    return RangeTest(
        device=device_name,
        batch=batch,
        rates=rates[:stop],
        losses=losses[:stop],
        smoothed=smoothed[:stop],
        steepest=float(rates[np.argmin(np.gradient(smoothed[: settled + 1]))]),
        settled=float(rates[settled]),
        diverged=float(rates[stop]) if stop < len(rates) else None,
    )


def sentence(task: str, result: RangeTest) -> str:
    """Say which learning rate to try, and why."""
    end = "did not diverge" if result.diverged is None else f"diverged at {result.diverged:.1g}"
    return (
        f"{task}: try a largest learning rate of about {result.settled:.1g}, where the loss had "
        f"nearly finished falling. With batches of {result.batch} it fell fastest at "
        f"{result.steepest:.1g} and {end}."
    )


def figure(result: RangeTest) -> Figure:
    """Plot loss against learning rate."""
    drawn, axes = canvas("Learning-rate range test", "learning rate", "loss (nats per row)")
    axes.set_xscale("log")
    axes.plot(result.rates, result.losses, color="0.8", linewidth=0.8, label="each step")
    axes.plot(result.rates, result.smoothed, color="C0", label="smoothed")
    for rate, style, label in (
        (result.settled, "-", "suggested"),
        (result.steepest, ":", "falls fastest"),
    ):
        axes.axvline(rate, color="0.3", linestyle=style, linewidth=1, label=f"{label}: {rate:.1g}")
    axes.set_ylim(0, 1.2 * result.smoothed.max())
    axes.legend()
    return drawn
