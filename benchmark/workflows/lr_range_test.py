"""The learning-rate range test: how the loss moves while the rate rises from tiny to far too large.

Source: Smith 2017, "Cyclical learning rates for training neural networks", section 3.3, with a
rate that rises exponentially.
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
from benchmark.training.network import TrainingJob
from benchmark.training.range_test import losses_at_rising_rates
from benchmark.workflows.execution import worker

if TYPE_CHECKING:
    from matplotlib.figure import Figure


LOW, HIGH = 1e-7, 10.0
SMOOTHING = 60  # widths of the Gaussian that smooths the losses, in all the steps
FALLEN = 0.95  # of the way from the first loss to the lowest
DIVERGED = 1.5  # times the lowest loss
FEWEST = 20  # steps that say anything
SEED = 0


@dataclass(frozen=True)
class RangeTest:
    """The loss at each step until it diverged, (steps,), and the rates that stand out.

    Attributes:
        steepest: where the smoothed loss fell fastest.
        settled: where it had fallen by nearly all that it fell: Smith's largest useful rate, at
            which progress slows. It is 0.004 for the networks of insurance, catsdogs and
            cifar10lt, whose own largest rate is 0.002; a tenth of where the loss diverged is
            0.01, 0.002 and 0.02 (``lr TASK --data stand-in``).
        diverged: where it had risen again, if it did.
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
    """Trains the first seed's network for so many steps, at a rate that rises all the time.

    Raises:
        UserError: if the task has no network, or the strategy does not suit it.
    """
    if steps < FEWEST:
        raise UserError(f"{steps} steps are too few for a range test: give at least {FEWEST}")
    device.prepare()
    task = registry.task(task_name)
    if not task.is_network(settings):
        raise UserError(f"task {task_name!r} with these settings has no network to find a rate for")
    data = worker.load(task_name, settings, path)
    grid.require_suitable(task, settings, data.classes, [spec])
    splits = task.split(data, settings, SEED)
    budget = task.budget(settings, data.source)
    classes = len(data.classes)
    job = TrainingJob(task, settings, splits, classes, spec.strategy, budget, SEED)
    rates = np.geomspace(LOW, HIGH, steps)
    return read_losses(
        device.name(task.kind), budget.batch, rates, losses_at_rising_rates(job, rates)
    )


def read_losses(on: str, batch: int, rates: Floats, losses: Floats) -> RangeTest:
    """What the losses at these rates say."""
    finite = np.isfinite(losses)
    end = len(losses) if finite.all() else int(np.argmin(finite))
    if end < FEWEST:
        raise UserError(
            f"the loss is {losses[end]} after {end} steps at a rate of {rates[end]:.1g}: "
            "no rate can be suggested"
        )
    from scipy.ndimage import gaussian_filter1d

    smoothed = gaussian_filter1d(losses[:end], len(rates) / SMOOTHING, mode="nearest")
    risen = smoothed > DIVERGED * np.minimum.accumulate(smoothed)
    risen[:FEWEST] = False  # the first losses say little
    stop = int(np.argmax(risen)) if risen.any() else end
    fall = smoothed[0] - smoothed[:stop].min()
    settled = int(np.argmax(smoothed[:stop] <= smoothed[0] - FALLEN * fall))
    if settled == 0:
        raise UserError("the loss never fell, at any rate: train for more steps")
    return RangeTest(
        device=on,
        batch=batch,
        rates=rates[:stop],
        losses=losses[:stop],
        smoothed=smoothed[:stop],
        steepest=float(rates[np.argmin(np.gradient(smoothed[: settled + 1]))]),
        settled=float(rates[settled]),
        diverged=float(rates[stop]) if stop < len(rates) else None,
    )


def sentence(task: str, found: RangeTest) -> str:
    """What to try, and why."""
    end = "did not diverge" if found.diverged is None else f"diverged at {found.diverged:.1g}"
    return (
        f"{task}: try a largest learning rate of about {found.settled:.1g}, where the loss had "
        f"fallen by nearly all that it fell. With batches of {found.batch} it fell fastest at "
        f"{found.steepest:.1g} and {end}."
    )


def figure(found: RangeTest) -> Figure:
    """Loss against learning rate."""
    drawn, axes = canvas("Learning-rate range test", "learning rate", "loss (nats per row)")
    axes.set_xscale("log")
    axes.plot(found.rates, found.losses, color="0.8", linewidth=0.8, label="each step")
    axes.plot(found.rates, found.smoothed, color="C0", label="smoothed")
    for rate, style, label in (
        (found.settled, "-", "suggested"),
        (found.steepest, ":", "falls fastest"),
    ):
        axes.axvline(rate, color="0.3", linestyle=style, linewidth=1, label=f"{label}: {rate:.1g}")
    axes.set_ylim(0, 1.2 * found.smoothed.max())
    axes.legend()
    return drawn
