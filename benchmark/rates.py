"""The learning-rate range test: how the loss moves while the rate rises from tiny to far too large.

Source: Smith 2017, "Cyclical learning rates for training neural networks", section 3.3, with a
rate that rises exponentially.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark import device, execute, plan, registry
from benchmark.course import course
from benchmark.errors import UserError
from benchmark.member import Job, batches, build
from benchmark.metrics import Floats
from benchmark.program import program
from benchmark.registry import Remedy
from benchmark.seeding import seeded
from benchmark.train import Clock, Rows, Stretch, losses

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


def range_test(task_name: str, settings: Any, path: str, remedy: Remedy, steps: int) -> RangeTest:
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
    data = execute.load(task_name, settings, path)
    plan.suitable(task, settings, data.classes, [remedy])
    splits = task.split(data, settings, SEED)
    budget = task.budget(settings, data.source)
    classes = len(data.classes)
    job = Job(task, settings, splits, classes, remedy.strategy, budget, SEED)
    rates = np.geomspace(LOW, HIGH, steps)
    return read(device.name(task.kind), budget.batch, rates, _losses(job, steps))


def _losses(job: Job, steps: int) -> Floats:
    """The loss of each step, finite or not, of a training as it begins but for its rate."""
    from keras.optimizers import schedules

    planned = course(job.splits, job.strategy, job.classes, job.budget.steps, job.seed)
    stage = planned.stages[0]
    placed = Rows.place(planned.x, planned.y, device.room())
    with seeded(job.seed), device.precision(job.task.kind):
        network = build(job, job.budget, stage)
        rising = schedules.ExponentialDecay(LOW, steps - 1, HIGH / LOW)
        network.optimizer.learning_rate = rising
        compiled = program(network, stage.loss, (job.task.network, job.settings, job.budget))
        stretch = Stretch(compiled, batches(job, planned, stage, 0, 0), steps)
        found = list(losses(stretch, placed, steps, Clock()))
    return np.concatenate(found).astype(np.float64)


def read(on: str, batch: int, rates: Floats, losses: Floats) -> RangeTest:
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
